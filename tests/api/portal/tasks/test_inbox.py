"""The inbox page: whose turn it is, narrowed by kind, lateness and words; and the register searched by words."""

from __future__ import annotations

import re

from tests.api.portal.conftest import Reader


def tasks(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="([^"]+)"', text)


def test_own_tasks_stand_apart_from_what_others_owe(reader: Reader) -> None:
    """At 4481aa4 both stood in one list that nothing narrowed."""
    own, followed = (set(tasks(reader("steward").get(f"/inbox?whose={whose}").text)) for whose in ("own", "followed"))
    assert followed
    assert not own & followed
    assert any(link.startswith("/batches/") for link in followed), "a sender's correction is the sender's"
    home = reader("steward").get("/").text
    assert f"{len(tasks(reader('steward').get('/inbox').text))} 项待您处理" in home or not own


def test_a_provider_has_its_own_and_follows_nobody(reader: Reader) -> None:
    text = reader("provider").get("/inbox").text
    assert "whose=followed" not in text
    assert "哈尔滨" not in text


def test_the_list_is_narrowed_and_says_so_when_nothing_is_left(reader: Reader) -> None:
    steward = reader("steward")
    every = tasks(steward.get("/inbox?whose=followed").text)
    late = tasks(steward.get("/inbox?whose=followed&late=1").text)
    assert set(late) < set(every)
    mending = steward.get("/inbox?whose=followed&kind=quarantine").text
    assert all(link.startswith("/batches/") for link in tasks(mending))
    nothing = steward.get("/inbox?whose=followed&q=没有这样的事").text
    assert tasks(nothing) == []
    assert "没有符合条件的待办" in nothing
    assert steward.get("/inbox?whose=%00&kind=%3Cb%3E").status_code in (200, 400)


def test_the_register_is_searched_by_words_and_its_rows_lead_to_their_agreement(reader: Reader) -> None:
    steward = reader("steward")
    rows = re.findall(r'class="need"><strong><a href="([^"]+)"', steward.get("/acquire").text)
    assert rows
    assert all(link.startswith("/agreements/") for link in rows)
    found = steward.get("/acquire?q=cj-2026-003").text
    assert re.findall(r'class="need"><strong><a href="([^"]+)"', found) == [
        link for link in re.findall(r'class="need"><strong><a href="([^"]+)"', found) if "CJ-2026-003" in link
    ]
    assert "CJ-2026-003" in found
    assert "没有符合条件的需要" in steward.get("/acquire?q=没有这样的需要").text
