-- Put before the scripts about leases. A lease is a hash; two sorted sets list them, by time and by name.

local FIELDS = {'task', 'service', 'name', 'sequence', 'attempt', 'deaths', 'status', 'holder', 'until', 'body', 'parcel',
                'progress'}

local function lease_key(task) return prefix .. 'lease:' .. task end
local function later(seconds) return string.format('%.6f', clock() + tonumber(seconds)) end

-- Read the keys that all leases share: none of them may be of a wrong type once something is written.
local function examine_leases()
  redis.call('ZCARD', prefix .. 'leases')
  redis.call('ZCARD', prefix .. 'leases-by-time')
end

-- Return a lease's fields by their order in FIELDS, or nothing.
local function read_lease(task)
  local lease = redis.call('HMGET', lease_key(task), unpack(FIELDS))
  if lease[1] then return lease end
end

local function order_of(sequence, attempt, deaths)
  return {tonumber(sequence), tonumber(attempt), tonumber(deaths)}
end

-- Return -1, 0 or 1.
local function compare(one, other)
  for i = 1, 3 do
    if one[i] ~= other[i] then return one[i] < other[i] and -1 or 1 end
  end
  return 0
end

local function write_until(task, ends)
  redis.call('HSET', lease_key(task), 'until', ends)
  redis.call('ZADD', prefix .. 'leases-by-time', ends, task)
end

-- Write a lease whose fields stand in ARGV from `first` on, without its time, which is `ends`.
local function write_lease(first, ends)
  local task = ARGV[first]
  local flat, at = {}, first
  for _, field in ipairs(FIELDS) do
    if field ~= 'until' then
      flat[#flat + 1] = field
      flat[#flat + 1] = ARGV[at]
      at = at + 1
    end
  end
  redis.call('HSET', lease_key(task), unpack(flat))
  redis.call('ZADD', prefix .. 'leases', 0, task)
  write_until(task, ends)
end

local function drop_lease(task)
  redis.call('DEL', lease_key(task))
  redis.call('ZREM', prefix .. 'leases', task)
  redis.call('ZREM', prefix .. 'leases-by-time', task)
end

-- Tell whether a lease is as ARGV has it from `first` on.
local function is_like(lease, first)
  local order = order_of(lease[4], lease[5], lease[6])
  return compare(order, order_of(ARGV[first + 3], ARGV[first + 4], ARGV[first + 5])) == 0
    and lease[7] == ARGV[first + 6] and lease[8] == ARGV[first + 7]
end
