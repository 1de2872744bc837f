"""`leveret.toml`: all that nodes and clients take.

file        its sections, reading it, and what becomes of it: the arguments of `Node` and `Client`
override    the environment over it
problem     what is wrong with it, in the words of its writer
reference   `package.module:attribute`
"""

from leveret_actors.config.file import (
    Config,
    Loaded,
    client_arguments,
    load,
    node_arguments,
    payload_codec,
    settings,
    trace,
    with_node,
)

__all__ = [
    "Config",
    "Loaded",
    "client_arguments",
    "load",
    "node_arguments",
    "payload_codec",
    "settings",
    "trace",
    "with_node",
]
