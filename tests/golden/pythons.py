"""Other Pythons of this machine, each with an environment of its own to repeat golden journals in."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.golden.shelf import ROOT

_USABLE = "import ensurepip, sys, venv; print('{}.{}'.format(*sys.version_info))"
_TOOLS = frozenset({"attrs", "hypothesis", "pydantic", "pytest"})
"""Of the development tools, what the code of journals imports."""
_HERE = "{}.{}".format(*sys.version_info)


def others() -> dict[str, str]:
    """Return a command by version, for Pythons from 3.11 on that are not this one: on the path, and those of pyenv."""
    found: dict[str, str] = {}
    for command in _candidates():
        asked = subprocess.run([command, "-c", _USABLE], capture_output=True, text=True, check=False)
        version = asked.stdout.strip()
        new_enough = re.fullmatch(r"3\.(\d+)", version)
        if asked.returncode == 0 and new_enough and int(new_enough[1]) >= 11 and version != _HERE:
            found.setdefault(version, command)
    return found


def _candidates() -> list[str]:
    on_path = [path for minor in range(11, 20) if (path := shutil.which(f"python3.{minor}"))]
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return on_path
    root = Path(subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip())
    return [*on_path, *sorted(str(path) for path in root.glob("versions/3.*/bin/python"))]


def _requirements() -> list[str]:
    """Return what the code of journals needs beside this repository."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    tools = [one for one in extras["dev"] if re.split(r"[^\w-]", one)[0] in _TOOLS]
    return [*project["dependencies"], *extras["cli"], *extras["cron"], *tools]


def environment(command: str, folder: Path) -> str:
    """Return a Python with all that is needed, in a folder that is filled the first time."""
    python, filled = folder / "bin" / "python", folder / "filled"
    wanted = "\n".join(_requirements())
    if not filled.exists() or filled.read_text() != wanted:
        subprocess.run([command, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *_requirements()], check=True)
        filled.write_text(wanted)
    return str(python)


async def repeat_all(python: str, seed: str) -> str:
    """Repeat all golden journals with a Python and a hash seed; return what it printed."""
    folders = [str(ROOT / name) for name in ("broker", "sdk", "actors", ".")]
    process = await asyncio.create_subprocess_exec(
        python, "-m", "tests.golden.again",
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(folders)},
    )  # fmt: skip
    printed, _ = await process.communicate()
    return printed.decode()
