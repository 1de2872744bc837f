-- Count an attempt at an actor's redelivered messages.
-- KEYS[1]: <queue>:meta. ARGV: epoch, actor, token of this call. Returns the count, or -1 when the epoch is stale.
-- The token of the last call is kept: repeating a call whose reply was lost counts once.

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return -1 end
local known = redis.call('HGET', prefix .. 'attempts', ARGV[2]) or '0 '
local count, token = string.match(known, '^(%d+) (.*)$')
if token == ARGV[3] then return tonumber(count) end
redis.call('HSET', prefix .. 'attempts', ARGV[2], (count + 1) .. ' ' .. ARGV[3])
return count + 1
