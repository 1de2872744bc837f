-- Remove actors that are past their time, or closed beyond the newest `keep`.
-- KEYS[1]: <queue>:meta. ARGV: epoch, keep, limit. Returns how many, or -1 when the epoch is stale.

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return -1 end
local keep, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
examine_queue()

local doomed = redis.call('ZRANGEBYSCORE', prefix .. 'expires', '-inf', clock(), 'LIMIT', 0, limit)
local chosen, closed = {}, redis.call('ZCARD', prefix .. 'closed')
for _, actor in ipairs(doomed) do
  chosen[actor] = true
  if redis.call('ZSCORE', prefix .. 'closed', actor) then closed = closed - 1 end
end
local oldest = 0
while closed > keep and #doomed < limit do
  local actor = redis.call('ZRANGE', prefix .. 'closed', oldest, oldest)[1]
  if not actor then break end
  oldest = oldest + 1
  if not chosen[actor] then
    doomed[#doomed + 1] = actor
    closed = closed - 1
  end
end

local statuses, timers = {}, {}
for i, actor in ipairs(doomed) do statuses[i], timers[i] = examine(actor) end
for i, actor in ipairs(doomed) do forget(actor, statuses[i], timers[i]) end
return #doomed
