-- Take leases. KEYS[1]: {<ns>:tasks}:leases. ARGV: seconds, then the eleven fields of each lease.
-- Returns for each nothing, or the lease that is in its way.

examine_leases()
local found, ends = {}, later(ARGV[1])
for first = 2, #ARGV, 11 do found[#found + 1] = read_lease(ARGV[first]) or false end
local written = {}
for i, lease in ipairs(found) do
  local first = 2 + (i - 1) * 11
  if written[ARGV[first]] then lease = read_lease(ARGV[first]) end
  local order = order_of(ARGV[first + 3], ARGV[first + 4], ARGV[first + 5])
  local there = lease and compare(order_of(lease[4], lease[5], lease[6]), order)
  if not lease or there < 0 or (there == 0 and is_like(lease, first)) then
    write_lease(first, ends)
    written[ARGV[first]] = true
    found[i] = false
  else
    found[i] = lease
  end
end
return found
