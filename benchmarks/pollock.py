"""Reading CSV without parameters, by the measures of Pollock (HPI-Information-Systems/Pollock, VLDB 2023), beside DuckDB alone.

    python -m benchmarks.pollock [FOLDER] [--files PATTERN] [--verbose]

FOLDER holds `csv/` and `clean/`. A file scores 0 to 10: read or not, and precision, recall and F1 of its header, records and
cells against the clean version, all compared as text, as read and before types. "simple" is the mean over files, "weighted" by
how often each fault was seen in 3,712 real files; a kind's weight is shared evenly by its files at hand. Scored twice: a
question counts as a failed load, and the first choice of each question is taken. A file is changed in silence where it is
loaded without a question and its records are others than the clean ones, with no line quarantined or set aside.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from contracts.errors import HubError
from contracts.inference.evidence import Undecided
from warehouse.onboarding import profile
from warehouse.readers import inspect, open_inspected
from warehouse.settings import Settings

SAMPLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "pollock_sample"
LIMITS = {"asked is failed": 9.2, "first choice": 9.6}
"""Weighted scores to reach."""
ROUNDS = 6
"""Questions in a row that are answered."""
WEIGHTS = {
    "file_double_trailing_newline": 5.0, "file_escape_char_0x00": 7.0, "file_escape_char_0x5C": 1.0,
    "file_field_delimiter_0x20": 4.0, "file_field_delimiter_0x2C_0x20": 101.0, "file_field_delimiter_0x3B": 834.0,
    "file_field_delimiter_0x9": 4.0, "file_header_multirow_2": 47.0, "file_header_multirow_3": 47.0, "file_header_only": 3.0,
    "file_multitable_less": 62.67, "file_multitable_more": 62.67, "file_multitable_same": 62.67, "file_no_header": 470.0,
    "file_no_payload": 15.0, "file_no_trailing_newline": 184.0, "file_one_data_row": 4.0, "file_preamble": 282.0,
    "file_quotation_char_0x27": 11.0, "file_record_delimiter_0xA": 1691.0, "file_record_delimiter_0xD": 7.0, "source": 1.0,
    "row_extra_quote": 8.52, "row_field_delimiter": 13.14, "row_less_sep": 338.33, "row_more_sep": 338.33,
}  # fmt: skip
"""How often each kind of fault was seen (pollock_weights.json at c4533b2c, files of a kind added up)."""
KIND_OF_ROW = re.compile(r"row_(extra_quote|field_delimiter|less_sep|more_sep)")
Table = list[list[str]]


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader made of a file: the rows, header first; None where it could not be read."""

    table: Table | None
    questions: int = 0
    set_apart: int = 0
    """Lines that are told: quarantined, or set aside."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """A file with its scores."""

    name: str
    weight: float
    asked_is_failed: float
    first_choice: float
    duckdb: float
    silent: bool
    error: str


def read_by_hub(path: Path, settings: Settings) -> Read:
    """The file as the hub reads it, the first choice of each question taken."""
    told: dict[str, Any] = {}
    questions = 0
    for _ in range(ROUNDS):
        try:
            return _opened(path, told, settings, questions)
        except Undecided as undecided:
            questions += len(undecided.questions)
            told |= {question.option.removeprefix("--"): question.choices[0].value for question in undecided.questions}
        except HubError as error:
            return Read(None, questions, error=error.message_en)
    return Read(None, questions, error="asked without end")


def _opened(path: Path, told: Mapping[str, Any], settings: Settings, questions: int) -> Read:
    found = inspect(path, told, settings, name=path.name, by_person=True).settled()
    files = list(found.scratch)
    try:
        with profile.connection(settings) as connection:
            source = open_inspected(found, settings, connection=connection)
            files += source.scratch
            columns = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in source.columns)
            rows = connection.execute(f"SELECT {columns} FROM {source.relation}").fetchall()
            apart = connection.execute(f"SELECT count(*) FROM {source.rejects}").fetchone() if source.rejects else None
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    header = [] if str(source.reading.get("header")) == "none" else [list(source.columns)]
    return Read([*header, *([cell or "" for cell in row] for row in rows)], questions, apart[0] if apart else 0)


def read_by_duckdb(path: Path) -> Read:
    """The file as DuckDB alone reads it, forgiving as in Pollock's own run; every column as text."""
    with duckdb.connect() as connection:
        try:
            found = connection.read_csv(str(path), strict_mode=False, ignore_errors=True, null_padding=True, all_varchar=True)
            rows = found.fetchall()
        except duckdb.Error as error:
            return Read(None, error=str(error))
    named = not all(re.fullmatch(r"column\d+", name) for name in found.columns)
    return Read([*([list(found.columns)] if named else []), *([cell or "" for cell in row] for row in rows)])


def score(clean: Table, read: Table | None) -> float:
    """0 to 10: success, and precision, recall and F1 of header, records and cells."""
    if read is None:
        return 0.0
    if not clean:
        return 10.0
    header = _measures(clean[0], read[0] if read else [])
    records = _measures(["".join(row) for row in clean[1:]], ["".join(row) for row in read[1:]])
    cells = _measures([cell for row in clean for cell in row], [cell for row in read for cell in row])
    return 1.0 + sum(header) + sum(records) + sum(cells)


def _measures(clean: Sequence[Hashable], read: Sequence[Hashable]) -> tuple[float, float, float]:
    if not clean:
        return 1.0, 1.0, 1.0
    common = (Counter(clean) & Counter(read)).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / len(clean), common / len(read)
    return precision, recall, 2 * precision * recall / (precision + recall)


def changed(clean: Table, read: Table) -> bool:
    """Whether a record was read otherwise than it is; cells are compared one by one, blanks around them do not matter."""
    records = [Counter(tuple(cell.strip() for cell in row) for row in table[1:]) for table in (clean, read)]
    return records[0] != records[1]


def kind(name: str) -> str:
    """The fault that a file stands for, from its name."""
    row = KIND_OF_ROW.match(name)
    return row.group() if row else name.removesuffix(".csv")


def run(folder: Path, pattern: str, settings: Settings) -> list[Scored]:
    """Every file of the folder, scored."""
    names = sorted(path.name for path in (folder / "csv").glob("*.csv") if fnmatch.fnmatch(path.name, pattern))
    members = Counter(map(kind, names))
    return [_scored(folder, name, WEIGHTS.get(kind(name), 0.0) / members[kind(name)], settings) for name in names]


def _scored(folder: Path, name: str, weight: float, settings: Settings) -> Scored:
    clean = _table(folder / "clean" / name)
    hub, alone = read_by_hub(folder / "csv" / name, settings), read_by_duckdb(folder / "csv" / name)
    first = score(clean, hub.table)
    told = hub.questions or hub.set_apart or hub.table is None
    silent = not told and changed(clean, hub.table or [])
    return Scored(name, weight, 0.0 if hub.questions else first, first, score(clean, alone.table), silent, hub.error)


def _table(path: Path) -> Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [[cell.strip("\ufeff") for cell in row] for row in csv.reader(file)]


def main() -> int:
    """Print the scores; 1 where a limit is missed or a file was changed in silence."""
    parser = argparse.ArgumentParser(description="Pollock's benchmark of reading CSV")
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--files", default="*", help="pattern of file names")
    parser.add_argument("--verbose", action="store_true", help="every file below 10")
    asked = parser.parse_args()
    if not (asked.folder / "csv").is_dir():
        print(f"not run: {asked.folder} is not here")
        return 0
    with tempfile.TemporaryDirectory(prefix="pollock-") as home:
        scored = run(asked.folder, asked.files, Settings(home=Path(home), _env_file=None))
    return _tell(scored, asked.verbose)


def _tell(scored: Sequence[Scored], verbose: bool) -> int:
    for one in scored if verbose else ():
        if one.first_choice < 9.99 or one.asked_is_failed < 9.99 or one.silent:
            print(
                f"  {one.name:40} {one.asked_is_failed:6.2f} {one.first_choice:6.2f} duckdb {one.duckdb:6.2f} {one.error[:80]}"
                + (" SILENT" if one.silent else "")
            )
    total = sum(one.weight for one in scored) or 1.0
    missed = False
    columns = {"asked is failed": "asked_is_failed", "first choice": "first_choice", "DuckDB alone": "duckdb"}
    for label, field in columns.items():
        simple = sum(getattr(one, field) for one in scored) / max(1, len(scored))
        weighted = sum(one.weight * getattr(one, field) for one in scored) / total
        limit = LIMITS.get(label)
        missed |= limit is not None and weighted < limit
        print(f"{label:16} simple {simple:5.2f}  weighted {weighted:5.2f}" + (f"  (limit {limit})" if limit else ""))
    silent = [one.name for one in scored if one.silent]
    print(f"changed in silence: {len(silent)} of {len(scored)} files", *silent[:5])
    return int(missed or bool(silent))


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
