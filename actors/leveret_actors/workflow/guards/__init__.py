"""What stands between workflow code and what a replay could not repeat.

banned       what is refused, and what to use instead
stand_ins    proxies for modules, functions and classes, put into the globals of a workflow's module
annotations  types that are written as text, resolved before a class is replaced
audit        files, sockets, processes and threads, wherever they are called
waiting      `asyncio.wait_for`, the same on every Python
refusal      the error and the line it names
installing   `guard`
"""

from leveret_actors.workflow.guards.installing import guard

__all__ = ["guard"]
