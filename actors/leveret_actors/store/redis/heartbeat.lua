-- Say that a node lives. KEYS[1]: {<ns>:nodes}:until. ARGV: node, lifetime in seconds, info.

local now, node, lifetime = clock(), ARGV[1], tonumber(ARGV[2])
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now - 3600))
redis.call('HLEN', prefix .. 'info')
if lifetime <= 0 then gone[#gone + 1] = node end
sliced('ZREM', KEYS[1], gone)
sliced('HDEL', prefix .. 'info', gone)
if lifetime > 0 then
  redis.call('HSET', prefix .. 'info', node, now .. ' ' .. ARGV[3])
  redis.call('ZADD', KEYS[1], string.format('%.6f', now + lifetime), node)
end
return 1
