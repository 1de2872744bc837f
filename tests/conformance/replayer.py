"""Another process, with another hash seed: replays journals from a file, `[["module:Class", "id", ["hex", …]], …]`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from tests.conformance.cold import assert_it_repeats

if __name__ == "__main__":
    for where, instance, records in json.loads(Path(sys.argv[1]).read_text()):
        module, _, name = where.partition(":")
        clutter = [object() for _ in range(len(sys.argv[2]) * 1000)]  # another heap layout
        cls = getattr(importlib.import_module(module), name)
        assert_it_repeats(cls, instance, [bytes.fromhex(record) for record in records])
        del clutter
