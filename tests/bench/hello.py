"""What is measured: two tasks, one after the other."""

from __future__ import annotations

from leveret import service, workflow


@service.define(name="BenchGreeter")
class Greeter:
    """Does next to nothing, so that what is measured is the engine."""

    async def greet(self, name: str) -> str:
        """Return a greeting."""
        return f"hello {name}"

    async def sign(self, text: str) -> str:
        """Return it signed."""
        return f"{text}, yours"


@workflow.define(name="BenchHello")
class Hello:
    """Two tasks."""

    greeter = workflow.service(Greeter)

    async def run(self, name: str) -> str:
        """Greet and sign."""
        return await self.greeter.sign(await self.greeter.greet(name))


@workflow.define(name="BenchWaiter")
class Waiter:
    """Waits for what never comes: what an idle instance costs."""

    never = workflow.Channel[str]()

    async def run(self, number: int) -> str:
        """Wait."""
        return f"{number} {await self.never.receive()}"
