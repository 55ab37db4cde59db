"""What a question offers, the command that answers takes."""

from __future__ import annotations

import pytest

from contracts import doubts
from contracts.deliveries import Answers
from contracts.model import Contract, Item, Type

ENTERPRISES = Contract(
    "1", "1.0.0", "enterprise", "企业台账", (Item("name", "企业名称", Type.STRING), Item("founded", "成立日期", Type.DATE))
)


@pytest.mark.parametrize(
    "answers",
    [
        *(Answers(dates={"founded": order}) for order in ("dmy", "mdy", "ymd")),
        Answers(columns={"单位=名称": "name"}),
        Answers(absent=("name",)),
        Answers(key=("name", "founded")),
        Answers(overlap="replace"),
        Answers(again=True),
    ],
)
def test_the_command_takes_what_a_question_offers(answers: Answers) -> None:
    words = doubts.arguments(answers, ENTERPRISES)
    options: dict[str, list[str]] = {"--map": [], "--absent": [], "--dates": [], "--overlap": [], "--key": []}
    again = "--again" in words
    for option, word in zip(*[iter(word for word in words if word != "--again")] * 2, strict=True):
        options[option].append(word)
    given = doubts.given(
        ENTERPRISES, options["--map"], options["--absent"], options["--dates"],
        "".join(options["--overlap"]), "".join(options["--key"]), again,
    )  # fmt: skip
    assert given == answers
