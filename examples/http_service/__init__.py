"""A service that wraps an HTTP API, called without a workflow: `python -m examples.http_service.demo`.

It shows retries by status code, `Retry-After` respected, timeouts, a circuit breaker, and a bank that charges once
whatever happens, because the id of the task is its `Idempotency-Key`. Needs httpx: `pip install 'leveret[examples]'`.

payments   the contract, its errors and its policy
charging   the service
circuit    how it leaves a bank alone that is down
bank       an HTTP server that fails, stalls and limits its rate
demo       both, and a client
"""
