"""The process that serves, under `hub serve`: python -m cli.worker HOST PORT first|again SOCKET READY (two descriptors)."""

from __future__ import annotations

import gc
import os
import socket
import sys

import uvicorn

from catalog.store import database
from cli.serve import configured
from cli.supervisor import FIRST, UNFIT
from cli.terminal.language import language
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


def main(host: str, port: str, turn: str, descriptor: str, ready: str) -> None:
    """Serve on a socket that the supervisor holds open; the first time only a catalogue that this program knows."""
    listening, settings = socket.socket(fileno=int(descriptor)), Settings()
    gc.disable()  # what is imported now stays: looking through it took a fifth of the start, and would of each collection
    if turn == FIRST:
        database.require(settings.catalog_database)
    config = configured(settings, host, int(port))
    gc.freeze()
    gc.enable()
    Worker(config, int(ready)).run(sockets=[listening])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except HubError as error:
        print(error.said(language()), file=sys.stderr)
        sys.exit(UNFIT)
