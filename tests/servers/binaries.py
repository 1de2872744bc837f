"""Where the server programs are, and how to get them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_PLACES = {
    # The wrapper in /usr/sbin of Debian changes the user; the script behind it does not.
    "rabbitmq-server": ["/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/homebrew/sbin"],
    "rabbitmqctl": ["/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/homebrew/sbin"],
    "epmd": ["/usr/lib/erlang/bin", "/usr/local/lib/erlang/bin", "/opt/homebrew/bin"],
    "redis-server": [],
    "redis-cli": [],
}
_PACKAGES = {
    "rabbitmq-server": "rabbitmq-server",
    "rabbitmqctl": "rabbitmq-server",
    "epmd": "rabbitmq-server",
    "redis-server": "redis-server",
    "redis-cli": "redis-tools",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def find(name: str) -> str:
    """The path of a server program."""
    path = _locate(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed: run `make servers`")
    return path


def missing() -> list[str]:
    """The programs that tests need and this machine lacks."""
    return [name for name in _PLACES if _locate(name) is None]


def install() -> None:
    """Install what is missing where that is possible (root on Debian), else say how and exit."""
    absent = missing()
    if not absent:
        return
    packages = sorted({_PACKAGES[name] for name in absent})
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"The tests start their own servers, and {', '.join(absent)} cannot be found.", file=sys.stderr)
        print(f"  Debian, Ubuntu: sudo apt-get install {' '.join(packages)}", file=sys.stderr)
        print("  macOS:          brew install rabbitmq redis", file=sys.stderr)
        sys.exit(1)
    print(f"Installing {', '.join(packages)} for the tests ...", flush=True)
    _apt_install(packages)
    if absent := missing():
        sys.exit(f"Still missing after the installation: {', '.join(absent)}")


def _apt_install(packages: list[str]) -> None:
    """Install without letting the packages start their services: the tests start their own."""
    quiet = not _POLICY.exists()
    if quiet:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(["apt-get", "-qq", *command], env=env, check=False, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"apt-get {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    finally:
        if quiet:
            _POLICY.unlink()


def _locate(name: str) -> str | None:
    for place in _PLACES[name]:
        path = Path(place) / name
        if os.access(path, os.X_OK):
            return str(path)
    return shutil.which(name)
