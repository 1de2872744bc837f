r"""A scheduler: an instance that starts other workflows by a cron expression, for ever.

Shows `continue_as_new` (each life is short, the instance lives on), detached children started by name, methods that
pause, resume, change and stop it while it runs, and a type that refuses what makes no sense before anything is sent.

schedule   when, and what: a cron expression with its time zone, and the workflow to start
scheduler  the process
job        a workflow to start
demo       a nightly report: `python -m examples.cron.demo`

It needs a library for cron expressions: `pip install 'leveret[cron]'`. On a node of its own, in one file and without
servers:

    leveret dev examples.cron.scheduler examples.cron.job
    leveret start Scheduler --id nightly --args \
        '{"plan": {"schedule": {"expression": "0 3 * * *", "workflow": "Report", "arguments": {"title": "sales"}}}}'
"""
