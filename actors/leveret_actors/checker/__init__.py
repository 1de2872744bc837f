"""What workflow code may not do, found by reading it; nothing is imported or run.

sources    modules by name or path, to files
finding    one thing found, and the comment that allows it
names      what names mean: imports, locals
rules      which calls are banned, and what to use instead
module     workflow classes of a file, their stubs, and the functions they reach
scanning   the body of one function
"""

from leveret_actors.checker.finding import Finding
from leveret_actors.checker.module import check
from leveret_actors.checker.sources import files

__all__ = ["Finding", "check", "files"]
