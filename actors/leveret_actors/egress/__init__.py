"""Events out: which are published, and who listens."""

from leveret_actors.egress.listening import ListenerRunner
from leveret_actors.egress.wanted import Wanted

__all__ = ["ListenerRunner", "Wanted"]
