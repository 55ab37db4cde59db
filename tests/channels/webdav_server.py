"""WsgiDAV over one folder, in a thread, for one account; and the wire to it, which can be cut."""

from __future__ import annotations

import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from wsgidav.wsgidav_app import WsgiDAVApp

from tests.channels.wire import Wire


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class WebdavServer:
    def __init__(self, place: Path) -> None:
        self.accounts = {"*": {"hub": {"password": "genuine"}}}
        place.mkdir(parents=True, exist_ok=True)
        application = WsgiDAVApp(
            {
                "provider_mapping": {"/": str(place)},
                "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
                "simple_dc": {"user_mapping": self.accounts},
                "dir_browser": {"enable": False},
                "lock_storage": False,
                "property_manager": False,
                "logging": {"enable": False},
                "verbose": 0,
                "block_size": 1 << 20,
            }
        )
        self.server = make_server("127.0.0.1", 0, application, server_class=_Server, handler_class=_Quiet)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.wire = Wire("127.0.0.1", self.server.server_port)
        self.url = f"http://127.0.0.1:{self.wire.port}"

    def let_in(self, password: str) -> None:
        """Only who has that one."""
        self.accounts["*"]["hub"]["password"] = password

    def close(self) -> None:
        self.wire.close()
        self.server.shutdown()
        self.server.server_close()
