-- Note that a node tries what an owner may have died of.
-- KEYS[1]: <queue>:meta. ARGV: epoch, node, the owner before or '', actors. Returns 1, or 0 when the epoch is stale.
-- Repeating a call whose reply was lost changes nothing.

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
for i = 4, #ARGV do
  local earlier = redis.call('HGET', prefix .. 'attempts', ARGV[i])
  local tried = earlier or (ARGV[3] == '' and '\n' or '\n' .. ARGV[3] .. '\n')
  if not string.find(tried, '\n' .. ARGV[2] .. '\n', 1, true) then tried = tried .. ARGV[2] .. '\n' end
  if tried ~= earlier then redis.call('HSET', prefix .. 'attempts', ARGV[i], tried) end
end
return 1
