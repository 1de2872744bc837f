-- Say that a queue's owner hands it over.
-- KEYS[1]: <queue>:meta. ARGV: epoch. Returns 1, or 0 when the epoch is over.

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'node', '')
return 1
