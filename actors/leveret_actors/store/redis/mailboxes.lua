-- Return how many mailbox queues a kind was said to have first, 0 when nobody has said it.
-- KEYS[1]: {<ns>:meta}:mailboxes. ARGV: kind, what is said now or 0.

if ARGV[2] ~= '0' then redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) end
return tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
