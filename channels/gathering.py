"""The batch that is open: messages on their way into its files."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from channels.broker import Message
from channels.readings import Reader, Unreadable
from channels.unacknowledged import Batch, Piece, synced
from contracts.clock import now


@dataclass
class Gathering:
    """Messages of the batch that is open, on their way into its files."""

    folder: Path
    number: int
    reader: Reader
    largest: int
    """Bytes of a message that still shares a file with others."""
    messages: int = 0
    size: int = 0
    """Bytes of their payloads."""
    began: float = 0.0
    waiting: dict[bytes, int] = field(default_factory=dict)
    """Of each message, what it is known by, and the identifier that its acknowledgement needs."""
    unread: bytearray = field(default_factory=bytearray)
    pieces: list[Piece] = field(default_factory=list)
    _rows: BinaryIO | None = None

    def add(self, message: Message, received: str, known_as: bytes) -> None:
        """Its records to the rows; where it cannot be read, as it is behind them; a large one by itself."""
        self.began = self.began or time.monotonic()
        self.messages += 1
        self.size += len(message.payload)
        self.waiting[known_as] = message.mid
        if len(message.payload) > self.largest:
            self._alone(message)
            return
        try:
            self._file.write(self.reader.lines(message.topic, message.payload, received))
        except Unreadable:
            self.unread += self.reader.unread(message.topic, message.payload)

    def whole(self, name: str) -> Batch:
        """The batch on disk. A last line of blanks, its number, tells it from another one with the same readings."""
        if self._rows is not None or self.unread:
            rows = self._file
            rows.write(self.unread)
            rows.write(f"{self.number:b}\n".translate({48: " ", 49: "\t"}).encode())
            synced(rows)
            self.pieces.insert(0, self._piece(rows.name, f"{name}-{now():%Y%m%dT%H%M%SZ}.ndjson", b"".join(self.waiting)))
        return Batch(self.number, tuple(self.pieces))

    def close(self) -> None:
        """Nothing more is written; what is in no whole batch comes again from the broker."""
        if self._rows is not None:
            self._rows.close()

    @property
    def _file(self) -> BinaryIO:
        if self._rows is None:
            self._rows = (self.folder / f"{self.number}.ndjson").open("wb", buffering=1 << 20)
        return self._rows

    def _alone(self, message: Message) -> None:
        with (self.folder / f"{self.number}-{len(self.pieces)}.message").open("wb") as file:
            file.write(message.payload)
            synced(file)
        self.pieces.append(self._piece(file.name, re.sub(r"[^\w.-]+", "_", message.topic)[-80:], message.payload))

    def _piece(self, file: str, filename: str, content: bytes) -> Piece:
        mark = f"{self.number}|{len(self.pieces)}|{hashlib.sha256(content).hexdigest()[:32]}"
        return Piece(Path(file).name, filename, mark)
