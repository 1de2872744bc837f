-- Renew running leases. KEYS[1]: {<ns>:tasks}:leases. ARGV: holder, seconds, then for each: task, sequence, attempt,
-- deaths, 1 or 0 (with progress), progress. Returns for each what became of it, empty if it is still the holder's.

examine_leases()
local lost, ends = {}, later(ARGV[2])
for first = 3, #ARGV, 6 do
  local lease = read_lease(ARGV[first])
  local order = order_of(ARGV[first + 1], ARGV[first + 2], ARGV[first + 3])
  if not lease or compare(order_of(lease[4], lease[5], lease[6]), order) ~= 0 then
    lost[#lost + 1] = 'gone'
  elseif lease[7] ~= 'running' then
    lost[#lost + 1] = lease[7]
  else
    lost[#lost + 1] = lease[8] == ARGV[1] and '' or 'gone'
  end
end
for i, text in ipairs(lost) do
  local first = 3 + (i - 1) * 6
  if text == '' then
    if ARGV[first + 4] == '1' then redis.call('HSET', lease_key(ARGV[first]), 'progress', ARGV[first + 5]) end
    write_until(ARGV[first], ends)
  end
end
return lost
