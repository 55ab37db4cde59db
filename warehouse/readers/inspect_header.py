"""Where the header of a table is: as told, as found, or asked; a form has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.inference import grid, sniff, veil
from contracts.inference.evidence import Evidence
from warehouse.readers.inspection import Inspection


def refuse_form(rows: list[list[str]], options: Mapping[str, Any]) -> None:
    """Refuse a form, whose values would become names of columns, unless somebody says where its header is."""
    if options.get("header") in (None, "") and grid.is_form(rows):
        raise sniff.NotATable(
            "这是一张表单（每个名称旁边是它的值），不是表格。"
            "请改成一行列名、每行一条记录后再提交；确为表格时用 --header 指出表头行。",
            "This is a form, each name beside its value, and no table. Hand it in with one row of names and one row for each "
            "record; if it is a table, say --header with the row of its names.",
        )


def settle_header(
    inspection: Inspection,
    rows: list[list[str]],
    options: Mapping[str, Any],
    guess: grid.Header,
    lines: list[int],
    spans: Sequence[grid.Span] = (),
) -> None:
    """Settle the header: as told, as found, or ask. `lines`: the line in the file where each row begins."""
    wanted = options.get("header")
    _exists(wanted, rows, lines)
    begins = [str(name) for name in options.get("columns") or ()]
    names = guess.names
    if wanted not in (None, ""):
        header = str(wanted).lower()
        inspection.reading["header"] = (
            _moved(rows, begins, lines, spans, header) if begins and header != "none" else None
        ) or header
        names = _names_at(rows, lines, str(wanted), spans)
        if options.get("skip") and inspection.reading["header"] == "none":
            inspection.reading["skip"] = options["skip"]
    elif guess.certain:
        inspection.evidence += guess.evidence
        inspection.reading["header"] = _row_numbers(guess, lines)
        if inspection.reading["header"] == "none" and guess.skipped:
            inspection.reading["skip"] = lines[len(guess.skipped)] - 1
    else:
        inspection.evidence += guess.evidence
        inspection.questions.append(grid.question(guess, rows, lines))
        return
    inspection.above = _above(rows, lines, str(inspection.reading["header"]))
    if begins or (str(inspection.reading["header"]) not in {"1", "none"} and names):
        inspection.reading["columns"] = begins or [name for name in names if name][:6]
    if guess.skipped and guess.rows:
        shown = veil.veiled(" / ".join(line for line in guess.skipped if line)[:80])
        inspection.evidence.append(Evidence(f"表头之上的标题行：{shown}", f"title lines above the header: {shown}"))


def _above(rows: list[list[str]], lines: list[int], header: str) -> tuple[str, ...]:
    """The filled cells of the rows above the header."""
    first, _ = grid.header_rows(header)
    return tuple(cell.strip() for row, line in zip(rows, lines, strict=False) if line < first for cell in row if cell.strip())


def _names_at(rows: list[list[str]], lines: list[int], header: str, spans: Sequence[grid.Span]) -> tuple[str, ...]:
    """What the header that was told says, its levels joined."""
    first, last = grid.header_rows(header)
    places = [place for place, line in enumerate(lines[: len(rows)]) if first <= line <= last]
    return grid.join_levels([rows[place] for place in places], 0, spans, places)


def _exists(wanted: Any, rows: list[list[str]], lines: list[int]) -> None:
    """Refuse a header below the end of the file."""
    last = max(lines, default=0)
    if wanted in (None, "") or len(rows) >= sniff.SAMPLE_LINES or (row := grid.header_rows(wanted)[1]) <= last:
        return
    raise sniff.NotATable(f"没有第 {row} 行，最后一行是第 {last} 行。", f"There is no row {row}; the last one is {last}.")


def _row_numbers(guess: grid.Header, lines: list[int]) -> int | str:
    if not guess.rows:
        return "none"
    first, last = lines[guess.rows[0]], lines[guess.rows[-1]]
    return first if first == last else f"{first}-{last}"


def _moved(rows: list[list[str]], begins: list[str], lines: list[int], spans: Sequence[grid.Span], wanted: str) -> str | None:
    """Where the header with these first names stands now, with as many rows as before: "1-2" is "2-3" below a title line
    more. None where no rows hold them."""
    first, last = grid.header_rows(wanted)
    levels = last - first + 1
    for start in range(min(grid.TITLE_ROWS, len(rows) - levels + 1)):
        places = range(start, start + levels)
        for merged in ((), spans) if spans else ((),):
            names = set(grid.join_levels([rows[place] for place in places], 0, merged, places))
            if names.issuperset(begins):
                return f"{lines[start]}-{lines[start + levels - 1]}" if levels > 1 else str(lines[start])
    return None
