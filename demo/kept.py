"""What the demo keeps in HUB_HOME/demo: its plan, which steps are done, and the secrets it made (0600)."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from contracts import clock
from contracts.errors import HubError
from demo.places import Places
from demo.plan import Plan

WORDS = (
    "songhua",
    "nenjiang",
    "wusuli",
    "xingkai",
    "jingpo",
    "zhalong",
    "xingan",
    "mohe",
    "hulan",
    "sanjiang",
    "yabuli",
    "wudalian",
)
"""Rivers, lakes and places of the province, for passwords that people can type."""


class OtherScale(HubError):
    """The demo in this HUB_HOME was made at another scale."""

    def __init__(self, scale: float, wanted: float) -> None:
        super().__init__(
            f"HUB_HOME 中的演示规模是 {scale:g}，不是 {wanted:g}；请换一个 HUB_HOME，或先运行 make clean-demo。",
            f"The demo in this HUB_HOME was made at scale {scale:g}, not {wanted:g}; choose another HUB_HOME.",
        )


class OtherDay(HubError):
    """A new demo was to play on another day than the hub's: what it delivers would be too old, or of tomorrow."""

    def __init__(self, wanted: str) -> None:
        try:
            seconds = (date.fromisoformat(wanted) - clock.today()).days * 86_400
        except ValueError:
            super().__init__(f"「{wanted}」不是日期；应如 2026-10-10。", f"{wanted!r} is no day; write 2026-10-10.")
            return
        ahead = round(clock.ahead().total_seconds()) + seconds
        super().__init__(
            f"新的演示只能演在今天（{clock.today()}）。要演在 {wanted}，请拨动平台的时钟：HUB_CLOCK={ahead} hub demo",
            f"A new demo plays today ({clock.today()}). To play on {wanted} set the hub's clock: HUB_CLOCK={ahead} hub demo",
        )


class NotADemo(HubError):
    """HUB_HOME holds somebody's real hub."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"{home} 已是一个正式安装，演示不会写入；请用另一个 HUB_HOME。",
            f"{home} holds a hub that is not a demo; the demo does not write into it. Choose another HUB_HOME.",
        )


@dataclass
class Kept:
    """The demo's memory, on disk after every change."""

    folder: Path
    told: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path, scale: float | None, today: str = "") -> Kept:
        """The memory of the demo in this HUB_HOME; a new one, which plays today, where there is none; a real hub is left."""
        folder = home / "demo"
        path = folder / "kept.json"
        if path.is_file():
            state = cls(folder, json.loads(path.read_text(encoding="utf-8")))
            if scale is not None and state.told["scale"] != scale:
                raise OtherScale(state.told["scale"], scale)
            return state
        if (home / "catalog.db").exists():
            raise NotADemo(home)
        day = f"{clock.today()}"
        if today and today != day:
            raise OtherDay(today)
        folder.mkdir(parents=True, exist_ok=True)
        state = cls(folder, {"scale": 1.0 if scale is None else scale, "today": day, "seed": 2026, "done": {}})
        state.save()
        return state

    def plan(self, places: Places) -> Plan:
        """The plan as it was first made: a later day's run changes nothing."""
        return Plan(self.folder, places, date.fromisoformat(self.told["today"]), self.told["scale"], self.told["seed"])

    def done(self, step: str) -> bool:
        """Was this step finished before?"""
        return step in self.told["done"]

    def finish(self, step: str, seconds: float) -> None:
        """Remember a finished step and how long it took."""
        self.told["done"][step] = round(seconds, 1)
        self.save()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each step when it was done."""
        return dict(self.told["done"])

    def note(self, name: str, value: Any) -> None:
        """Keep a fact for later steps."""
        self.told[name] = value
        self.save()

    def save(self) -> None:
        """Write the memory whole, or not at all."""
        half = self.folder / "kept.json.part"
        half.write_text(json.dumps(self.told, ensure_ascii=False, indent=1), encoding="utf-8")
        os.replace(half, self.folder / "kept.json")

    def secret(self, name: str, make: Any) -> str:
        """A secret kept in a file of its own, readable by its owner only; made the first time."""
        path = self.folder / name
        if not path.is_file():
            write_secret(path, make())
        return path.read_text(encoding="utf-8").strip()


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first moment on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text + "\n")


def passphrase() -> str:
    """A password of three words and a number: 35 bits, for a demo on this machine."""
    return "-".join([*(secrets.choice(WORDS) for _ in range(3)), f"{secrets.randbelow(10**7):07d}"])


def token() -> str:
    """A token for the department's interface."""
    return secrets.token_urlsafe(24)
