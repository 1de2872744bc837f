-- Read many actors. KEYS[1]: <queue>:meta. ARGV: 1 or 0 (with journals), most bytes of records, actors. Returns
-- {state, records} or nil for each, for fewer of them once there are so many bytes: Redis does nothing else meanwhile.

local found, size = {}, 0
for i = 3, #ARGV do
  if size > tonumber(ARGV[2]) then break end
  local head = redis.call('HMGET', actor_key(ARGV[i]), 'state', 'marks')
  if head[1] then
    local records = {}
    if ARGV[1] == '1' and string.sub(head[2], 1, 1) ~= 'c' then
      records = redis.call('LRANGE', journal_key(ARGV[i]), 0, -1)
      for _, record in ipairs(records) do size = size + #record end
    end
    found[i - 2] = {head[1], records}
  else
    found[i - 2] = false
  end
end
return found
