"""What workflow code is written with.

defining    `define`, `method`: make a class a workflow
channel     `Channel`: typed inlets
stub        `service`: services, typed as their contract
instances   `new`, `get`, `all`, `cancel`: other workflows
querying    `query`: read-only methods
condition   `wait_for`
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
from leveret.workflow.patching import deprecate_patch, patched
from leveret.workflow.querying import query
from leveret.workflow.record import log, log_filter
from leveret.workflow.renewing import continue_as_new
from leveret.workflow.stub import service
from leveret.workflow.unsafe import unsafe

__all__ = [
    "AllOf",
    "Channel",
    "Combinable",
    "Deferred",
    "First",
    "Info",
    "NamedChild",
    "NamedTarget",
    "Parent",
    "all",
    "all_of",
    "any_of",
    "cancel",
    "continue_as_new",
    "define",
    "definition_of",
    "deprecate_patch",
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
    "service",
    "task",
    "timer",
    "unsafe",
    "uuid",
    "wait_for",
]
