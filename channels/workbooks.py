"""A mailbox of filled workbooks: each knows by its hidden mark which dataset, agency and period it is for.

Whose it is the agency's own folder decides (its name is the agency's code); elsewhere the mark must be signed by this hub.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from channels import base
from channels.base import Channel, ChannelFailed, Glimpse
from channels.folder import is_own_file, placed
from channels.ports import Arrival, Landing
from channels.settling import look
from channels.shelf import SettleSettings
from contracts.errors import HubError

SUFFIXES = (".xlsx", ".xlsm")


class WorkbookSettings(SettleSettings):
    """The mailbox, and where workbooks go back to."""

    path: str = Field(min_length=1, description="The mailbox; a folder in it for each agency, as they like.")
    outbox: str = Field(default="", description="Where workbooks with marked faults go back to; empty: nowhere.")
    arrival: Literal["", "file-time"] = Field(
        default="", description="file-time: a workbook arrived when its file was last changed (docs/decisions/0010)."
    )


class WorkbookChannel(Channel[WorkbookSettings]):
    """Workbooks made from one dataset's template; those of other datasets are left to their own agreements."""

    kind = "template"
    title = ("采集模板收件夹", "Mailbox of templates")
    settings_model = WorkbookSettings
    routes = ("collect",)
    remote = False

    @property
    def place(self) -> Path:
        """The mailbox."""
        return placed(self.source.home, self.settings.path)

    @property
    def watched(self) -> bool:
        """A mailbox that is not there is told of when its turn comes."""
        return self.place.is_dir()

    def waiting(self) -> list[Path]:
        """Workbooks that were not taken yet, from the mailbox and the folders in it."""
        if not self.place.is_dir():
            return []
        inside, memory = self.place.resolve(), self.source.memory.read()
        return [
            path
            for path in sorted(path for path in self.place.rglob("*") if path.suffix.lower() in SUFFIXES)
            if is_own_file(path)
            and path.resolve().is_relative_to(inside)
            and not path.name.startswith(("~", "."))
            and not base.remembered(memory, self._name(path), look(path))
        ]

    def peek(self, limit: int) -> Glimpse:
        """Workbooks as they lie there; none is opened."""
        self._require_mailbox()
        files = self.waiting()
        entries = (
            {"name": base.remembered_name(self._name(path)), "bytes": str(path.stat().st_size)} for path in files[:limit]
        )
        return Glimpse(tuple(entries), len(files) > limit)

    def collect(self, landing: Landing) -> None:
        """Workbooks that have stopped growing, the first to come first where their files say when that was."""
        self._require_mailbox()
        ready = self.source.settling.settled(self.waiting(), self.settings.settle_seconds)
        if self.settings.arrival == "file-time":  # a hub that was down makes nobody late
            ready = dict(sorted(ready.items(), key=lambda one: one[1][1]))
        for path, seen in ready.items():
            arrival = self._arrival(path, seen)
            if arrival is not None:
                landing.receive(arrival)

    def _arrival(self, path: Path, seen: list[int]) -> Arrival | None:
        mark = self.source.readers.identify(path)
        if mark is not None and mark.dataset != self.source.dataset:
            return None
        name = self._name(path)
        if mark is None:
            return self._left_out(
                path,
                seen,
                f"{name} 不是由采集模板填写的（没有模板标记）；请机构下载模板重新填报。",
                f"{name} was not filled in from a template (it has no mark); ask the agency to fill in the template.",
            )
        try:
            sent_by = self.source.readers.sender(mark, self._owner(name))
        except HubError as refusal:
            why = f"{name}：{refusal.message}", f"{name}: {refusal.message_en}"
            return self._left_out(path, seen, *why, claims=mark.agency or "?")
        if self.source.agencies and sent_by not in self.source.agencies:
            return self._left_out(
                path,
                seen,
                f"{name} 的填报机构 {sent_by} 不在本采集协议中；请在协议中加入该机构，或退回。",
                f"{name} is from {sent_by}, which is not in this collection; add the agency to the agreement, or return it.",
            )
        arrived = datetime.fromtimestamp(seen[1] / 1e9, UTC) if self.settings.arrival == "file-time" else None
        return Arrival(
            path,
            path.name,
            base.file_mark(name, seen),
            base.as_taken(name, seen),
            organization_id=sent_by,
            period=mark.period,
            received_at=arrived,
        )

    def _left_out(self, path: Path, seen: list[int], zh: str, en: str, claims: str = "") -> Arrival:
        """A workbook that is left out, and why."""
        name = self._name(path)
        return Arrival(path, path.name, base.file_mark(name, seen), base.as_taken(name, seen), note=(zh, en), claims=claims)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.place))

    def _owner(self, name: str) -> str:
        """The agency whose own folder of the mailbox a file was put into: only it, and the hub, may write there; or ""."""
        first, _, rest = name.replace("\\", "/").partition("/")
        return first if rest and first in self.source.agencies else ""

    def _require_mailbox(self) -> None:
        if not self.place.is_dir():
            raise ChannelFailed(
                f"模板收件夹 {self.place} 不存在；请建立该文件夹，或在协议 {self.source.agreement_id} 中更正通道。",
                f"The mailbox {self.place} does not exist; make it, or correct the channel of agreement "
                f"{self.source.agreement_id}.",
            )
