-- Put before every other script. KEYS[1] names a key that exists whenever anything of its queue does, and all keys of a
-- queue share its hash tag: on a cluster the script runs where that key is.
--
-- Redis does not roll back. So each script reads every key that it is going to write before its first write: a key of a
-- wrong type, or one that moved to another server with half of its slot, ends the script while nothing is written.

local prefix = string.match(KEYS[1], '^{[^}]*}:')

-- Seconds and microseconds as text: Lua would print a number with 14 digits.
local function clock()
  local time = redis.call('TIME')
  return time[1] .. '.' .. string.format('%06d', tonumber(time[2]))
end

-- One command over a list of any length, in even slices that fit on Lua's stack.
local function sliced(command, key, values)
  for first = 1, #values, 6000 do
    redis.call(command, key, unpack(values, first, math.min(first + 5999, #values)))
  end
end

local function actor_key(actor) return prefix .. 'actor:' .. actor end
local function journal_key(actor) return prefix .. 'journal:' .. actor end
local function members_key(actor) return prefix .. 'members:' .. actor end
local function status_key(status) return prefix .. 'status:' .. status end

-- Read all that removing this actor would write; returns its status and its timers.
local function examine(actor)
  redis.call('LLEN', journal_key(actor))
  redis.call('ZCARD', members_key(actor))
  local status = redis.call('HGET', actor_key(actor), 'status')
  if status then redis.call('ZCARD', status_key(status)) end
  local head = #actor .. ':' .. actor
  return status, redis.call('ZRANGEBYLEX', prefix .. 'timers-by-actor', '[' .. head, '(' .. head .. ':')
end

-- Remove everything of one actor.
local function forget(actor, status, timers)
  sliced('ZREM', prefix .. 'timers', timers)
  sliced('ZREM', prefix .. 'timers-by-actor', timers)
  redis.call('DEL', actor_key(actor), journal_key(actor), members_key(actor))
  if status then redis.call('ZREM', status_key(status), actor) end
  redis.call('ZREM', prefix .. 'closed', actor)
  redis.call('ZREM', prefix .. 'expires', actor)
  redis.call('SREM', prefix .. 'stalled', actor)
  redis.call('HDEL', prefix .. 'attempts', actor)
end

-- Read the keys that all actors of a queue share; returns how many attempts are marked.
local function examine_queue()
  redis.call('ZCARD', prefix .. 'timers')
  redis.call('ZCARD', prefix .. 'timers-by-actor')
  redis.call('ZCARD', prefix .. 'closed')
  redis.call('ZCARD', prefix .. 'expires')
  redis.call('SCARD', prefix .. 'stalled')
  redis.call('HLEN', prefix .. 'pending')
  return redis.call('HLEN', prefix .. 'attempts')
end
