"""Every benchmark in turn, each in a process of its own: `make bench`. Status 1 where one misses its limit.

`python -m benchmarks [NAME …] [--write]`: what they print becomes docs/performance.md, or their parts of it.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import psutil

from contracts import clock

NAMES = (
    "onboard", "onboard-20m", "datasets", "whole", "rows", "peers", "peers-1m", "pull", "stall", "readers", "beside", "pollock",
    "pages", "search", "needs", "models", "models-1m", "mqtt",
)  # fmt: skip
MORE = {
    "onboard-20m": ("onboard", "--rows", "20000000", "--pairs", "2"),
    "models-1m": ("models", "--events", "1000000"),
    "peers-1m": ("peers", "--rows", "1000000", "--connections", "8", "--rounds", "3"),
}
"""Benchmarks that are others at another size."""
HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
PART = re.compile(r"^## (\S+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
HEAD = (
    "# Performance\n\nWhat people wait for, measured beside what they would pick instead, in one run and in turn: ratios hold "
    "where machines differ, seconds do not. `python -m benchmarks --write` (an hour) makes this page anew from what the "
    "benchmarks print, `python -m benchmarks rows --write` one part of it.\n"
)


def main() -> None:
    """Run them, and write down what they print if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; none: all of them")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args()
    chosen = options.names or NAMES
    if unknown := set(chosen) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    told, missed = {}, []
    for name in chosen:
        print(f"== {name}", flush=True)
        status, printed = run(name)
        told[name] = part(name, status, printed)
        if status:
            missed.append(name)
        if options.write:
            write(told)
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


def run(name: str) -> tuple[int, str]:
    """Its exit status, and what it printed, shown meanwhile."""
    module, *options = MORE.get(name, (name,))
    command = [sys.executable, "-m", f"benchmarks.{module}", *options]
    lines = []
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def part(name: str, status: int, printed: str) -> str:
    """A part of the page: what is measured against what, in the words of the benchmark, and what came of it."""
    module, *options = MORE.get(name, (name,))
    said = ast.get_docstring(ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))) or ""
    verdict = "" if not status else " **It misses a limit.**"
    memory = psutil.virtual_memory().total / 2**30
    where = f"{clock.today():%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"
    given = f" (`{' '.join(options)}`)" if options else ""
    return f"{said}\n\nMeasured {where}{given}.{verdict}\n\n```text\n{printed.rstrip()}\n```\n"


def write(told: dict[str, str]) -> None:
    """The page, with these parts in the place of those of before."""
    before = dict(PART.findall(PAGE.read_text(encoding="utf-8"))) if PAGE.is_file() else {}
    parts = before | {name: f"\n{text}\n" for name, text in told.items()}
    page = HEAD + "".join(f"\n## {name}\n{parts[name].rstrip()}\n" for name in NAMES if name in parts)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
