"""Events of orders, shuffled, at full speed, from an application that knows nothing of workflows: `make stream`."""
