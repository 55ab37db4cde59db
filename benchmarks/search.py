"""`search`: eight users search a catalogue of 100,000 entries at once, of a server with two workers, and are suggested titles.

Each asks again as soon as it is answered, mostly for words that nobody asked for before: kinds and places in a title, parts of
titles, bodies, codes, machine names, words that every entry holds, pages further on, choices of facets. CPU is that of the
server's processes. Limits: p95 of a search 100 ms, of suggestions 50 ms. Beside it a catalogue of 1,000 entries.
`python -m benchmarks.search [--kept FOLDER] [--postgresql SERVER] [--rounds 3] [--seconds 10]`
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import psutil

from benchmarks.large_catalogue import FIELDS, ITEMS, KINDS, LARGE, SMALL, THINGS, Size
from benchmarks.pages import Opened, catalogue
from benchmarks.sharing_hub import free_port

USERS = 8
WORKERS = 2
LIMIT, SUGGESTIONS_LIMIT = 0.100, 0.050
READERS = ("partner", "steward", "provider")


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of question: what is asked next, and the limit of its 95th percentile."""

    name: str
    asked: Callable[[random.Random, Size], str]
    limit: float


def main() -> None:
    """Status 1 where a line misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", default="", help="folder in which catalogues of SQLite stay for the next run")
    parser.add_argument("--postgresql", default="", help="server without a database: postgresql://postgres@127.0.0.1:5432")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    missed = []
    for size in (SMALL, LARGE):
        with catalogue(size, options.postgresql, options.kept) as opened, served(opened) as hub:
            print(f"{size.resources:,} entries, {USERS} users, {WORKERS} workers, {options.rounds} rounds", flush=True)
            for line in LINES:
                took = [crowd(hub, opened, line, size, round_, options.seconds) for round_ in range(options.rounds)]
                late = report(line, took)
                missed += [line.name] if late and size is LARGE else []
    print(f"missed {len(missed)}: {'; '.join(missed)}")
    sys.exit(1 if missed else 0)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round took: seconds of each answer, and seconds of CPU of the server for one."""

    took: Sequence[float]
    cpu: float


def report(line: Line, rounds: Sequence[Round]) -> bool:
    """One line of the answer; whether it misses."""
    p95 = statistics.median(percentile(one.took, 0.95) for one in rounds)
    p50 = statistics.median(percentile(one.took, 0.5) for one in rounds)
    cpu = statistics.median(one.cpu for one in rounds)
    late = p95 > line.limit
    count = sum(len(one.took) for one in rounds)
    mark = " MISSES" if late else ""
    print(
        f"  {line.name:34} p50 {p50 * 1000:5.0f} ms, p95 {p95 * 1000:5.0f} ms, CPU {cpu * 1000:5.1f} ms, {count} answers{mark}",
        flush=True,
    )
    return late


def percentile(took: Sequence[float], part: float) -> float:
    """The value that this part of them stays under."""
    return sorted(took)[int(len(took) * part)]


@dataclass(frozen=True, slots=True)
class Serving:
    """A server: its port and its processes."""

    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds of CPU of all its processes."""
        return sum(sum(one.cpu_times()[:2]) for one in (self.process, *self.process.children(recursive=True)))


@contextmanager
def served(opened: Opened) -> Iterator[Serving]:
    """`hub serve` over that catalogue, every worker warm."""
    settings, port = opened.settings, free_port()
    environment = {**os.environ, "HUB_HOME": str(settings.root), "HUB_CATALOG_URL": settings.catalog_database}
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port), "--workers", str(WORKERS)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        serving = Serving(port, psutil.Process(process.pid))
        until = time.monotonic() + 120
        while True:
            try:
                with ask(port) as one:
                    one("/ready", "")
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.3)
        crowd(serving, opened, LINES[0], Size(), -1, 8.0)
        yield serving
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def ask(port: int) -> Iterator[Callable[[str, str], bytes]]:
    """One kept-open connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def asking(path: str, key: str) -> bytes:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body

    try:
        yield asking
    finally:
        connection.close()


def crowd(hub: Serving, opened: Opened, line: Line, size: Size, round_: int, seconds: float) -> Round:
    """Eight users at once for some seconds."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    def user(number: int) -> None:
        dice = random.Random(f"{line.name} {round_} {number}")
        key = opened.large.readers[READERS[number % len(READERS)]].key
        with ask(hub.port) as asking:
            while time.perf_counter() < until:
                path = line.asked(dice, size)
                begun = time.perf_counter()
                asking(path, key)
                took.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=user, args=(number,)) for number in range(USERS)]
    cpu = hub.cpu()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return Round(took, (hub.cpu() - cpu) / max(len(took), 1))


def words_of_titles(dice: random.Random, size: Size) -> str:
    """A field, thing or kind, two of them in one word or in two, or a title's end with its number."""
    field, thing, kind = dice.choice(FIELDS), dice.choice(THINGS), dice.choice(KINDS)
    number = dice.randrange(size.resources)
    return dice.choice(
        (field, thing, kind, thing + kind, field + thing, f"{field} {kind}", f"{thing} {kind}", f"{kind}{number}")
    )


def words_of_all(dice: random.Random, _size: Size) -> str:
    """What nearly every entry holds, alone or beside a word of a title."""
    common = dice.choice([title for _, title in ITEMS] + ["更新", "含编号", "类"])
    return dice.choice((common, f"{common} {dice.choice(THINGS)}", f"{common} {dice.choice(FIELDS)}"))


def names(dice: random.Random, size: Size) -> str:
    """A machine name, a code, a body's name, or what nothing is called."""
    number = dice.randrange(size.resources)
    code = f"{dice.randint(1, 4)}{dice.randint(1, 20):02d}{dice.randint(1, 5):03d}/{number:06d}"
    return dice.choice((f"set_{number}", code, f"{dice.choice(FIELDS)}局{dice.randrange(size.bodies)}", f"鲸鱼{number}"))


def searched(words: Callable[[random.Random, Size], str]) -> Callable[[random.Random, Size], str]:
    """The first page for such words; a page further on for some, a choice of a facet for others."""

    def path(dice: random.Random, size: Size) -> str:
        query: dict[str, object] = {"q": words(dice, size)}
        if dice.random() < 0.2:
            query["page"] = dice.randint(2, 5)
        if dice.random() < 0.3:
            query |= dice.choice(
                ({"sharing": dice.randint(1, 3)}, {"cycle": "每月"}, {"provider": f"body-{dice.randint(1, 50)}"})
            )
        return f"/api/v1/resources?{urlencode(query)}"

    return path


def mixed(dice: random.Random, size: Size) -> str:
    """As people ask: mostly words of titles, some names; now and then a word that all have, or everything."""
    words = dice.choices((words_of_titles, names, words_of_all, lambda *_: ""), (60, 25, 10, 5))[0]
    return searched(words)(dice, size)


def suggested(dice: random.Random, size: Size) -> str:
    """What stands in the box while somebody types a title or a name."""
    typed = dice.choice((words_of_titles, names))(dice, size)
    return f"/api/v1/suggestions?{urlencode({'q': typed[: dice.randint(1, len(typed))]})}"


LINES = (
    Line("search, as people ask", mixed, LIMIT),
    Line("search, words of titles", searched(words_of_titles), LIMIT),
    Line("search, words that all have", searched(words_of_all), LIMIT),
    Line("search, names and codes", searched(names), LIMIT),
    Line("suggestions", suggested, SUGGESTIONS_LIMIT),
)


if __name__ == "__main__":
    main()
