-- Write one batch of one queue, or nothing.
-- KEYS[1]: <queue>:meta. ARGV: epoch, session, number, batch (see batch.py). Returns {outcome, clock}; 'short 2 5'
-- says that write 2, counted from 0, takes more records off its journal than the 5 that are there.

local epoch, session, number = ARGV[1], ARGV[2], tonumber(ARGV[3])
local id, actors, timers, timers_gone, members, outbox, settled, survived = unpack(cmsgpack.unpack(ARGV[4]))
local meta, now = KEYS[1], clock()
local known = redis.call('HMGET', meta, 'epoch', 'batches', 'session', 'number')

if known[1] ~= epoch then return {'stale', now} end
local batches = known[2] or ''
if string.find('\n' .. batches, '\n' .. id .. '\n', 1, true) then return {'repeated', now} end
-- A packet of an abandoned connection may arrive long after its repetition was answered, even after later batches.
if known[3] == session and number <= tonumber(known[4]) then return {'late', now} end

local attempts = examine_queue()
local statuses, marks, timers_of = {}, {}, {}
for i, write in ipairs(actors) do
  local actor, status, mode, dropped = write[1], write[3], write[6], write[8]
  local there = mode == '' and redis.call('LLEN', journal_key(actor)) or 0
  if dropped > there then return {'short ' .. (i - 1) .. ' ' .. there, now} end
  if mode == 'delete' then
    statuses[i], timers_of[i] = examine(actor)
  else
    local head = redis.call('HMGET', actor_key(actor), 'status', 'marks')
    statuses[i], marks[i] = head[1], head[2]
    if mode == 'new' then redis.call('LLEN', journal_key(actor)) end
    if head[1] and head[1] ~= status then redis.call('ZCARD', status_key(head[1])) end
    redis.call('ZCARD', status_key(status))
  end
end
for _, change in ipairs(members) do redis.call('ZCARD', members_key(change[1])) end

-- From here on, writes.

local kept = id .. '\n' .. batches
if #kept > 1000 then kept = string.match(string.sub(kept, 1, 1000), '^.*\n') or id .. '\n' end
redis.call('HSET', meta, 'batches', kept, 'session', session, 'number', ARGV[3])

local function write_marks(actor, new)
  local closed, stalled, expires = string.sub(new, 1, 1), string.sub(new, 2, 2), string.sub(new, 3)
  if closed == 'c' then
    redis.call('ZADD', prefix .. 'closed', redis.call('HINCRBY', meta, 'sequence', 1), actor)
  else
    redis.call('ZREM', prefix .. 'closed', actor)
  end
  redis.call(stalled == 's' and 'SADD' or 'SREM', prefix .. 'stalled', actor)
  if expires ~= '0' then
    redis.call('ZADD', prefix .. 'expires', expires, actor)
  else
    redis.call('ZREM', prefix .. 'expires', actor)
  end
end

for i, write in ipairs(actors) do
  local actor, run, status, state, mark, mode, append, dropped = unpack(write)
  if mode == 'delete' then
    forget(actor, statuses[i], timers_of[i])
  else
    if statuses[i] ~= status then
      if statuses[i] then redis.call('ZREM', status_key(statuses[i]), actor) end
      redis.call('ZADD', status_key(status), 0, actor)
    end
    -- '--0', the mark of a plain running instance, is in no index: nothing to write for a new one.
    local old = marks[i] or '--0'
    if old ~= mark or string.sub(mark, 1, 1) == 'c' then write_marks(actor, mark) end
    redis.call('HSET', actor_key(actor), 'run', run, 'status', status, 'state', state, 'marks', mark, 'updated', now)
    if mode == 'new' then redis.call('DEL', journal_key(actor)) end
    if dropped > 0 then redis.call('LTRIM', journal_key(actor), 0, -1 - dropped) end
    sliced('RPUSH', journal_key(actor), append)
  end
  if attempts > 0 then redis.call('HDEL', prefix .. 'attempts', actor) end
end

sliced('ZREM', prefix .. 'timers', timers_gone)
sliced('ZREM', prefix .. 'timers-by-actor', timers_gone)
sliced('ZADD', prefix .. 'timers', timers)
local by_actor = {}
for i = 2, #timers, 2 do
  by_actor[i - 1], by_actor[i] = 0, timers[i]
end
sliced('ZADD', prefix .. 'timers-by-actor', by_actor)

for _, change in ipairs(members) do
  sliced('ZADD', members_key(change[1]), change[2])
  sliced('ZREM', members_key(change[1]), change[3])
end

if attempts > 0 then sliced('HDEL', prefix .. 'attempts', survived) end
sliced('HDEL', prefix .. 'pending', settled)
if outbox ~= '' then
  redis.call('HSET', prefix .. 'pending', id, redis.call('HINCRBY', meta, 'sequence', 1) .. ' ' .. outbox)
end
return {'done', now}
