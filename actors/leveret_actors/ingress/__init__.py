"""What applications ask for by publishing JSON: commands, their parsing, their sending, and the answers."""

from leveret_actors.ingress.answers import AnswerRouter
from leveret_actors.ingress.command import Command, CommandRefused, Opening, ReplyAddress, Whom
from leveret_actors.ingress.contracts import Contracts
from leveret_actors.ingress.parsing import parse
from leveret_actors.ingress.router import CommandRouter
from leveret_actors.ingress.sender import Sender
from leveret_broker.command import body_limit

__all__ = [
    "AnswerRouter",
    "Command",
    "CommandRefused",
    "CommandRouter",
    "Contracts",
    "Opening",
    "ReplyAddress",
    "Sender",
    "Whom",
    "body_limit",
    "parse",
]
