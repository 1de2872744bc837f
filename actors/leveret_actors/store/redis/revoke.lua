-- Revoke tasks. KEYS: one for each. ARGV: end in milliseconds. A later end stands.

local ends = {}
for i, key in ipairs(KEYS) do ends[i] = tonumber(redis.call('GET', key) or 0) end
for i, key in ipairs(KEYS) do
  if ends[i] < tonumber(ARGV[1]) then redis.call('SET', key, ARGV[1], 'PXAT', ARGV[1]) end
end
return 1
