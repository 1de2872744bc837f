"""Two listeners: an audit trail in a table of SQL, and a watch that tells about runs which take too long.

Shows batches for a plain function, an event kept once though it may come twice, and a listener that starts and signals
workflows, so that what it waits for survives restarts.

audit      the table: AUDIT_DB names its file
sla        the watch: SLA_SECONDS says how long a run may take
demo       a member who leaves late: `python -m examples.watching.demo`

Beside another example, on a node of its own:

    leveret dev examples.loyalty.program examples.watching.sla
    leveret start Loyalty --id ann
"""
