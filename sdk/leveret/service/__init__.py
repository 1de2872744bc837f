"""What services are written with.

defining      `define`: names and defaults of a service or its contract
marking       `task`: what one function wants
task_context  `context`: what a running task knows about itself
registration  `instance`: a service object for a node
"""

from leveret.service.defining import define, definition_of
from leveret.service.marking import task
from leveret.service.registration import instance
from leveret.service.task_context import TaskContext, context, current_task

__all__ = ["TaskContext", "context", "current_task", "define", "definition_of", "instance", "task"]
