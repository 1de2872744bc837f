"""Real processes, real servers, and nothing but the public face and the command line.

house         a namespace on SQLite or on RabbitMQ and Redis, and the node processes in it
node_process  what such a process runs
shop          an order with two tasks, a retry, a timer and a signal: the load of the tests of crashes
language      small workflows, one per rule
waiters       instances that wait for what never comes
voyages       a task that waits at a gate, and one that is delegated: the load of the tests of leases
load          many orders, started and approved by a client
audit         what must be true of journals and store afterwards
"""
