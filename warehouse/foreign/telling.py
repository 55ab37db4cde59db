"""What a worker is asked, what it tells as JSON, and what its asker makes of it: an answer, an error for people, a death."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from contracts.errors import HubError
from contracts.inference.evidence import Choice, Evidence, Question, Said, Undecided
from warehouse.foreign.limits import Limits

ROOMS = ("contracts.", "warehouse.")
"""Where errors for people may come from."""
WHY = {
    "memory": ("内存不够", "it needs more memory"),
    "time": ("超时", "it takes longer"),
    "output": ("展开后过大", "it becomes too large on disk"),
    "depth": ("嵌套过深", "it is nested too deep"),
    "crash": ("读取程序中止", "the reader broke down"),
    "lost": ("读取程序中止", "the reader was ended"),
}


class CannotBeRead(HubError):
    """A file that cannot be read within the limits of a reading, or breaks its reader; `why` says it in a few words."""

    why: tuple[str, str] = WHY["crash"]

    @classmethod
    def because(cls, zh: str, en: str, message: str, message_en: str) -> CannotBeRead:
        """The error with its reason."""
        error = cls(message, message_en)
        error.why = zh, en
        return error


def framed(message: Mapping[str, Any]) -> bytes:
    """A question as it goes to a worker: its length, and itself. Never the other way: what a worker says is JSON."""
    data = pickle.dumps(message)
    return len(data).to_bytes(8, "big") + data


def told(error: BaseException) -> dict[str, Any]:
    """An error for people, as JSON."""
    if isinstance(error, Undecided):
        return {"undecided": [asdict(q) for q in error.questions], "evidence": [asdict(e) for e in error.evidence]}
    if isinstance(error, HubError):
        kind = type(error)
        return {"error": f"{kind.__module__}:{kind.__qualname__}", "zh": error.message, "en": error.message_en}
    raise TypeError(type(error).__name__)


def raised(answer: Mapping[str, Any], name: str, limits: Limits) -> HubError:
    """What an answer that is no result means to people."""
    if "undecided" in answer:
        return Undecided(tuple(map(_question, answer["undecided"])), tuple(map(_said, answer["evidence"])))
    if "error" in answer and "trace" not in answer:
        return _known(str(answer["error"]), str(answer["zh"]), str(answer["en"]))
    if "trace" in answer:
        return CannotBeRead.because(
            f"读取程序遇到没有料到的内容（{answer['error']}）",
            f"the reader met something nobody foresaw ({answer['error']})",
            f"{name} 无法读取：读取程序遇到没有料到的内容（{answer['error']}），原文件已留存，未入库。"
            "请用 Excel 或 WPS 打开后另存为 .xlsx 或 CSV（UTF-8）再提交；仍不行时请管理员查看 logs/reading.log。",
            f"{name} cannot be read: the reader met something nobody foresaw ({answer['error']}); nothing was loaded. "
            "Open it in Excel, save it as .xlsx or CSV (UTF-8) and hand that in; if that does not help, the administrator "
            "finds more in logs/reading.log.",
        )
    return _beyond(str(answer.get("over") or answer.get("died")), name, limits)


def _beyond(why: str, name: str, limits: Limits) -> CannotBeRead:
    zh, en = WHY.get(why, WHY["crash"])
    within_zh, within_en = limits.said()
    return CannotBeRead.because(
        f"限度内（{within_zh}）{zh}",
        f"within {within_en}, {en}",
        f"{name} 无法在限度内读取（{within_zh}）：{zh}。工作表远处多余的单元格、层层嵌套的 JSON、压缩炸弹都会这样："
        "请打开后另存或拆分再提交。确属正常数据时，请管理员调高 HUB_READING_MEMORY 或 HUB_READING_SECONDS 后重新送交。",
        f"{name} cannot be read within {within_en}: {en}. Stray cells far away in a sheet, deeply nested JSON and archives "
        "made to burst do that: open it, save it anew or split it, and hand that in. If it is genuine, ask the administrator "
        "to raise HUB_READING_MEMORY or HUB_READING_SECONDS and deliver it again.",
    )


def _known(kind: str, zh: str, en: str) -> HubError:
    """The error itself, whatever its class wants to be made of; a plain one where the class is not ours."""
    module, _, name = kind.partition(":")
    named = getattr(importlib.import_module(module), name, None) if module.startswith(ROOMS) else None
    if not (isinstance(named, type) and issubclass(named, HubError)):
        return HubError(zh, en)
    error = named.__new__(named)
    HubError.__init__(error, zh, en)
    return error


def _said(part: Mapping[str, str]) -> Evidence:
    return Said(part["zh"], part["en"])


def _question(part: Mapping[str, Any]) -> Question:
    return Question(
        part["option"],
        _said(part["said"]),
        tuple(Choice(choice["value"], _said(choice["meaning"])) for choice in part["choices"]),
        tuple(map(_said, part["evidence"])),
        part["free"],
    )
