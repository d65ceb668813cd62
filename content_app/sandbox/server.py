"""The sandbox as a process.

In: settings or a command line. Out: a server on 127.0.0.1 that says when it is ready and ends when told.
Never here: any other address than this machine's own.
"""

import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

import uvicorn

from .app import create_app
from .settings import Settings, add_options

HOST = "127.0.0.1"
SYSTEMS = ("vcc",)


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            sys.stdout.write(f"ready http://{HOST}:{port}\n")
            sys.stdout.flush()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let a signal end the server, and nothing more: the process then ends by itself, with 0."""
        before = {sign: signal.signal(sign, self.handle_exit) for sign in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)


def serve(settings: Settings) -> None:
    config = uvicorn.Config(
        create_app(settings),
        host=HOST,
        port=settings.port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    Server(config).run()


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", choices=SYSTEMS, help="which contact centre to stand in for")
    add_options(parser)


def main(arguments: list[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m content_app.sandbox", description=__doc__)
    add_arguments(parser)
    serve(Settings.chosen(vars(parser.parse_args(arguments))))
