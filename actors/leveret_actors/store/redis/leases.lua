-- Read a page of leases without their bodies. KEYS[1]: {<ns>:tasks}:leases. ARGV: lexical minimum, limit.

local page = {}
for _, task in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  local lease = read_lease(task)
  if lease then
    lease[10], lease[11] = '', ''
    page[#page + 1] = lease
  end
end
return page
