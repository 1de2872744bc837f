"""The mailbox loop: take, decide, commit, acknowledge, publish, settle, for one mailbox queue at one node.

loop        the loop itself, from subscribing to losing the queue
tenure      one epoch of owning a queue: its clock, its timers, its outboxes on their way
intake      deliveries and due timers, grouped into one inbox per actor
unsendable  what becomes of bodies that the broker does not take
turns       inboxes decided off the I/O loop, turned into one batch
cache       live actors between their turns, bounded in count and bytes
quiet       no batch at the node while an actor is tried alone
casualties  which nodes went down while they tried an actor
directory   which mailbox queue carries an actor
stepper     the thread in which actors decide
wake        empty envelopes that give an idle queue its owner, and the node's signs of life
host        what all mailbox loops of a node share
"""
