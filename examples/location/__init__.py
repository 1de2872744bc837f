r"""Booking a place to stay: hosts are asked in turn, reminded, and passed over when they do not answer.

Shows signals that a receiver picks by what is in them, timers against signals, a child workflow whose failure is
caught, tasks in parallel, and cleaning up when the traveler withdraws.

model      what travels: requests, answers, outcomes, and the services' contracts
booking    the process
deposit    the child: the bank holds money
services   messages and bank, simulated: cards whose name begins with "bad" are refused
demo       one traveler and three hosts: `python -m examples.location.demo`

On a node of its own, in one file and without servers:

    leveret dev examples.location.booking examples.location.deposit examples.location.services
    leveret start LocationBooking --id b1 --args \
        '{"request": {"traveler": "tim", "card": "visa", "amount": 9000, "hosts": ["ann", "joe"]}}'
    leveret signal LocationBooking answers '{"host": "ann", "accepts": true}' --id b1
"""
