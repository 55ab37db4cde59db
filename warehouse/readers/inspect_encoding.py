"""What a text is written in: as told, as its bytes prove, or asked."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.inference import encodings, sniff, veil
from contracts.inference.evidence import Choice, Evidence, Question, Said
from warehouse.readers.inspection import SAMPLE, Inspection


def settle_encoding(inspection: Inspection, options: Mapping[str, Any]) -> None:
    """Settle what a text is written in, or ask."""
    with inspection.path.open("rb") as file:
        guess = encodings.detect(file)
    wanted = str(options.get("encoding") or "")
    if wanted and (inspection.by_person or not codec_known(wanted)):
        inspection.encoding = known_codec(wanted)
    elif wanted and not _proved_other(guess, wanted):
        inspection.encoding = wanted
    elif not guess.certain and "utf-8" in (guess.name, *guess.others) and _is_json(inspection.path):
        inspection.encoding = "utf-8"
        inspection.evidence.append(Evidence("JSON 以 UTF-8 编码（RFC 8259）", "JSON is UTF-8 (RFC 8259)"))
    elif guess.certain or (wanted and guess.bom):
        inspection.encoding = guess.name
        inspection.evidence += guess.evidence
    else:
        inspection.evidence += guess.evidence
        inspection.questions.append(_encoding_question(inspection.path, guess))
    inspection.reading["encoding"] = inspection.encoding


def _is_json(path: Path) -> bool:
    """Whether a file begins as JSON does and is UTF-8 as far as it is looked at."""
    with path.open("rb") as file:
        data = file.read(SAMPLE)
    if data[:1] not in (b"{", b"[") and data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) < SAMPLE or error.start < len(data) - 4:
            return False
        text = data[: error.start].decode("utf-8")
    return sniff.text_media(text[: sniff.HEAD], whole=len(data) < SAMPLE) != "csv"


def _proved_other(guess: encodings.Encoding, wanted: str) -> bool:
    """Whether the bytes prove another encoding than the contract's: a mark, valid UTF-8, or no Unicode where it is expected."""
    if guess.bom or (guess.name == "utf-8" and guess.certain and guess.evidence and not _ascii(guess)):
        return True
    return guess.certain and wanted.lower().startswith("utf") and not guess.name.startswith("utf") and not _ascii(guess)


def codec_known(name: str) -> bool:
    """Whether there is an encoding of that name."""
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def known_codec(name: str) -> str:
    """The name itself, where there is an encoding of that name."""
    if not codec_known(name):
        raise sniff.NotATable(
            f"不认识编码 {name}；可用 utf-8、gb18030、big5、utf-16、latin-1 等。",
            f"There is no encoding {name!r}; there are utf-8, gb18030, big5, utf-16, latin-1 and others.",
        )
    return name


def _ascii(guess: encodings.Encoding) -> bool:
    return any("ASCII characters" in e.en or "are ASCII" in e.en for e in guess.evidence)


def _encoding_question(path: Path, guess: encodings.Encoding) -> Question:
    choices = []
    with path.open("rb") as file:
        data = file.read(SAMPLE)
    for name in (guess.name, *guess.others):
        lines = [line for line in data.decode(name, errors=encodings.REPLACE).splitlines() if not line.isascii()]
        shown = veil.veiled((lines[0] if lines else "")[:60])
        choices.append(Choice(name, Said(f"读作：{shown}", f"reads: {shown}")))
    return Question("--encoding", encodings.question(guess), tuple(choices), guess.evidence, free=True)
