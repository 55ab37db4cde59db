"""Make the environment: .venv from locks with hashes, npm packages, portal assets, translations; no more than is missing.

`python3 deploy/setup.py` for running the hub, with `--dev` for working on it too (linters, tests, a browser).
Only the standard library is used, and every step is skipped when its stamp in .venv says that nothing changed. Package
indexes, certificates and proxies are those that pip is set up with on this machine; none is named here.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = ROOT / "deploy" / "locks"
NEEDED = (3, 11)
APT = {
    "chromium": "/usr/bin/chromium",
    "fonts-noto-cjk": "/usr/share/fonts/opentype/noto",
    "faketime": "/usr/bin/faketime",
    "mosquitto": "/usr/sbin/mosquitto",
}
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "trusted-host": "UV_INSECURE_HOST",
}
"""pip's settings, and the variables by which uv takes the same."""


def say(text: str) -> None:
    """One line of progress."""
    print(f"· {text}", flush=True)


def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> bool:
    """Run a command from the project's root; False when it failed."""
    return subprocess.run([str(c) for c in command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL).returncode == 0


def must(*command: str | Path, problem: str) -> None:
    """Run a command, or end with the problem and what to do about it."""
    if not run(*command):
        raise SystemExit(f"\n{problem}")


def digest(*paths: Path) -> str:
    """One hash over the contents of files, and over the Python they are for."""
    total = hashlib.sha256(sys.version.encode())
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def done(name: str, *paths: Path) -> bool:
    """True when that step was finished with these very files."""
    stamp = VENV / f".hui-{name}"
    return stamp.is_file() and stamp.read_text() == digest(*paths)


def finish(name: str, *paths: Path) -> None:
    """Remember that a step is finished with these files."""
    (VENV / f".hui-{name}").write_text(digest(*paths))


def make_venv() -> None:
    """The virtual environment, made anew when its Python is another."""
    if PYTHON.exists() and run(PYTHON, "-c", f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"):
        return
    say(f"环境 .venv（Python {sys.version.split()[0]}） / environment .venv")
    must(
        sys.executable, "-m", "venv", "--clear", VENV,
        problem="无法创建 .venv；Debian 请安装 python3-venv。 / Cannot make .venv; on Debian install python3-venv.",
    )  # fmt: skip


def pip_settings() -> dict[str, str]:
    """What pip is set up with here, by its long option names; variables win over files, as pip has it."""
    told = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    found: dict[str, str] = {}
    for line in sorted(told.splitlines(), key=lambda text: text.startswith(":env:")):
        name, _, value = line.partition("=")
        found[name.split(".")[-1]] = value.strip().strip("'\"").replace("\\n", " ")
    return found


def uv_environment() -> dict[str, str]:
    """This process's variables and pip's settings in uv's words; what is set for uv already stays."""
    environment = dict(os.environ)
    for name, value in pip_settings().items():
        if name in UV_NAMES:
            environment.setdefault(UV_NAMES[name], " ".join(value.split()))
    environment.setdefault("UV_PYTHON_DOWNLOADS", "never")
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip reads several indexes
    return environment


def pip_install(*options: str | Path) -> bool:
    """pip, hashes required by the lock itself."""
    return run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options)


def install(lock: Path, python: Path = PYTHON) -> None:
    """Packages of a lock into an environment: by uv, and where that cannot by pip. Both check every hash."""
    uv = VENV / "bin" / "uv"
    if uv.exists() and run(
        uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock,
        environment=uv_environment(),
    ):  # fmt: skip
        return
    say("uv 不可用，改用 pip（较慢） / uv could not, pip does it (slower)")
    if not run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock):
        raise SystemExit(
            "\n依赖安装失败：请检查网络和 pip 设置（pip config list）。\n"
            "Installing the packages failed: check the network and pip's settings (pip config list)."
        )


def packages(dev: bool) -> None:
    """Locked packages and the hub itself, editable."""
    bootstrap, lock = LOCKS / "bootstrap.txt", LOCKS / ("dev.txt" if dev else "runtime.txt")
    told = (bootstrap, lock, ROOT / "pyproject.toml")
    name = "dev" if dev else "runtime"
    if done(name, *told) or (not dev and done("dev", bootstrap, LOCKS / "dev.txt", ROOT / "pyproject.toml")):
        return
    say(f"依赖 {lock.relative_to(ROOT)} / packages")
    if not pip_install("--require-hashes", "-r", bootstrap):
        say("引导包安装失败，继续用 pip / bootstrap packages failed, going on with pip")
    install(lock)
    if not pip_install("--no-deps", "--no-build-isolation", "--editable", "."):
        raise SystemExit("\n无法安装 hui 本身；见上面的信息。 / Cannot install hui itself; see above.")
    finish(name, *told)


def clients() -> None:
    """The plain Delta Sharing client, for tests and for a first pull, in .venv-clients: it pins older packages than we use."""
    apart("clients", "客户端环境 .venv-clients / clients' environment")


def peers() -> None:
    """What `make bench` measures the hub against, in .venv-peers."""
    apart("peers", "对比程序环境 .venv-peers / peers' environment")


def apart(name: str, told: str) -> None:
    """An environment of its own, made from its lock: .venv-NAME."""
    folder = ROOT / f".venv-{name}"
    lock, mark = LOCKS / f"{name}.txt", folder / "made-from"
    if mark.is_file() and mark.read_bytes() == lock.read_bytes():
        return
    say(told)
    must(sys.executable, "-m", "venv", "--clear", folder, problem=f"无法创建 {folder.name} / cannot make {folder.name}")
    install(lock, folder / "bin" / "python")
    mark.write_bytes(lock.read_bytes())


def portal() -> None:
    """npm packages and what the portal serves of them. Node comes from a wheel where there is none."""
    if shutil.which("npm") is None and not (VENV / "bin" / "npm").exists():
        say("本机没有 Node，从 wheel 安装 / no Node here, from a wheel")
        install(LOCKS / "node.txt")
    environment = dict(os.environ, PATH=f"{os.environ.get('PATH', '')}{os.pathsep}{VENV / 'bin'}")
    if not run(PYTHON, "deploy/assets.py", environment=environment):
        raise SystemExit("\n前端资源安装失败：见上面的信息。 / The portal's assets failed: see above.")


def translations() -> None:
    """Compiled message files, where a source is newer."""
    for source in sorted((ROOT / "api" / "portal").rglob("*.po")):
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            must(
                VENV / "bin" / "pybabel", "compile", "--use-fuzzy", "-i", source, "-o", compiled,
                problem=f"译文 {source} 无法编译。 / The translations in {source} cannot be compiled.",
            )  # fmt: skip


def browser() -> None:
    """A browser with Chinese fonts, faketime and an MQTT broker, for the tests, by apt where root or sudo is to be had."""
    missing = [name for name, path in APT.items() if not Path(path).exists()]
    if not missing:
        return
    apt = shutil.which("apt-get")
    root = [] if os.geteuid() == 0 else ["sudo", "-n"] if shutil.which("sudo") else None
    if apt is None or root is None:
        return say(f"请安装 {' '.join(missing)}，否则部分测试不能进行 / install {' '.join(missing)}, or some tests cannot run")
    say(f"apt-get install {' '.join(missing)}")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run(*root, apt, "update", "-qq", environment=environment)
    if not run(*root, apt, "install", "-y", "-qq", "--no-install-recommends", *missing, environment=environment):
        say(f"未能安装 {' '.join(missing)}，部分测试不能进行 / could not install {' '.join(missing)}, some tests cannot run")
    return None


def main() -> None:
    """Everything that is missing, in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="for working on the hub: linters, tests, a browser")
    parser.add_argument("--clients", action="store_true", help="the plain Delta Sharing client, in .venv-clients")
    parser.add_argument("--peers", action="store_true", help="what the hub is measured against, in .venv-peers")
    options = parser.parse_args()
    if sys.version_info < NEEDED:
        raise SystemExit(f"需要 Python 3.11 以上，这是 {sys.version.split()[0]}。 / Python 3.11 or newer is needed.")
    start = time.monotonic()
    make_venv()
    packages(options.dev)
    portal()
    translations()
    if options.dev or options.clients:
        clients()
    if options.peers:
        peers()
    if options.dev:
        browser()
    if (took := time.monotonic() - start) > 2:
        say(f"就绪，{took:.0f} 秒 / ready in {took:.0f} s")


if __name__ == "__main__":
    main()
