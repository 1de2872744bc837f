-- Keep dead letters. KEYS[1]: {<ns>:dead}:order. ARGV: id, time, letter for each.

redis.call('ZCARD', KEYS[1])
redis.call('HLEN', prefix .. 'letters')
for i = 1, #ARGV, 3 do
  if redis.call('HSETNX', prefix .. 'letters', ARGV[i], ARGV[i + 2]) == 1 then
    redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
  end
end
return 1
