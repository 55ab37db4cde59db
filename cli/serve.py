"""`hub serve`: the portal, the API and Delta Sharing, in one process."""

from __future__ import annotations

import os
import socket
from typing import Annotated

import typer

from cli.language import said
from contracts.errors import HubError

PORT = 8700


class PortTaken(HubError):
    """Something else listens there."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"{host}:{port} 已被占用；请用 --port 换一个端口，或先停止占用它的程序。",
            f"{host}:{port} is in use; choose another port with --port, or stop what listens there.",
        )


def serve(
    port: Annotated[int, typer.Option(help="端口 / port")] = PORT,
    host: Annotated[str, typer.Option(help="监听地址 / address to listen on")] = "127.0.0.1",
) -> None:
    """Serve the portal, the API and Delta Sharing on HUB_HOME until Ctrl-C or SIGTERM; requests under way are finished."""
    os.environ.setdefault("HUB_PUBLIC_URL", f"http://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}")  # noqa: S104
    _require_free(host, port)
    import uvicorn

    from api.app import create_app
    from catalog import database
    from warehouse.settings import Settings

    settings = Settings()
    database.require(settings.catalog_database)
    config = uvicorn.Config(
        create_app(settings),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        proxy_headers=True,
    )
    typer.echo(said(f"门户：{settings.public_url}　Ctrl-C 停止", f"Portal: {settings.public_url}   Ctrl-C stops it"), err=True)
    uvicorn.Server(config).run()


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortTaken(host, port) from None
