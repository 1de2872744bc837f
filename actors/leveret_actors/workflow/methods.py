"""The methods of an instance: the main one, and those that were called beside it."""

from __future__ import annotations

from leveret_actors.workflow.asking import MAIN
from leveret_actors.workflow.journal import Begun, MethodEnded
from leveret_actors.workflow.method import Host, Method
from leveret_broker.codec import Payload


class Methods:
    """Starts and cancels methods; knows which of them run."""

    def __init__(self, host: Host, begun: Begun) -> None:
        """Prepare the main method."""
        self._host = host
        method = begun.method or host.definition.only_method
        self.main = Method(host, MAIN, method, begun.arguments, begun.timeout or host.definition.timeout)
        self.others: dict[str, Method] = {}
        """Those beside the main one that have not ended, in the order of the calls."""

    def call(self, identity: str, name: str, arguments: Payload) -> None:
        """Run a method in this turn, beside what runs."""
        method = self.others[identity] = Method(self._host, identity, name, arguments)
        method.start()

    def get(self, identity: str) -> Method | None:
        """Return a method that may be running."""
        return self.main if identity == MAIN else self.others.get(identity)

    def reason(self, identity: str) -> str:
        """Return why a method was cancelled, as far as somebody said."""
        method = self.get(identity)
        return "" if method is None else method.reason

    def cancel(self, identity: str, reason: str) -> None:
        """Cancel one method; nothing for one that has ended."""
        method = self.get(identity)
        if method is not None:
            method.cancel(reason)

    def cancel_all(self, reason: str) -> None:
        """Cancel what runs, the main method first."""
        for method in (self.main, *self.others.values()):
            method.cancel(reason)

    def time_out(self) -> None:
        """Cancel what runs because the workflow timeout has passed: it covers the whole instance."""
        for method in (self.main, *self.others.values()):
            method.time_out(self.main.timeout)

    def only_main(self) -> bool:
        """Tell whether no method runs beside the main one."""
        return all(method.is_done for method in self.others.values())

    def take_ended(self) -> tuple[MethodEnded, ...]:
        """Return how methods beside the main one ended in this turn."""
        ended: list[MethodEnded] = []
        for identity, method in list(self.others.items()):
            outcome = method.outcome()
            if outcome is not None:
                del self.others[identity]
                ended.append(MethodEnded(identity, outcome))
        return tuple(ended)
