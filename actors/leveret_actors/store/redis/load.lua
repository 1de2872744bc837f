-- Read many actors. KEYS[1]: <queue>:meta. ARGV: 1 or 0 (with journals), actors. Returns {state, records} or nil for each.

local found = {}
for i = 2, #ARGV do
  local head = redis.call('HMGET', actor_key(ARGV[i]), 'state', 'marks')
  if head[1] then
    local records = {}
    if ARGV[1] == '1' and string.sub(head[2], 1, 1) ~= 'c' then
      records = redis.call('LRANGE', journal_key(ARGV[i]), 0, -1)
    end
    found[i - 1] = {head[1], records}
  else
    found[i - 1] = false
  end
end
return found
