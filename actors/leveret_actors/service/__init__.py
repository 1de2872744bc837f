"""What runs services: one runner per service and node."""

from leveret_actors.service.keeping import LeaseKeeper
from leveret_actors.service.lifespan import Factory, Lifespan, is_factory
from leveret_actors.service.pausing import Pauses
from leveret_actors.service.runner import ServiceRunner
from leveret_actors.service.sweeping import LeaseSweeper

__all__ = ["Factory", "LeaseKeeper", "LeaseSweeper", "Lifespan", "Pauses", "ServiceRunner", "is_factory"]
