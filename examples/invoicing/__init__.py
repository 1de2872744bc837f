"""Monthly invoicing: a subscription is a loop over months, in plain Python, without a cron job or a status column.

Shows durable timers that wait for weeks, one task after another with retries, a card that is refused and another one
that comes by a method of the running instance, and a query.

contracts     what the workflow knows of the services
subscription  the process
services      the services, simulated: cards whose name begins with "bad" are refused
demo          three months of a customer: `python -m examples.invoicing.demo`

On a node of its own, in one file and without servers:

    leveret dev examples.invoicing.subscription examples.invoicing.services
    leveret start Subscription --id ann --args '{"customer": "ann", "card": "visa"}'
"""
