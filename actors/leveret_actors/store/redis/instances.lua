-- Read a page of actors with one status. KEYS[1]: <queue>:meta. ARGV: status, lexical minimum, limit.
-- Returns {actor, run, status, updated} for each.

local rows = {}
for i, actor in ipairs(redis.call('ZRANGEBYLEX', status_key(ARGV[1]), ARGV[2], '+', 'LIMIT', 0, ARGV[3])) do
  local head = redis.call('HMGET', actor_key(actor), 'run', 'status', 'updated')
  rows[i] = {actor, head[1], head[2], head[3]}
end
return rows
