from collections.abc import AsyncIterator

import pytest

from leveret.runtime import stepping
from tests.sdk.fakes import FakeRuntime


@pytest.fixture
async def runtime() -> AsyncIterator[FakeRuntime]:
    """A runtime that is the current one, as if a workflow were stepped."""
    runtime = FakeRuntime()
    with stepping(runtime):
        yield runtime
    for call, _ in runtime.watched:
        call.close()
