-- Keep seats. KEYS: their rooms. ARGV: seconds, then the seats.

local seconds = tonumber(ARGV[1])
local till = string.format('%.6f', tonumber(clock()) + seconds)
for _, key in ipairs(KEYS) do redis.call('ZCARD', key) end
for number, key in ipairs(KEYS) do
  redis.call('ZADD', key, till, ARGV[number + 1])
  redis.call('PEXPIRE', key, math.ceil(seconds * 1000) + 1000)
end
return 1
