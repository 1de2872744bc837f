-- Read the first timers. KEYS[1]: <queue>:timers. ARGV: index of the last one. Returns {clock, members with scores}.

return {clock(), redis.call('ZRANGE', KEYS[1], 0, ARGV[1], 'WITHSCORES')}
