"""What services are written with.

defining      `define`: names and defaults of a service or its contract
marking       `task`: what one function wants
batching      `batch`, `Call`: one function for many calls at once
task_context  `context`: what a running task knows about itself
registration  `instance`: a service object for a node
contexts      for workers: tasks as what their functions know; child: what a process does
configuring   `configured`: what its registration says of it
../rate       `Rate`: a limit over all nodes; per_key `PerKey`: limits for tasks that have something in common
"""

from leveret.definition import ServiceSettings, TaskSettings
from leveret.per_key import PerKey
from leveret.rate import Rate
from leveret.service.batching import Call, batch
from leveret.service.configuring import Configured, configured, task_settings
from leveret.service.defining import define, definition_of
from leveret.service.marking import task
from leveret.service.registration import instance
from leveret.service.task_context import TaskContext, context, current_task
from leveret_broker.ids import TaskId

__all__ = [
    "Call",
    "Configured",
    "PerKey",
    "Rate",
    "ServiceSettings",
    "TaskContext",
    "TaskId",
    "TaskSettings",
    "batch",
    "configured",
    "context",
    "current_task",
    "define",
    "definition_of",
    "instance",
    "task",
    "task_settings",
]
