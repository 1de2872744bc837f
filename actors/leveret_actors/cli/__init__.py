"""The command line, `leveret …`; needs the extra `cli`.

app         the commands, put together; what happens to errors
where       URL and configuration: from options, environment, file
output      tables and JSON
serving     `node`
dev         `dev`, with `discovery` of what a module defines
calling     `start`, `signal`
verbs       `cancel`, `retry-tasks`, `retry-workflow-task`, `complete-timers`
dead_letters  `dead-letters list`, `replay`
looking     `describe`, `history`, `list`, with `inspection` of the store
doctor/     `doctor`: one file per thing that can be ill
checking    `config check`
asyncapi    `asyncapi`, `schemas`
"""

import sys

_EXTRA = {"typer", "rich", "watchfiles"}


def main() -> None:
    """Run the command line; without its packages say how to get them."""
    try:
        from leveret_actors.cli.app import app
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f"The command line needs {error.name}, which is not installed: pip install 'leveret[cli]'\n")
        raise SystemExit(1) from None
    app()
