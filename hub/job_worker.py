"""The process that does jobs, one at a time: python -m hub.job_worker. Settings come on the first line, then numbers of jobs.

It ends with its runner's pipe, and may be killed at any moment: what an act does to lake and catalogue is whole or not at all.
"""

from __future__ import annotations

import os
import sys

from hub import jobs
from hub.hub import open_hub
from warehouse.settings import Settings


def main() -> None:
    """Do what is asked for on stdin; one line on the first stdout for each job that is over."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    opened = open_hub(Settings.model_validate_json(sys.stdin.readline()))
    for line in sys.stdin:
        jobs.perform(opened, line.strip())
        print("over", file=answers, flush=True)


if __name__ == "__main__":
    main()
