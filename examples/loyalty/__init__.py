"""A loyalty programme: an instance that runs for years, whose methods share its points.

Shows methods called on a running instance (by a client, and by another workflow), a property that they share, a query
that only reads, `wait_for` on what other methods bring about, and a failure that hits its caller only.

program    the member's workflow, and an order that gives bonus points
demo       a member's first days: `python -m examples.loyalty.demo`

On a node of its own, in one file and without servers:

    leveret dev examples.loyalty.program
    leveret start Loyalty --id ann
"""
