"""`hub serve`: the portal, the API and Delta Sharing, in processes that are started again when they die."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal.language import said
from contracts.errors import HubError

if TYPE_CHECKING:
    import uvicorn

    from warehouse.settings import Settings

PORT = 8700


class PortTaken(HubError):
    """Something else listens there."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"{host}:{port} 已被占用；请用 --port 换一个端口，或先停止占用它的程序。",
            f"{host}:{port} is in use; choose another port with --port, or stop what listens there.",
        )


class ProxyUnknown(HubError):
    """HUB_TRUSTED_PROXIES names something that is no address."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"HUB_TRUSTED_PROXIES 中的「{name}」不是 IP 地址或网段；例如 10.0.0.5 或 10.0.0.0/24，用逗号分隔。",
            f"{name!r} in HUB_TRUSTED_PROXIES is no IP address or network; write 10.0.0.5 or 10.0.0.0/24, comma-separated.",
        )


def serve(
    port: Annotated[int, typer.Option(help="端口 / port")] = PORT,
    host: Annotated[str, typer.Option(help="监听地址 / address to listen on")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1, max=64, help="服务进程数 / processes that serve")] = 1,
) -> None:
    """Serve the portal, the API and Delta Sharing on HUB_HOME until Ctrl-C or SIGTERM; requests under way are finished."""
    os.environ.setdefault("HUB_PUBLIC_URL", f"http://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}")  # noqa: S104
    listening = bound(host, port)
    from cli.supervisor import supervise
    from warehouse.settings import Settings

    settings = Settings()
    proxies_of(settings.trusted_proxies)
    typer.echo(said(f"门户：{settings.public_url}　Ctrl-C 停止", f"Portal: {settings.public_url}   Ctrl-C stops it"), err=True)
    supervise(listening, host, port, workers)


def configured(settings: Settings, host: str, port: int) -> uvicorn.Config:
    """The server over one installation: forwarded addresses are believed from the configured proxies, from nobody else."""
    import uvicorn

    from api.app import create_app
    from api.http.punctual import Punctual

    proxies = proxies_of(settings.trusted_proxies)
    return uvicorn.Config(
        create_app(settings),
        host=host,
        port=port,
        http=Punctual,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
    )


def proxies_of(text: str) -> list[str]:
    """Addresses and networks of the proxies that are believed; what is neither is an error, not a name that fits nothing."""
    proxies = [one.strip() for one in text.split(",") if one.strip()]
    for one in proxies:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise ProxyUnknown(one) from None
    return proxies


def bound(host: str, port: int) -> socket.socket:
    """The listening socket, held from now on; PortTaken where something else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError:
        listening.close()
        raise PortTaken(host, port) from None
    return listening
