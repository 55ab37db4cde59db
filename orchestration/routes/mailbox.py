"""A mailbox of filled workbooks: each knows by its hidden mark which dataset, agency and period it is for.

Whose it is the agency's own folder decides (its name is the agency's code); elsewhere the mark must be signed by this hub.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.errors import HubError
from orchestration.routes.arrivals import Arrival, Taken, look
from orchestration.routes.folder import Settling, is_own_file, place, settle_seconds
from warehouse.ingest import senders
from warehouse.settings import Settings

SUFFIXES = (".xlsx", ".xlsm")
LONGEST_NAME = 255
"""Bytes of a file's name."""
MARKED_FAULTS = 5_000
"""Cells that a returned workbook marks at most; the quarantine page has them all."""


class OutboxLeads(HubError):
    """A folder of the outbox is a link to somewhere else."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"退回文件夹 {folder} 是指向别处的链接，未写入退回表；请换成真正的文件夹。",
            f"The folder {folder} of the outbox is a link that leads elsewhere, nothing was written. Make it a folder.",
        )


def waiting(settings: Settings, agreement_id: str, channel: Mapping[str, Any]) -> list[Path]:
    """Workbooks that were not taken yet, from the mailbox and the folders in it (one for each agency, as they like)."""
    folder = place(settings, channel)
    taken = Taken.of(settings, agreement_id)
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    inside = folder.resolve()
    wanted = (
        path
        for path in found
        if is_own_file(path) and path.resolve().is_relative_to(inside) and not path.name.startswith(("~", "."))
    )
    return [path for path in wanted if not taken.knows(str(path.relative_to(folder)), path)]


def arrivals(
    settings: Settings,
    agreement_id: str,
    channel: Mapping[str, Any],
    dataset: str,
    agencies: frozenset[str],
    settling: Settling | None = None,
) -> list[Arrival]:
    """Workbooks made from this dataset's template; those of other datasets are left to their own agreements."""
    folder = place(settings, channel)
    taken = Taken.of(settings, agreement_id)
    files = waiting(settings, agreement_id, channel)
    ready = (settling or Settling()).settled(files, settle_seconds(channel))
    found = [_arrival(settings, path, str(path.relative_to(folder)), taken, dataset, agencies) for path in ready]
    wanted = [arrival for arrival in found if arrival is not None]
    if channel.get("arrival") == "file-time":  # docs/decisions/0010: a hub that was down makes nobody late
        wanted.sort(key=lambda arrival: arrival.path.stat().st_mtime)
        return [replace(arrival, received_at=datetime.fromtimestamp(arrival.path.stat().st_mtime, UTC)) for arrival in wanted]
    return wanted


def give_back(settings: Settings, channel: Mapping[str, Any], arrival: Arrival, batch_id: str) -> Path | None:
    """The workbook with every fault marked at its cell, laid into the agency's folder of the outbox."""
    from warehouse.foreign import files
    from warehouse.ingest import quarantine

    if "outbox" not in channel:
        return None
    faults = quarantine.rows(settings, batch_id, limit=MARKED_FAULTS)
    if not faults:
        return None
    outbox = place(settings, channel, "outbox")
    folder = outbox / (arrival.organization_id or "unknown")
    folder.mkdir(parents=True, exist_ok=True)
    ending = f"-{batch_id}-退回.xlsx"
    target = folder / (_cut(arrival.path.stem, LONGEST_NAME - len(ending.encode())) + ending)
    if target.is_symlink() or not folder.resolve().is_relative_to(outbox.resolve()):
        raise OutboxLeads(folder)
    files.annotate(arrival.path, faults, target, settings)
    return target


def _cut(name: str, most: int) -> str:
    """A name of so many bytes at most: a file system counts bytes, and a character of Chinese has three."""
    return os.fsencode(name)[:most].decode("utf-8", "ignore")


def _arrival(settings: Settings, path: Path, name: str, taken: Taken, dataset: str, agencies: frozenset[str]) -> Arrival | None:
    from warehouse.foreign import files

    seen = look(path)
    mark = files.identify(path, settings)
    if mark is not None and mark.dataset != dataset:
        return None
    remember = lambda batch_id: taken.add(name, seen, batch_id)  # noqa: E731
    if mark is None:
        note = (
            f"{name} 不是由采集模板填写的（没有模板标记）；请机构下载模板重新填报。",
            f"{name} was not filled in from a template (it has no mark); ask the agency to fill in the template.",
        )
        return Arrival(path, path.name, taken=remember, note=note)
    try:
        sent_by = senders.sender(settings, mark, _owner(name, agencies))
    except HubError as refusal:
        note = (f"{name}：{refusal.message}", f"{name}: {refusal.message_en}")
        return Arrival(path, path.name, taken=remember, note=note, claims=mark.agency or "?")
    if agencies and sent_by not in agencies:
        note = (
            f"{name} 的填报机构 {sent_by} 不在本采集协议中；请在协议中加入该机构，或退回。",
            f"{name} is from {sent_by}, which is not in this collection; add the agency to the agreement, or return it.",
        )
        return Arrival(path, path.name, sent_by, mark.period, taken=remember, note=note)
    return Arrival(path, path.name, sent_by, mark.period, taken=remember)


def _owner(name: str, agencies: frozenset[str]) -> str:
    """The agency whose own folder of the mailbox a file was put into: only it, and the hub, may write there; "" elsewhere."""
    first, _, rest = name.replace("\\", "/").partition("/")
    return first if rest and first in agencies else ""
