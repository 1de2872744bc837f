-- Remember the highest attempt of a task. KEYS[1]: its key. ARGV: attempt, end in milliseconds. A later end stands.

local attempt, ends = ARGV[1], ARGV[2]
local known = redis.call('GET', KEYS[1])
if known then
  local noted, until_then = string.match(known, '^(%d+) (%d+)$')
  if tonumber(noted) > tonumber(attempt) then attempt = noted end
  if tonumber(until_then) > tonumber(ends) then ends = until_then end
end
redis.call('SET', KEYS[1], attempt .. ' ' .. ends, 'PXAT', ends)
return 1
