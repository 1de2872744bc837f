-- Read the nodes that live. KEYS[1]: {<ns>:nodes}:until. Returns {node, info} for each.

local rows = {}
for i, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. clock(), '+inf')) do
  rows[i] = {node, redis.call('HGET', prefix .. 'info', node)}
end
return rows
