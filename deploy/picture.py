"""Take the README's picture: the home page of the demo in HUB_HOME, served by this very program, as a person sees it.

`.venv/bin/python deploy/picture.py docs/pictures/home.png` after `make demo SERVE=0`; needs Chromium (`make setup-dev`).
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(port: int, server: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """Until the server answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.poll() is not None:
            raise SystemExit(f"hub serve ended with {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit("hub serve did not answer")


def take(port: int, path: str, target: Path, width: int, height: int) -> None:
    """One page, as the demo's steward sees it."""
    home, address = Path(os.environ.get("HUB_HOME", "var")), f"http://127.0.0.1:{port}"
    password = (home / "demo" / "password").read_text(encoding="utf-8").strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height}, locale="zh-CN")
        page.goto(f"{address}/sign-in")
        page.fill('input[name="login"]', "steward")
        page.fill('input[name="password"]', password)
        page.press('input[name="password"]', "Enter")
        page.wait_for_load_state("networkidle")
        page.goto(address + path, wait_until="networkidle")
        target.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(target))
        browser.close()


def main() -> None:
    """Serve, look, stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--path", default="/")
    parser.add_argument("--size", default="1280x860")
    options = parser.parse_args()
    port = free_port()
    width, height = map(int, options.size.split("x"))
    server = subprocess.Popen([sys.executable, "-m", "cli", "serve", "--port", str(port)], cwd=ROOT)
    try:
        wait(port, server)
        take(port, options.path, options.target, width, height)
    finally:
        server.terminate()
        server.wait(20)
    print(f"{options.target}: {options.target.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
