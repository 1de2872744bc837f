"""The public types, held against both checkers: `accepts.py` is right, `refuses.py` wrong where it says so."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def complaints(*command: str) -> str:
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_mypy_accepts_what_is_right_and_refuses_what_is_wrong() -> None:
    files = [str(HERE / name) for name in ("accepts.py", "refuses.py")]

    assert not complaints("mypy", "--strict", *files)


def test_pyright_accepts_what_is_right_and_refuses_what_is_wrong() -> None:
    assert not complaints("pyright", "--project", str(HERE), "--pythonpath", sys.executable)
