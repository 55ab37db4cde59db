"""A small server that plays the departments' interfaces: pages of JSON behind a token, on this machine only.

`python -m demo.department FOLDER --port N` serves it alone; the token is read from HUB_DEMO_TOKEN.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TOKEN = "HUB_DEMO_TOKEN"  # noqa: S105 - the variable's name
WRAPPED = {"items": "data"}
"""Interfaces whose records stand one level down, under this name; the others give them at the top."""


class Pages(BaseHTTPRequestHandler):
    """GET /<dataset>?page=N gives one page, its number, how many there are and the address of the next."""

    server_version = "department/1"
    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, token: str, *args: object, **kwargs: object) -> None:
        self.folder, self.token = folder, token
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """One page, 401 without the token, 404 for what is not there."""
        if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {self.token}"):
            return self._say(401, {"code": 401, "message": "令牌无效 / invalid token"})
        address = urlsplit(self.path)
        wanted = parse_qs(address.query).get("page", ["1"])[0]
        folder = self.folder / address.path.strip("/").split("/")[-1]
        page = folder / current(folder) / f"page-{wanted}.json"
        if not wanted.isdigit() or not folder.is_relative_to(self.folder) or not page.is_file():
            return self._say(404, {"code": 404, "message": "没有这一页 / no such page"})
        about = json.loads((page.parent / "about.json").read_text(encoding="utf-8"))
        return self._say(200, self._page(address.path, int(wanted), about, json.loads(page.read_text(encoding="utf-8"))))

    def _page(self, path: str, number: int, about: dict[str, object], records: list[object]) -> dict[str, object]:
        name, pages = str(about["name"]), int(str(about["pages"]))
        following = f"{path}?page={number + 1}" if number < pages else None
        body = {"total": about["total"], "page": number, "pages": pages, "next": following, name: records}
        return {"code": 0, WRAPPED[name]: body} if name in WRAPPED else {"code": 0, **body}

    def _say(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what was asked is on record in the hub."""


def current(folder: Path) -> str:
    """Which delivery an interface gives now: `first`, or what the file `now` beside it says."""
    now = folder / "now"
    return now.read_text(encoding="utf-8").strip() if now.is_file() else "first"


def advance(folder: Path, dataset: str, step: str) -> None:
    """From now on the interface of a dataset gives that delivery."""
    (folder / dataset / "now").write_text(step, encoding="utf-8")


def open_server(folder: Path, token: str, port: int) -> ThreadingHTTPServer:
    """The server, bound to the port; another free one where it is taken."""
    handler = partial(Pages, folder, token)
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError:
        return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def serve_beside(folder: Path, token: str, port: int) -> ThreadingHTTPServer:
    """The server, answering from a thread of its own until `shutdown`."""
    server = open_server(folder, token, port)
    threading.Thread(target=server.serve_forever, daemon=True, name="department").start()
    return server


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8790)
    options = parser.parse_args()
    open_server(options.folder.resolve(), os.environ[TOKEN], options.port).serve_forever()


if __name__ == "__main__":
    main()
