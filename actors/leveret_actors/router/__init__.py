"""What keeps dead letters where they can be read, and tells who waits for them."""

from leveret_actors.router.dead_letters import DeadLetterRouter
from leveret_actors.router.resending import Resent, resend

__all__ = ["DeadLetterRouter", "Resent", "resend"]
