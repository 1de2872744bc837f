"""What an instance asks of other instances: commands like tasks, and sends that end as soon as they are issued."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from leveret.interceptors import WorkflowInterceptor
from leveret.runtime import CancelCall, ChildCall, Info, MethodCall, SignalCall
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.children import child_of
from leveret_actors.workflow.intercepting import child_issued
from leveret_actors.workflow.journal import Begun
from leveret_actors.workflow.operations import Operation, Operations


class Outward(ABC):
    """The part of `leveret.runtime.Runtime` that reaches other instances."""

    operations: Operations
    begun: Begun
    claimed: dict[tuple[str, str], str]
    """Children whose start goes through a unique tag, which all other messages to them must not overtake."""

    interceptors: tuple[WorkflowInterceptor, ...]

    @abstractmethod
    def info(self) -> Info:
        """Tell who runs."""

    @abstractmethod
    def located(self, operation: Operation) -> Operation:
        """Note the line of user code that asks."""

    def start_child(self, call: ChildCall) -> Operation:
        """Start a workflow."""
        if self.interceptors:
            call = child_issued(self, call)
        plan = call.plan
        operation = self.located(self.operations.open(ops.CHILD, f"{plan.workflow}.{call.method}", call=call))
        operation.child = child_of(self.begun.run, operation.number, call)
        if plan.unique_tag:
            self.claimed[plan.workflow, operation.child.instance] = plan.unique_tag
        return operation

    def call_method(self, call: MethodCall) -> Operation:
        """Run a method of another instance; by tag nothing comes back."""
        operation = self.located(self.operations.open(ops.CALL, f"{call.target.workflow}.{call.method}", call=call))
        if call.target.tag:
            self.operations.end(operation, "completed")
            operation.future.set_result(None)
        return operation

    def send_signal(self, call: SignalCall) -> Operation:
        """Send a signal."""
        return self._note(ops.SIGNAL, f"{call.target.workflow}.{call.channel}", call)

    def cancel_target(self, call: CancelCall) -> Operation:
        """Ask an instance to cancel."""
        return self._note(ops.CANCEL, call.target.workflow, call)

    def _note(self, kind: str, name: str, call: SignalCall | CancelCall) -> Operation:
        if self.operations.refused:
            raise asyncio.CancelledError
        return self.located(self.operations.note(kind, None, name=name, call=call))
