"""Every benchmark in turn, each in a process of its own: `make bench`. Status 1 where one misses its limit."""

from __future__ import annotations

import subprocess
import sys

LARGE = "onboard-20m"
NAMES = ("onboard", LARGE, "datasets", "rows", "pull", "stall", "readers", "beside", "pollock")
MORE = {LARGE: ("onboard", "--rows", "20000000", "--pairs", "2")}
"""Benchmarks that are others at another size."""


def main() -> None:
    """Run them; what follows on the command line names some of them."""
    chosen = [name for name in sys.argv[1:] if name in NAMES] or list(NAMES)
    missed = []
    for name in chosen:
        print(f"== {name}", flush=True)
        module, *options = MORE.get(name, (name,))
        if subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *options], check=False).returncode:
            missed.append(name)
    if missed:
        sys.exit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
