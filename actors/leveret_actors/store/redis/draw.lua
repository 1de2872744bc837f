-- Take tokens out of buckets. KEYS: one key for each draw, which holds the time at which the bucket is full again.
-- ARGV: for each draw: wanted, tokens in a second, most. Returns count and wait of each. See `restraints.drawn`.

local found, now = {}, tonumber(clock())
local known = {}
for number, key in ipairs(KEYS) do known[number] = tonumber(redis.call('GET', key) or '0') end

for number, key in ipairs(KEYS) do
  local wanted = tonumber(ARGV[3 * number - 2])
  local interval, most = 1 / tonumber(ARGV[3 * number - 1]), tonumber(ARGV[3 * number])
  local full = math.min(math.max(known[number], now), now + most * interval)
  local room = (now - full) / interval + most
  local count = math.min(wanted, math.floor(room + 0.000001))
  local wait = 0
  if count < wanted then wait = math.max(0, (count + 1 - room) * interval) end
  if count > 0 then
    full = full + count * interval
    redis.call('SET', key, string.format('%.6f', full), 'PX', math.max(1, math.ceil((full - now) * 1000)))
  end
  found[#found + 1] = { count, string.format('%.6f', wait) }
end
return found
