"""Hands TCP on: ``python -m tests.chaos.relay 127.0.0.1:5000 10.213.1.1:5000``; the target may be a Unix socket.

In:  where to listen, where to hand on to. A network namespace has an own 127.0.0.1, and this is how it reaches ours.
Out: ``ready``, then every byte in both directions until the process ends.
Never here: a fault. What is to fail is the network between two of these.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def _pour(source: Reader, sink: Writer) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


async def _open(target: str) -> tuple[Reader, Writer]:
    if target.startswith("/"):
        return await asyncio.open_unix_connection(target)
    host, _, port = target.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def relay(listen: str, target: str, count: str = "") -> None:
    """Until cancelled. The file ``count`` grows by a byte with every connection."""

    async def join(reader: Reader, writer: Writer) -> None:
        if count:
            with open(count, "ab") as counter:
                counter.write(b".")
        try:
            far_reader, far_writer = await _open(target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))

    host, _, port = listen.rpartition(":")
    server = await asyncio.start_server(join, host, int(port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(relay(*sys.argv[1:]))
