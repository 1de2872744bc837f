"""A payslip under two keys: `python -m examples.codecs.demo`."""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path

from examples.codecs.encrypting import Encrypted
from examples.codecs.payroll import Bank, Payroll, Payslip
from leveret import Client
from leveret_actors import Node
from leveret_actors.testing import replay

FIRST, SECOND = Encrypted(1, bytes(range(32))), Encrypted(2, bytes(range(32, 64)))
"""Real keys come from a vault; see `keys`."""


async def main(folder: Path) -> list[str]:
    """Return what is to be seen."""
    url = f"sqlite:///{folder}/payroll.db"
    said: list[str] = []
    async with Node(url, workflows=[Payroll], payload_codec=FIRST), Client(url, payload_codec=FIRST) as client:
        handle = await client.dispatch(client.new(Payroll, id="may").run, Payslip("Ann Miller", Decimal("5123.45")))
        await handle.started()

    rotated = [SECOND, FIRST]  # the first writes, both read
    async with (
        Node(url, workflows=[Payroll], services=[Bank()], payload_codec=rotated),
        Client(url, payload_codec=rotated) as client,
    ):
        instance = client.get(Payroll, id="may")
        await instance.approvals.send("Eve Boss")
        payslip = await client.result(instance)
        said.append(f"{payslip.name}: {payslip.salary}, paid {payslip.paid}")
        journal = [record async for record in client.history(instance)]
        said.append(f"replayed: {replay(Payroll, journal, payload_codec=rotated).workflow}")

    said.append(f"found in the file: {found(folder, 'Miller', 'Boss', '5123.45')}")
    return said


def found(folder: Path, *words: str) -> list[str]:
    """Return which words are to be read in the files of a folder."""
    files = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    return [word for word in words if word.encode() in files]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(*asyncio.run(main(Path(made))), sep="\n")
