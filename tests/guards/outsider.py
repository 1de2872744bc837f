"""A module without workflows: its own names stay what they are, its files and sockets are found."""

import random
import socket
import time
from pathlib import Path


def clock() -> float:
    return time.time()


def roll() -> float:
    return random.random()


def read(path: str) -> str:
    return Path(path).read_text()


def connect() -> None:
    socket.create_connection(("127.0.0.1", 1))
