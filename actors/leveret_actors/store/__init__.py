"""The stores: what they promise (`contract`), and Redis, SQLite and memory, which keep it."""
