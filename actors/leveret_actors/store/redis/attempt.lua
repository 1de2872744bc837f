-- Note that a node tries an actor's redelivered messages.
-- KEYS[1]: <queue>:meta. ARGV: epoch, actor, node. Returns how many nodes have tried, or -1 when the epoch is stale.
-- Repeating a call whose reply was lost changes nothing.

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return -1 end
local tried = redis.call('HGET', prefix .. 'attempts', ARGV[2]) or '\n'
if not string.find(tried, '\n' .. ARGV[3] .. '\n', 1, true) then
  tried = tried .. ARGV[3] .. '\n'
  redis.call('HSET', prefix .. 'attempts', ARGV[2], tried)
end
local _, lines = string.gsub(tried, '\n', '')
return lines - 1
