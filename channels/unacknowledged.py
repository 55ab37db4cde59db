"""Messages that a queue has given and may give again: a batch whole in its files before it is received, and digests of the last
ones that were, by which a message that is sent again is known."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from channels.broker import WINDOW, Message

DIGEST = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a batch: where it lies in the channel's folder, what it is called, and its mark."""

    file: str
    filename: str
    mark: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are received together, whole in their files."""

    number: int
    pieces: tuple[Piece, ...]

    def keep(self, state: Path) -> None:
        """On disk at once, whole or not at all."""
        half = state.with_suffix(".part")
        with half.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self)))
            synced(file)
        os.replace(half, state)


def kept(state: Path, number: int) -> Batch | None:
    """The batch of that number, where it was whole when its process died."""
    try:
        found = json.loads(state.read_text(encoding="utf-8"))
        batch = Batch(found["number"], tuple(Piece(**piece) for piece in found["pieces"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    files = [state.parent / f"{number}.seen", *(state.parent / piece.file for piece in batch.pieces)]
    whole = all(file.is_file() for file in files)
    return batch if batch.number == number and whole else None


def digest(message: Message) -> bytes:
    """By which a message is known when it is sent again: under the same identifier, as the protocol says (MQTT-4.4.0-1)."""
    known = hashlib.blake2b(message.payload, digest_size=DIGEST)
    known.update(b"%d %s" % (message.mid, message.topic.encode()))
    return known.digest()


@dataclass
class Recent:
    """Digests of the messages of the last batches, in a file for each. More than can be on their way are not needed."""

    folder: Path
    number: int
    """The last batch that was received for good; what lies there of a later one never was, and comes again."""
    following: bool = False
    """The next one is whole, and will be given."""
    known: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, file in self._files():
            if number > self.number + self.following:
                file.unlink()
            elif number <= self.number:
                self._add(number)

    def write(self, number: int, digests: bytes) -> None:
        """On disk before the batch is given, so that it is known afterwards, whatever happens meanwhile."""
        with self._file(number).open("wb") as file:
            file.write(digests)
            synced(file)

    def settle(self, number: int) -> None:
        """The batch was received for good."""
        self.number = number
        self._add(number)
        newer = 0
        for earlier, file in reversed(self._files()):
            if newer >= WINDOW:
                self.known = {one: at for one, at in self.known.items() if at != earlier}
                file.unlink()
            else:
                newer += file.stat().st_size // DIGEST

    def _add(self, number: int) -> None:
        digests = self._file(number).read_bytes()
        self.known |= dict.fromkeys((digests[at : at + DIGEST] for at in range(0, len(digests), DIGEST)), number)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.seen"

    def _files(self) -> Sequence[tuple[int, Path]]:
        found = ((file.stem, file) for file in self.folder.glob("*.seen"))
        return sorted((int(name), file) for name, file in found if name.isdigit())


def synced(file: IO[Any]) -> None:
    """What was written is on disk."""
    file.flush()
    os.fsync(file.fileno())
