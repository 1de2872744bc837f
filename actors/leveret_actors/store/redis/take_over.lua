-- Give the queue to a node under the next epoch.
-- KEYS[1]: <queue>:meta. ARGV: node. Returns {epoch, clock, pending outboxes, stalled actors, score of the first timer,
-- the owner before}.

local pending = redis.call('HGETALL', prefix .. 'pending')
local stalled = redis.call('SMEMBERS', prefix .. 'stalled')
local first = redis.call('ZRANGE', prefix .. 'timers', 0, 0, 'WITHSCORES')
local before = redis.call('HGET', KEYS[1], 'node') or ''
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HSET', KEYS[1], 'node', ARGV[1])
return {epoch, clock(), pending, stalled, first[2] or '0', before}
