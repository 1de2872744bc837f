"""R: what one Python wrote, another repeats."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.golden import pythons
from tests.golden.shelf import files


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_golden_journals_are_repeated_by_every_other_python_that_is_here(
    pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pytestconfig.cache is not None
    folder = Path(pytestconfig.cache.mkdir("pythons"))
    interpreters = {version: pythons.environment(one, folder / version) for version, one in pythons.others().items()}
    if not interpreters:
        interpreters = {"this one, there is no other": sys.executable}

    printed = {version: await pythons.repeat_all(python, "7") for version, python in interpreters.items()}

    with capsys.disabled():
        sys.stdout.write(f" [repeated by Python {', '.join(printed)}] ")
    assert printed == dict.fromkeys(interpreters, f"{len(files())} repeated\n")
