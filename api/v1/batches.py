"""Acts about a delivery by key: take it back, let it pass, put it aside."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api import acts
from api.http.dependencies import KeyHolder, SessionDep, SettingsDep
from warehouse.ingest.acts import ACTS, LONGEST_REASON

router = APIRouter(tags=["batches"])
Number = Annotated[str, Path(description="Number of the batch, e.g. 20260311-0042.", max_length=40)]


class Why(BaseModel):
    """The reason of an act; it stays on record and its sender reads it."""

    reason: str = Field(min_length=1, max_length=LONGEST_REASON, pattern=r"\S", examples=["测试文件，不是报送"])


class ActOut(BaseModel):
    """What became of the batch."""

    batch: str
    state: str
    message: str
    message_en: str


@router.post("/batches/{number}/{act}", summary="Undo, pass or discard a delivery")
def decide(
    number: Number,
    act: Literal["undo", "pass", "discard"],
    session: SessionDep,
    settings: SettingsDep,
    subject: KeyHolder,
    body: Why,
) -> ActOut:
    """Stewards only. `discard` settles a batch that waits, is held or was refused, without opening it again."""
    outcome = acts.act(session, subject, settings, ACTS[act], number, body.reason)
    return ActOut(batch=number, state=outcome.state, message=outcome.message, message_en=outcome.message_en)
