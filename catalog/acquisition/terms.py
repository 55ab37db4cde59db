"""Terms of each route beside an agreement's common part: what is asked of a body, bought from one, collected from many."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, model_validator
from pydantic import Field as Given
from pydantic_core import PydanticCustomError
from sqlmodel import Field, SQLModel

from catalog.store.column_types import Json, no_items

DATASET = "[a-z][a-z0-9_]{0,62}"
"""A dataset's machine name."""


class RequestTerms(SQLModel, table=True):
    """要: by when the body that was asked answers, and how far its answer has come."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    sent_on: date | None = Field(default=None, description="The day from which the answer's term runs: sent, or completed.")
    answer_due: date | None = Field(default=None, description="Working days from that day, by the rule table; None: none runs.")
    turn_due: date | None = Field(default=None, description="By when the asking side goes on: consents, sends, completes.")
    extended: bool = Field(default=False, description="The answer's term was extended, which may happen once.")
    told_incomplete: bool = Field(default=False, description="What was missing was told, which happens once and completely.")
    answer: str = Field(default="", description="accept, part or refuse, once the body has answered.")
    without: list[str] = Field(
        default_factory=no_items, sa_type=Json, description="Items that a part of the answer leaves out."
    )
    dispute: int = Field(default=0, description="The step of its dispute (art. 28): 0 none, 1 to 4.")


class PurchaseTerms(SQLModel, table=True):
    """买: what the data may cost and be used for, and why they are bought at all."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    contract_number: str = ""
    price_per_record: Decimal | None = Field(default=None, max_digits=12, decimal_places=4)
    ceiling: Decimal | None = Field(default=None, max_digits=14, decimal_places=2)
    permitted_purposes: list[str] = Field(default_factory=no_items, sa_type=Json)
    redistribution: bool = False
    why_bought: str = Field(default="", description="Why no department has it; which fields or cycle it improves.")
    fills_dataset: str = Field(default="", description="The department's resource whose gap it fills.")
    fills_items: list[str] = Field(default_factory=no_items, sa_type=Json)


class CollectionTerms(SQLModel, table=True):
    """采: what period agencies report for, on which template, and by when."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    template_version: str = ""
    period: str = Field(default="month", description="month, quarter or year")
    due_day: int = Field(default=5, description="Day by which an agency reports, in the month that `due_months` names.")
    due_months: int = Field(default=1, description="Months after the period's last month: 1 the following one, 0 the same")


class Purchase(BaseModel):
    """What a purchase costs and allows. A price has a ceiling: spending ends by itself."""

    contract_number: str = Given(default="", max_length=100, examples=["HLJ-YJ-2026-CG-017"])
    price_per_record: Decimal | None = Given(default=None, gt=0, max_digits=12, decimal_places=4, description="Yuan.")
    ceiling: Decimal | None = Given(default=None, gt=0, max_digits=14, decimal_places=2, description="Yuan, all together.")
    permitted_purposes: list[str] = Given(default=[], max_length=50, examples=[["安全生产监管"]])
    redistribution: bool = Given(default=False, description="The contract allows passing the data on.")
    why_bought: str = Given(
        default="", max_length=1000, description="Why no department has it.", examples=["无部门掌握逐日用电量"]
    )
    fills_dataset: str = Given(default="", max_length=200, pattern=rf"^(?:{DATASET})?$")
    fills_items: list[str] = Given(default=[], max_length=500)

    @model_validator(mode="after")
    def _price_has_its_ceiling(self) -> Purchase:
        if self.price_per_record is not None and self.ceiling is None:
            raise PydanticCustomError("price_without_ceiling", "a price needs a ceiling: what all records may cost together")
        return self


class Collection(BaseModel):
    """What agencies report, and by when."""

    template_version: str = Given(default="", max_length=50, examples=["1.0.0"])
    period: Literal["month", "quarter", "year"] = "month"
    due_day: int = Given(default=5, ge=1, le=31, description="Day of the month; the last one where it has fewer.")
    due_months: int = Given(default=1, ge=0, le=12, description="Months after the period's last one; 0: in it.")


TERMS: Mapping[str, tuple[str, type[SQLModel]]] = {
    "request": ("request", RequestTerms),
    "buy": ("purchase", PurchaseTerms),
    "collect": ("collection", CollectionTerms),
}
"""Route: the agreement's attribute that holds its terms, and their table."""
