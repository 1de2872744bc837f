"""What runs services: one runner per service and node."""

from leveret_actors.service.runner import ServiceRunner

__all__ = ["ServiceRunner"]
