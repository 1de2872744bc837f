"""What a caller knows of workflow and service: contracts only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from leveret import workflow


@workflow.define(name="greeting")
class Greeting(Protocol):
    async def greet(self, name: str) -> str: ...


@workflow.define(name="farewell")
class Farewell(ABC):
    @abstractmethod
    async def part(self, name: str) -> str: ...


class Words(Protocol):
    async def join(self, first: str, second: str) -> str: ...
