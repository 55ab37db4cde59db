"""Two validators of the standard's schema: the quick one, which says whether there is a fault, and the one that explains it."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft201909Validator

from contracts.odcs import standard
from contracts.odcs.document import Document
from tests.packing import EMERGENCY

ODD = (None, True, 7, -1.5, "", "odd", [], ["odd"], {}, {"odd": 1})
SPOILT = 150


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every key of every mapping and list in a document."""
    for key, part in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(part, dict | list):
            yield from places(part)


def test_both_judge_spoilt_contracts_alike() -> None:
    dice, explained = random.Random(5), Draft201909Validator(standard.schema())
    texts = [path.read_text(encoding="utf-8") for path in sorted((EMERGENCY / "contracts").rglob("*.odcs.yaml"))]
    judged = []
    for _ in range(SPOILT):
        spoilt = copy.deepcopy(Document(dice.choice(texts), "<text>").data)
        holder, key = dice.choice(list(places(spoilt)))
        holder[key] = dice.choice(ODD)
        judged.append(standard._meets(standard._validator(), spoilt))
        assert judged[-1] == explained.is_valid(spoilt), (key, holder[key])
    assert 20 < sum(judged) < SPOILT - 20, "some of them stand, some do not"
