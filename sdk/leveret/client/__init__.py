"""The client.

client     `Client`
starting   how an instance is started; `StartOptions`
handle     `Handle`: one instance; group: all instances with a tag
stub       what is typed as the workflow
calling    services without a workflow; task_handle: `TaskHandle`, one such call
shared     `current_client`: the one of the node, for its tasks
publishing commands as JSON, as other applications publish them
post       mailbox queues and publishing; requests: what is waited for
"""

from leveret.client.calling import NamedService, TaskOptions
from leveret.client.client import Client
from leveret.client.group import Group, TagMember
from leveret.client.handle import Handle
from leveret.client.shared import current_client
from leveret.client.stub import NamedStart
from leveret.client.task_handle import TaskHandle
from leveret.start_options import StartOptions

__all__ = [
    "Client",
    "Group",
    "Handle",
    "NamedService",
    "NamedStart",
    "StartOptions",
    "TagMember",
    "TaskHandle",
    "TaskOptions",
    "current_client",
]
