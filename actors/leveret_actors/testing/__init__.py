"""What tests of workflows are written with.

replaying   `replay`, `Replayed`, `ReplayMismatch`: journals against today's code
"""

from leveret_actors.testing.replaying import Replayed, ReplayMismatch, replay

__all__ = ["ReplayMismatch", "Replayed", "replay"]
