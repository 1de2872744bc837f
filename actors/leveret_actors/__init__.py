"""What runs workflows, services and tags.

node        a process that hosts what it is given; backends: transport and store from a URL
actor       the seam between the loop, which acts, and the kinds of actors, which decide
mailbox/    the loop of a mailbox queue: take, decide, commit, acknowledge, publish, settle
workflow/   instances: journal, deterministic loop, replay, one handler per message kind
tag/        business ids and their members
service/    tasks: slots, retries, timeouts
ingress/    what applications ask for by JSON; bridge/: rules that make it of what others publish
router/     dead letters into the store; dead_letters: what operators do with them
listener_groups: which there are, how to forget one; operating: what both need
store/      the contract; redis, sqlite, memory
config/     leveret.toml and the environment
cli/        the command line
checker/    what workflow code may not do, found by reading it
testing     for tests of workflows
"""

from loguru import logger

from leveret_actors.bridge import Bridge
from leveret_actors.dead_letters import DeadLetters
from leveret_actors.listener_groups import ListenerGroups
from leveret_actors.node import Node
from leveret_actors.settings import Retention, ServiceSettings, Settings

logger.disable("leveret_actors")  # a library says nothing until it is asked: logger.enable("leveret_actors")

__all__ = ["Bridge", "DeadLetters", "ListenerGroups", "Node", "Retention", "ServiceSettings", "Settings"]
