"""The decoding process from its birth to its end: loads, locks itself in, reads, decodes, answers.

In:  standard input: a byte for the type, then the file.
Out: standard output, as ``frames`` has it.
Never here: a file, an environment, an argument that came with the upload, or a second file.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from requests_app.decoding import confinement, decoders, frames


def answer(stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Decode what is asked for. A verdict can only come before the first frame; a later fault breaks the answer off."""
    asked = stdin.read(1)
    decoded = decoders.decode(stdin.read(), frames.TYPES[asked[0]])
    try:
        first = next(decoded)
    except frames.Unfit as unfit:
        stdout.write(bytes([frames.VERDICTS.index(unfit.verdict)]))
        return
    stdout.write(b"\0")
    frames.write(stdout, first)
    del first
    for frame in decoded:
        frames.write(stdout, frame)
    frames.write_end(stdout)


def main() -> None:
    """Called by ``process`` in a fresh interpreter. No exception leaves it: a broken pipe is answer enough."""
    confinement.limit()
    decoders.warm_up()
    confinement.confine()
    answer(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    os._exit(0)


def report() -> None:
    """Instead of decoding: say which locks hold here."""
    confinement.limit()
    decoders.warm_up()
    held = confinement.confine()
    os.write(1, " ".join(held).encode())
    os._exit(0)
