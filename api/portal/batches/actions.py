"""What a steward decides about a delivery: answers to what it leaves open; 撤销, 放行 and 搁置, each for a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.batches.batch import BatchView, NotNow, shown
from api.portal.shell.guards import BatchesPage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from catalog.overview import register as acquisitions
from contracts.deliveries import LONGEST_REASON, Answers
from hub import deliveries
from hub.deliveries import Answer, Decide
from warehouse.ingest.acts import ACTS, Act

router = APIRouter(prefix="/batches/{batch_id}", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices of a form, each "question.choice" by place from 0."""

    csrf: str
    places: tuple[str, ...]


async def chosen_in(page: BatchesPage) -> AsyncIterator[Chosen]:
    """The form, read only once `page` knows who sends it."""
    async with page.request.form(max_files=0, max_fields=200) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        places = tuple(value for name, value in sorted(fields.items()) if name.startswith("choice"))
        yield Chosen(fields.get("csrf", ""), places)


@router.post("/answer")
def do_answer(
    page: BatchesPage, hub: HubDep, session: SessionDep, batch_id: str, sent: Annotated[Chosen, Depends(chosen_in)]
) -> Response:
    """Answer every question of a held batch, and go on with it."""
    require_csrf(page, sent.csrf)
    view = shown(session, page, batch_id)
    access.require(session, page.subject, "answer-batch", view.resource)
    if not view.may_answer:
        raise NotNow(batch_id)
    answers = _answers(view.batch.questions, sent.places)
    if answers is None:
        return RedirectResponse(f"/batches/{batch_id}#open", 303)
    session.rollback()  # the act has transactions of its own
    chosen = {name: value for name, value in asdict(answers).items() if name != "waived"}
    deliveries.answer(hub, page.subject, Answer(batch=batch_id, **chosen))
    return RedirectResponse(f"/batches/{batch_id}", 303)


def _answers(questions: list[dict[str, Any]], places: tuple[str, ...]) -> Answers | None:
    """What was chosen, None unless every question has exactly one of its own choices."""
    chosen = dict(place.split(".", 1) for place in places if place.count(".") == 1)
    if set(chosen) != {str(number) for number in range(len(questions))} or len(chosen) != len(places):
        return None
    answers = Answers()
    for number, question in enumerate(questions):
        choice, choices = chosen[str(number)], question["choices"]
        if choice not in map(str, range(len(choices))):
            return None
        answers = Answers.of(choices[int(choice)]["answers"]).over(answers)
    return answers


Acting = Literal["undo", "pass", "discard"]
DECISIONS = {"undo": deliveries.undo, "pass": deliveries.let_pass, "discard": deliveries.discard}


@router.get("/{act}", response_class=HTMLResponse)
def ask(page: BatchesPage, session: SessionDep, batch_id: str, act: Acting) -> HTMLResponse:
    """What the act will do, and the reason to give."""
    return _form(session, page, _allowed(session, page, batch_id, ACTS[act]), ACTS[act])


@router.post("/{act}")
def do(
    page: BatchesPage,
    hub: HubDep,
    session: SessionDep,
    batch_id: str,
    act: Acting,
    csrf: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take back, let pass or put aside, on record with the reason."""
    require_csrf(page, csrf)
    view = _allowed(session, page, batch_id, ACTS[act])
    if not reason.strip():
        return _form(session, page, view, ACTS[act], wrong=True)
    session.rollback()  # the act has transactions of its own
    DECISIONS[act](hub, page.subject, Decide(batch=batch_id, reason=reason[:LONGEST_REASON]))
    return RedirectResponse(f"/batches/{batch_id}", 303)


def _allowed(session: Session, page: Page, batch_id: str, act: Act) -> BatchView:
    view = shown(session, page, batch_id)
    access.require(session, page.subject, act.action, view.resource)
    if act.name not in view.may_do:
        raise NotNow(batch_id)
    return view


def _form(session: Session, page: Page, view: BatchView, act: Act, **more: bool) -> HTMLResponse:
    uses = acquisitions.in_use(session, view.resource)
    status = 422 if more else 200
    return render(page, f"pages/{act.name}.html", status=status, view=view, batch=view.batch, uses=uses, **more)
