"""What workflow code is written with.

defining    `define`, `method`: make a class a workflow
channel     `Channel`: typed inlets
stub        `service`: services, typed as their contract
instances   `new`, `get`, `all`, `cancel`: other workflows
operating   `retry_tasks`, `complete_timers`, `describe`, …: operators' verbs for other instances
querying    `query`: read-only methods
condition   `wait_for`
tagging     `add_tags`, `remove_tags`
renewing    `continue_as_new`
patching    `patched`, `deprecate_patch`: changing the code of instances that run
language    `dispatch`, `timer`, `now`, …: what runs inside
record      `log`, `log_filter`
unsafe      `unsafe`
"""

from leveret.deferred import AllOf, Combinable, Deferred, First, all_of, any_of, first
from leveret.runtime import Info, Parent
from leveret.workflow.channel import Channel
from leveret.workflow.condition import wait_for
from leveret.workflow.defining import define, definition_of, method
from leveret.workflow.instance_stub import NamedChild, NamedTarget
from leveret.workflow.instances import all, cancel, get, new  # noqa: A004 - as clients say it
from leveret.workflow.language import dispatch, info, inline, now, random, task, timer, uuid
from leveret.workflow.operating import complete_timers, describe, retry_tasks, retry_workflow_task
from leveret.workflow.patching import deprecate_patch, patched
from leveret.workflow.querying import query
from leveret.workflow.record import log, log_filter
from leveret.workflow.renewing import continue_as_new
from leveret.workflow.stub import service
from leveret.workflow.tagging import add_tags, remove_tags
from leveret.workflow.unsafe import unsafe
from leveret_broker.envelope import Description, Done

__all__ = [
    "AllOf",
    "Channel",
    "Combinable",
    "Deferred",
    "Description",
    "Done",
    "First",
    "Info",
    "NamedChild",
    "NamedTarget",
    "Parent",
    "add_tags",
    "all",
    "all_of",
    "any_of",
    "cancel",
    "complete_timers",
    "continue_as_new",
    "define",
    "definition_of",
    "deprecate_patch",
    "describe",
    "dispatch",
    "first",
    "get",
    "info",
    "inline",
    "log",
    "log_filter",
    "method",
    "new",
    "now",
    "patched",
    "query",
    "random",
    "remove_tags",
    "retry_tasks",
    "retry_workflow_task",
    "service",
    "task",
    "timer",
    "unsafe",
    "uuid",
    "wait_for",
]
