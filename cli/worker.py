"""The process that serves, under `hub serve`: python -m cli.worker HOST PORT SOCKET READY (two descriptors)."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

from cli.serve import configured
from contracts.errors import HubError
from warehouse.settings import Settings


class Worker(uvicorn.Server):
    """Says on a pipe when it serves."""

    def __init__(self, config: uvicorn.Config, ready: int) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As always, and then one byte."""
        await super().startup(sockets)
        if self.started:
            os.write(self.ready, b"1")


def main(host: str, port: str, descriptor: str, ready: str) -> None:
    """Serve on a socket that the supervisor holds open."""
    listening = socket.socket(fileno=int(descriptor))
    Worker(configured(Settings(), host, int(port)), int(ready)).run(sockets=[listening])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except HubError as error:
        sys.exit(str(error))
