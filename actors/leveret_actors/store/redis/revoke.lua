-- Revoke tasks, and end their leases. KEYS: one for each. ARGV: end in milliseconds, the same in seconds, then task and
-- sequence for whatever a key may name. A later end stands.

examine_leases()
local ends, leases = {}, {}
for i, key in ipairs(KEYS) do ends[i] = tonumber(redis.call('GET', key) or 0) end
for i = 3, #ARGV, 2 do
  local lease = read_lease(ARGV[i])
  if lease and lease[4] == ARGV[i + 1] and (lease[7] == 'running' or lease[7] == 'delegated') then
    leases[#leases + 1] = ARGV[i]
  end
end
for i, key in ipairs(KEYS) do
  if ends[i] < tonumber(ARGV[1]) then redis.call('SET', key, ARGV[1], 'PXAT', ARGV[1]) end
end
for _, task in ipairs(leases) do
  redis.call('HSET', lease_key(task), 'status', 'cancelled', 'holder', '', 'body', '', 'parcel', '')
  write_until(task, ARGV[2])
end
return 1
