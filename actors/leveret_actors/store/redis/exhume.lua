-- Remove dead letters. KEYS[1]: {<ns>:dead}:order. ARGV: ids. Returns how many were there.

redis.call('ZCARD', KEYS[1])
redis.call('HLEN', prefix .. 'letters')
local count = 0
for _, id in ipairs(ARGV) do
  count = count + redis.call('HDEL', prefix .. 'letters', id)
  redis.call('ZREM', KEYS[1], id)
end
return count
