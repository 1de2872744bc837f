"""The client.

client     `Client`
starting   how an instance is started; `StartOptions`
handle     `Handle`: one instance; group: all instances with a tag
stub       what is typed as the workflow
post       mailbox queues and publishing; requests: what is waited for
"""

from leveret.client.client import Client
from leveret.client.group import Group, TagMember
from leveret.client.handle import Handle
from leveret.client.stub import NamedStart
from leveret.start_options import StartOptions

__all__ = ["Client", "Group", "Handle", "NamedStart", "StartOptions", "TagMember"]
