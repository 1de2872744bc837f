"""The engine in a world that a seed decides: every interleaving, crashes between any two steps, a simulated clock.

loop      a single-threaded event loop for several processes, whose next step the seed picks
outside   clock, ids and jitter, as the simulation wants them
trace     what happened, as lines and as a hash
wire      transports to a hub that duplicates, loses, delays and cuts
shelves   a store that is slow, fails, and tells the auditor what it writes
cache     actors at rest, compared with the store
auditor   the promises that are checked at every step, for any kind of actor
plan      which faults happen when
world     processes that are started, killed and started again until everything is done
tally     world A: the toy actors of tests/mailbox
nodes     worlds of real nodes and a client; scribe reads their journals
errand    world B: a workflow, a service, a tag
rally     world C: tags that are unique, change, and that everything is sent by
mutants   deliberate mistakes, patched into the real code
"""
