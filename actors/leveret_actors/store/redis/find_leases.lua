-- Read leases. KEYS[1]: {<ns>:tasks}:leases. ARGV: tasks. Returns each, or nothing.

local found = {}
for i, task in ipairs(ARGV) do found[i] = read_lease(task) or false end
return found
