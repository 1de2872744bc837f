"""Which calls are banned in workflow code, and what to use instead."""

from __future__ import annotations

from typing import Final, NamedTuple


class Rule(NamedTuple):
    """Why a call is banned."""

    code: str
    advice: str


NOW: Final = Rule("clock", "use workflow.now()")
SLEEP: Final = Rule("sleep", "use asyncio.sleep() or workflow.timer()")
RANDOM: Final = Rule("random", "use workflow.random()")
UUID: Final = Rule("uuid", "use workflow.uuid()")
FILES: Final = Rule("files", "read and write files in a task of a service; workflow.inline() for something short")
NETWORK: Final = Rule("network", "talk to others in a task of a service")
PROCESS: Final = Rule("process", "start processes in a task of a service")
THREAD: Final = Rule("thread", "use asyncio tasks, or a task of a service")
ENVIRONMENT: Final = Rule("environment", "use workflow.inline(), which keeps what was read")
PRECEDENCE: Final = Rule("precedence", "await binds tighter: write `await (a {0} b)`, or `(await a) {0} b`")
UNAWAITED: Final = Rule("unawaited", "await it, or hand it to workflow.dispatch()")
AS_COMPLETED: Final = Rule(
    "as-completed", "give it tasks made with asyncio.create_task() or workflow.dispatch(), in a variable"
)
GLOBAL: Final = Rule("global-state", "keep state in the workflow itself: others write here too, and so does a replay")
SHARED: Final = Rule("global-state", "keep state in `self`: all instances write here, and so does a replay")
SET_ORDER: Final = Rule("set-order", "write `sorted(...)` around it: a set has another order in another process")

CALLS: Final[dict[str, Rule]] = {
    **dict.fromkeys((f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter",
                     "perf_counter_ns", "process_time", "process_time_ns", "thread_time", "thread_time_ns")), NOW),
    **dict.fromkeys((f"datetime.{name}" for name in ("datetime.now", "datetime.utcnow", "datetime.today",
                     "date.today")), NOW),
    **dict.fromkeys(("uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7"), UUID),
    **dict.fromkeys(("os.urandom", "os.getrandom", "random.SystemRandom"), RANDOM),
    **dict.fromkeys(("open", "input", "io.open", "os.open", "os.listdir", "os.scandir", "os.walk", "os.remove",
                     "os.unlink", "os.rename", "os.replace", "os.mkdir", "os.makedirs", "os.rmdir", "os.stat"), FILES),
    **dict.fromkeys(("os.system", "os.popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.kill",
                     "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"), PROCESS),
    **dict.fromkeys(("asyncio.to_thread", "threading.Thread", "threading.Timer"), THREAD),
    **dict.fromkeys(("asyncio.open_connection", "asyncio.start_server", "sqlite3.connect"), NETWORK),
    **dict.fromkeys(("os.getenv", "os.getpid", "os.getcwd"), ENVIRONMENT),
    "time.sleep": SLEEP,
}  # fmt: skip
"""By full name."""

MODULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("random",), RANDOM),
    **dict.fromkeys(("secrets",), RANDOM),
    **dict.fromkeys(("shutil", "tempfile", "glob"), FILES),
    **dict.fromkeys(
        ("socket", "requests", "httpx", "aiohttp", "urllib.request", "urllib3", "http.client", "smtplib", "ftplib",
         "psycopg", "psycopg2", "asyncpg", "pymongo", "redis", "boto3"), NETWORK,
    ),
    **dict.fromkeys(("subprocess", "multiprocessing"), PROCESS),
    **dict.fromkeys(("concurrent.futures",), THREAD),
}  # fmt: skip
"""By module: all that it has but exceptions."""

FREE: Final = frozenset({"random.Random"})
"""Not banned when it gets arguments."""

PATH_METHODS: Final = frozenset(
    {
        "exists", "is_dir", "is_file", "iterdir", "glob", "rglob", "mkdir", "open", "read_bytes", "read_text",
        "rename", "replace", "rmdir", "stat", "touch", "unlink", "write_bytes", "write_text",
    }
)  # fmt: skip
"""Of a `pathlib.Path` that is made on the spot."""

MUTATORS: Final = frozenset(
    {
        "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove",
        "reverse", "setdefault", "sort", "update",
    }
)  # fmt: skip
"""Methods that change a container."""


def rule_for(name: str, *, arguments: bool) -> Rule | None:
    """Return why a call of `name` (`package.module.function`) is banned, if it is."""
    if name in CALLS:
        return CALLS[name]
    if name.endswith(("Error", "Exception", "Expired", "Warning")) or (name in FREE and arguments):
        return None
    while "." in name:
        name = name.rpartition(".")[0]
        if name in MODULES:
            return MODULES[name]
    return None
