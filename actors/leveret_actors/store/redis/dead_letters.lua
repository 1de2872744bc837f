-- Read a page of dead letters, oldest first. KEYS[1]: {<ns>:dead}:order. ARGV: id before the page or nothing, limit.
-- When that id has been removed meanwhile, the page is the first one.

local first = 0
if ARGV[1] ~= '' then
  local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
  if rank then first = rank + 1 end
end
local letters = {}
for i, id in ipairs(redis.call('ZRANGE', KEYS[1], first, first + ARGV[2] - 1)) do
  letters[i] = redis.call('HGET', prefix .. 'letters', id)
end
return letters
