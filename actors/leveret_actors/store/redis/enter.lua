-- Give seats up, then take seats and tokens. KEYS: for each entry its room and its bucket, then the rooms that are left.
-- ARGV: seconds, count of entries; for each entry: seat, seats, tokens in a second, most; then the seats that are given
-- up. A room is a sorted set of seats by the time until which they are taken. Returns inside and wait of each.

local seconds, entries = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = clock()
local time = tonumber(now)
for number = 1, entries do
  redis.call('ZCARD', KEYS[2 * number - 1])
  redis.call('GET', KEYS[2 * number])
end
for number = 2 * entries + 1, #KEYS do redis.call('ZCARD', KEYS[number]) end

for number = 2 * entries + 1, #KEYS do
  redis.call('ZREM', KEYS[number], ARGV[2 + 2 * entries + number])
end

-- Take a token out of a bucket, as `draw.lua`; returns the seconds to wait, 0 when there was one.
local function take(key, rate, most)
  local interval = 1 / rate
  local full = math.min(math.max(tonumber(redis.call('GET', key) or '0'), time), time + most * interval)
  local room = (time - full) / interval + most
  if room + 0.000001 < 1 then return math.max(0.000001, (1 - room) * interval) end
  full = full + interval
  redis.call('SET', key, string.format('%.6f', full), 'PX', math.max(1, math.ceil((full - time) * 1000)))
  return 0
end

local function enter(room, bucket, seat, seats, rate, most)
  if seats > 0 then redis.call('ZREMRANGEBYSCORE', room, '-inf', now) end
  if seats > 0 and redis.call('ZCARD', room) >= seats and not redis.call('ZSCORE', room, seat) then
    return { 0, '0' }
  end
  if rate > 0 then
    local wait = take(bucket, rate, most)
    if wait > 0 then return { 0, string.format('%.6f', wait) } end
  end
  if seats > 0 then
    redis.call('ZADD', room, string.format('%.6f', time + seconds), seat)
    redis.call('PEXPIRE', room, math.ceil(seconds * 1000) + 1000)
  end
  return { 1, '0' }
end

local found = {}
for number = 1, entries do
  local first = 4 * number - 1
  found[number] = enter(
    KEYS[2 * number - 1], KEYS[2 * number], ARGV[first],
    tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
  )
end
return found
