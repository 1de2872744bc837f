"""`python -m tests.servers`: see that the server programs are there, and install them where possible."""

from tests.servers.binaries import install

install()
