"""A trial channel, brought as a plug-in would bring it: CSV files inside ZIP archives of a folder. Not shipped."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from channels import base
from channels.base import Channel, ChannelFailed, ChannelSettings, Glimpse
from channels.ports import Arrival, Landing

PIECE = 1 << 20


class ZipSettings(ChannelSettings):
    folder: str = Field(min_length=1)
    limit: int = Field(default=1000, ge=1)


class ZipChannel(Channel[ZipSettings]):
    kind = "zip"
    title = ("压缩包文件夹", "Folder of archives")
    settings_model = ZipSettings

    def peek(self, limit: int) -> Glimpse:
        names = [{"name": base.remembered_name(name)} for _, name, _ in self._members()]
        return Glimpse(tuple(names[:limit]), len(names) > limit)

    def collect(self, landing: Landing) -> None:
        known = self.source.memory.read()
        for archive, name, crc in self._members():
            mark = base.remembered_name(f"{archive.name}/{name}|{crc}")
            if mark not in known:
                landing.receive(
                    Arrival(_pieces(archive, name), name, mark, {mark: True}, organization_id=self.source.organization_id)
                )

    def _members(self) -> Iterator[tuple[Path, str, int]]:
        folder = self.source.home / self.settings.folder
        if not folder.is_dir():
            raise ChannelFailed(f"文件夹 {folder} 不存在；请建立。", f"The folder {folder} does not exist; make it.")
        for archive in sorted(folder.glob("*.zip")):
            with zipfile.ZipFile(archive) as opened:
                yield from ((archive, one.filename, one.CRC) for one in opened.infolist())


class _pieces:
    def __init__(self, archive: Path, name: str) -> None:
        self.archive, self.name = archive, name

    def __call__(self) -> Iterator[bytes]:
        with zipfile.ZipFile(self.archive) as opened, opened.open(self.name) as member:
            try:
                while piece := member.read(PIECE):
                    yield piece
            except zipfile.BadZipFile as broken:
                raise ChannelFailed(f"{self.name} 已损坏。", f"{self.name} is damaged.") from broken
