"""Transports without a broker: SQLite for one machine, memory for one process."""
