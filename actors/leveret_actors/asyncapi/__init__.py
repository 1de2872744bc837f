"""What other applications can read of a node's commands and events: JSON Schemas, and an AsyncAPI document.

types      Python types as JSON Schema
wire       the bodies of commands, replies and events; the files of `docs/schemas`
commands   the channels of a workflow's and a service's commands
events     the channels of their events
document   the whole
"""

from leveret_actors.asyncapi.document import About, document
from leveret_actors.asyncapi.wire import wire_schemas

__all__ = ["About", "document", "wire_schemas"]
