"""The Redis store: journals of many nodes on one Redis, on one behind sentinels, or on a cluster.

settings     what a URL asks for                   keys       names of keys, members of sorted sets
wire         one connection: all that knows redis-py and its errors
server       one server: checked connections, one trip for all calls that wait
link         from a call to its server and back, until the deadline
inspection   what a server must be                 scripts    the .lua files beside this one
batch        a commit as the bytes that commit.lua reads
queues, shared, store   the contract
"""

from leveret_actors.store.redis.store import RedisStore

__all__ = ["RedisStore"]
