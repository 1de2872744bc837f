-- Put one lease in the place of another, or take it off. KEYS[1]: {<ns>:tasks}:leases.
-- ARGV: seconds, put or drop, the eleven fields of the old lease, those of the new one. Returns 1 if that is so now.

examine_leases()
local lease = read_lease(ARGV[3])
if not lease then return ARGV[2] == 'drop' and 1 or 0 end
if ARGV[2] == 'put' and is_like(lease, 14) then return 1 end
if not is_like(lease, 3) then return 0 end
if ARGV[2] == 'drop' then
  drop_lease(ARGV[3])
else
  write_lease(14, later(ARGV[1]))
end
return 1
