"""Faults of Pollock's kinds, made here: no file is changed in silence, and its score is what it should be."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from benchmarks import pollock
from warehouse.settings import Settings

HEADER = ["DATE", "TIME", "Qty", "PRODUCT", "Price", "Description", "Comments"]
RECORDS = [
    [f"{n + 1:02}/03/2018", f"{n:02}:15", str(n), f"AB-{n:04}", f"${n}.99", f"Table, round {n}, of the finest oak", ""]
    for n in range(24)
]
LINES = ["DATE,TIME,Qty,PRODUCT,Price,Description,Comments", *(",".join([*r[:5], f'"{r[5]}"', r[6]]) for r in RECORDS)]


def read(folder: Path, lines: list[str], settings: Settings) -> tuple[pollock.Read, bool]:
    """A file of these lines as the hub reads it, and whether it was changed in silence."""
    path = folder / "a.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = pollock.read_by_hub(path, settings)
    told = found.questions or found.set_apart or found.table is None
    return found, not told and pollock.changed([HEADER, *RECORDS], found.table or [])


def commas(line: str) -> list[int]:
    """Where delimiters stand outside quotes."""
    return [n for n, sign in enumerate(line) if sign == "," and line[:n].count('"') % 2 == 0]


class TestNoFileIsChangedInSilence:
    @pytest.mark.parametrize("row", [0, 1, 12, 24])
    @pytest.mark.parametrize("place", range(6))
    def test_a_delimiter_too_many_or_too_few(self, tmp_path: Path, settings: Settings, row: int, place: int) -> None:
        at = commas(LINES[row])[place]
        for mended in (LINES[row][:at] + "," + LINES[row][at:], LINES[row][:at] + LINES[row][at + 1 :]):
            _, silent = read(tmp_path, [*LINES[:row], mended, *LINES[row + 1 :]], settings)
            assert not silent, mended

    @pytest.mark.parametrize("row", [0, 12])
    @pytest.mark.parametrize("place", range(6))
    def test_a_quote_too_many(self, tmp_path: Path, settings: Settings, row: int, place: int) -> None:
        at = commas(LINES[row])[place] + 1
        _, silent = read(tmp_path, [*LINES[:row], LINES[row][:at] + '"' + LINES[row][at:], *LINES[row + 1 :]], settings)
        assert not silent

    @pytest.mark.parametrize("field", ['"Table, Round 48"""', '"Oak, ""old"""', '"a, b"'])
    @pytest.mark.parametrize("price", ["$78.07", "AB-07", "x"])
    def test_a_delimiter_missing_before_a_quote(self, tmp_path: Path, settings: Settings, price: str, field: str) -> None:
        broken = f"12/03/2018,12:15,12,AB-0012,{price}{field},plain,"
        found, silent = read(tmp_path, [*LINES[:13], broken, *LINES[14:]], settings)
        assert (silent, found.set_apart) == (False, 1)

    @pytest.mark.parametrize("inches", ['12"LCD', '12"', '12" TV', '12"x9"'])
    def test_signs_of_inches_are_none(self, tmp_path: Path, settings: Settings, inches: str) -> None:
        lines = ["id,a,b", *(f'{n},{inches},{n}5"' for n in range(4)), *(f"{n},plain,x" for n in range(4, 30))]
        found, _ = read(tmp_path, lines, settings)
        assert (found.set_apart, found.table and found.table[1]) == (0, ["0", inches, '05"'])

    def test_a_row_with_another_delimiter(self, tmp_path: Path, settings: Settings) -> None:
        _, silent = read(tmp_path, [*LINES[:5], LINES[5].replace(",", " "), *LINES[6:]], settings)
        assert not silent

    def test_another_table_below(self, tmp_path: Path, settings: Settings) -> None:
        for other in (LINES, [line.rpartition(",")[0] for line in LINES], [line + "," for line in LINES]):
            found, silent = read(tmp_path, [*LINES, *other], settings)
            assert (silent, found.questions) == (False, 0)


class TestDialects:
    @pytest.mark.parametrize("delimiter", [", ", "; ", "||", "@@", ";", "\t", "|"])
    def test_delimiters_are_found(self, tmp_path: Path, settings: Settings, delimiter: str) -> None:
        lines = [delimiter.join([*r[:5], f'"{r[5]}"', r[6] or "x"]) for r in [HEADER, *RECORDS]]
        found, _ = read(tmp_path, lines, settings)
        assert (found.questions, found.table and found.table[1][5]) == (0, RECORDS[0][5])

    @pytest.mark.parametrize("delimiter", ["、", "   "])
    def test_signs_of_plain_text_are_asked_with_the_right_answer(self, tmp_path: Path, settings, delimiter: str) -> None:
        lines = [delimiter.join(row[:5]) for row in [HEADER, *RECORDS]]
        found, _ = read(tmp_path, lines, settings)
        assert (found.questions, found.table and found.table[1]) == (1, RECORDS[0][:5])

    def test_quotes_behind_a_backslash(self, tmp_path: Path, settings: Settings) -> None:
        lines = ["id,said,n", *(f'{n},"he said \\"yes\\", twice",{n}' for n in range(12))]
        found, _ = read(tmp_path, lines, settings)
        assert (found.questions, found.table and found.table[3]) == (0, ["2", 'he said "yes", twice', "2"])


class TestScore:
    def test_a_file_read_right_has_ten_points_and_one_not_read_none(self) -> None:
        table = [HEADER, *RECORDS]
        assert (pollock.score(table, table), pollock.score(table, None)) == (10.0, 0.0)
        assert 9.5 < pollock.score(table, table[:-1]) < 10.0

    def test_shifted_records_are_changed_though_their_score_is_full(self) -> None:
        shifted = [HEADER, ["", *RECORDS[0][:6]], *RECORDS[1:]]
        assert pollock.changed([HEADER, *RECORDS], shifted)
        assert pollock.score([HEADER, *RECORDS], shifted) == pytest.approx(10.0)

    def test_the_whole_folder(self, tmp_path: Path, settings: Settings) -> None:
        for name in ("csv", "clean"):
            (tmp_path / name).mkdir()
            held = io.StringIO()
            csv.writer(held).writerows([HEADER, *RECORDS])
            (tmp_path / name / "source.csv").write_text(held.getvalue(), encoding="utf-8", newline="")
        [scored] = pollock.run(tmp_path, "*", settings)
        assert (scored.asked_is_failed, scored.first_choice, scored.duckdb, scored.silent) == (10.0, 10.0, 10.0, False)
