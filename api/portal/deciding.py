"""What a steward decides about a delivery: answers to what it leaves open, and letting it pass (放行) for a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.dependencies import SessionDep
from api.portal.batch import shown
from api.portal.doors import BatchesPage, require_csrf
from api.portal.frame import Page, render
from api.portal.undoing import NotNow, on_record
from catalog import access, database
from catalog.ledger import CatalogLedger, CatalogLookups
from contracts.deliveries import Answers
from warehouse import ingest, passing

router = APIRouter(prefix="/batches/{batch_id}", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices of a form, each "question.choice" by place from 0."""

    csrf: str
    places: tuple[str, ...]


async def chosen_in(page: BatchesPage) -> AsyncIterator[Chosen]:
    """The form, read only once `page` knows who sends it."""
    async with page.request.form(max_files=0, max_fields=200) as form:
        told = {name: value for name, value in form.items() if isinstance(value, str)}
        places = tuple(value for name, value in sorted(told.items()) if name.startswith("choice"))
        yield Chosen(told.get("csrf", ""), places)


@router.post("/answer")
def do_answer(page: BatchesPage, session: SessionDep, batch_id: str, sent: Annotated[Chosen, Depends(chosen_in)]) -> Response:
    """Answer every question of a held batch, and go on with it."""
    require_csrf(page, sent.csrf)
    told = shown(session, page, batch_id)
    decision = access.require(session, page.subject, "answer-batch", told.resource)
    if not told.may_answer:
        raise NotNow(batch_id)
    answers = _answers(told.batch.questions, sent.places)
    if answers is None:
        return RedirectResponse(f"/batches/{batch_id}#open", 303)
    ledger, lookups = _stores(page)
    dataset = told.batch.dataset
    session.rollback()  # the load writes through other connections
    ingest.answer(page.settings, ledger, lookups, batch_id, answers, by=page.subject.actor)
    on_record(page, "answer-batch", batch_id, decision.policies, {"dataset": dataset})
    return RedirectResponse(f"/batches/{batch_id}", 303)


def _answers(questions: list[dict[str, Any]], places: tuple[str, ...]) -> Answers | None:
    """What was chosen, None unless every question has exactly one of its own choices."""
    chosen = dict(place.split(".", 1) for place in places if place.count(".") == 1)
    if set(chosen) != {str(number) for number in range(len(questions))} or len(chosen) != len(places):
        return None
    answers = Answers()
    for number, question in enumerate(questions):
        told, choices = chosen[str(number)], question["choices"]
        if told not in map(str, range(len(choices))):
            return None
        answers = Answers.of(choices[int(told)]["answers"]).over(answers)
    return answers


@router.get("/pass", response_class=HTMLResponse)
def ask_pass(page: BatchesPage, session: SessionDep, batch_id: str) -> HTMLResponse:
    """Which rules are let pass, and the reason to give."""
    told = shown(session, page, batch_id)
    access.require(session, page.subject, "pass-batch", told.resource)
    if not told.may_pass:
        raise NotNow(batch_id)
    return render(page, "pages/pass.html", told=told, batch=told.batch)


@router.post("/pass")
def do_pass(
    page: BatchesPage,
    session: SessionDep,
    batch_id: str,
    csrf: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Load a refused or returned batch all the same, on record with the reason."""
    require_csrf(page, csrf)
    told = shown(session, page, batch_id)
    decision = access.require(session, page.subject, "pass-batch", told.resource)
    if not told.may_pass:
        raise NotNow(batch_id)
    if not reason.strip():
        return render(page, "pages/pass.html", status=422, told=told, batch=told.batch, wrong=True)
    ledger, lookups = _stores(page)
    was = told.batch.state
    session.rollback()
    passing.let_pass(page.settings, ledger, lookups, batch_id, reason, by=page.subject.actor)
    on_record(page, "pass-batch", batch_id, decision.policies, {"reason": reason.strip(), "was": was})
    return RedirectResponse(f"/batches/{batch_id}", 303)


def _stores(page: Page) -> tuple[CatalogLedger, CatalogLookups]:
    engine = database.engine(page.settings.catalog_database)
    return CatalogLedger(engine), CatalogLookups(engine)
