-- Give leases that are over their time to somebody; those of ended tasks vanish. KEYS[1]: {<ns>:tasks}:leases.
-- ARGV: holder, seconds, limit. Looks at that many, and returns how many there were, then the leases.

examine_leases()
local over = redis.call('ZRANGEBYSCORE', prefix .. 'leases-by-time', '-inf', clock(), 'LIMIT', 0, ARGV[3])
local ends, found, claimed = later(ARGV[2]), {}, {}
for i, task in ipairs(over) do found[i] = read_lease(task) or false end
for i, task in ipairs(over) do
  local lease = found[i]
  local status = lease and lease[7]
  if status == 'running' or status == 'delegated' or status == 'finished' then
    lease[8], lease[9] = ARGV[1], ends
    redis.call('HSET', lease_key(task), 'holder', ARGV[1])
    write_until(task, ends)
    claimed[#claimed + 1] = lease
  else
    drop_lease(task)
  end
end
return {#over, claimed}
