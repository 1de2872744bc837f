"""Modules by name or path, to files; nothing is imported."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path

from leveret_broker.errors import ConfigurationError


def files(module: str) -> list[Path]:
    """Return the Python files of a file, a folder, a module (`shop.orders`) or a whole package.

    Raises `ConfigurationError` for what is not there.
    """
    path = Path(module)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _below(path)
    name = module.partition(":")[0]
    places: list[str] | None = None
    found: list[Path] = []
    for part in name.split("."):  # alone, as if at the top: a full name makes the finder ask for imported parents
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            text = f"{module!r} is neither a file, nor a folder, nor a module that can be found from here"
            raise ConfigurationError(text)
        places = list(spec.submodule_search_locations) if spec.submodule_search_locations is not None else []
        found = [one for place in places for one in _below(Path(place))]
        if not found and spec.origin is not None and spec.origin.endswith(".py"):
            found = [Path(spec.origin)]
    return found


def _below(folder: Path) -> list[Path]:
    hidden = {".venv", "venv", "node_modules", "__pycache__"}
    return sorted(path for path in folder.rglob("*.py") if not hidden.intersection(path.relative_to(folder).parts))
