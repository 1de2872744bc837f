"""The pure workflow engine: messages and code in, turns out; no input or output, no clock, no chance of its own."""

from leveret_actors.workflow.actors import WorkflowActors
from leveret_actors.workflow.house import EngineSettings
from leveret_actors.workflow.past import ReadJournal

__all__ = ["EngineSettings", "ReadJournal", "WorkflowActors"]
