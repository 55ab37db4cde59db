"""Rules that see more than one row: keys and unique values, and records of another dataset.

Their SQL joins tables: warehouse.ingest.set_checks. A frame sees a reference where its values are at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.checks.rules.base import Dimension, ItemCheck, Rule, Scope, SetCheck
from contracts.checks.rules.wording import sentence
from contracts.model import Said

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.polars.context import FrameContext


def _unique(check: SetCheck, value: str | None) -> Said:
    return sentence(
        check,
        value,
        ("不得重复", "must be unique"),
        ("该值已出现在其他记录，请核对哪一条正确", "another record has this value, check which one is right"),
    )


def _key(check: SetCheck, value: str | None) -> Said:
    key = ", ".join(check.together)
    return sentence(
        check,
        value,
        (f"是主键（{key}），同一主键只能有一条记录", f"is the key ({key}); a key may stand for one record only"),
        (
            "本批中有内容不同的同键记录，请只保留正确的一条",
            "this delivery has records with this key that differ; keep the right one",
        ),
    )


def _reference_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    return f.texts(check.of).is_in(list(f.referenced(check.of))).not_().fill_null(False)


def _reference(check: ItemCheck, value: str | None) -> Said:
    dataset, item = check.of.references or ("", "")
    return sentence(
        check,
        value,
        (f"应为数据集 {dataset} 中已有的 {item}", f"must exist as {item} in the dataset {dataset}"),
        (f"请核对，或先报送 {dataset} 中的该记录", f"check it, or deliver that record of {dataset} first"),
    )


KEY: Rule[SetCheck] = Rule(
    name="key",
    title=("主键唯一", "Unique key"),
    heading=("主键重复且内容矛盾", "Same key, contradicting content"),
    scope=Scope.SET,
    dimension=Dimension.UNIQUENESS,
    message=_key,
)
UNIQUE: Rule[SetCheck] = Rule(
    name="unique",
    title=("值不重复", "Unique"),
    heading=("值重复", "Repeated value"),
    scope=Scope.SET,
    dimension=Dimension.UNIQUENESS,
    message=_unique,
)
REFERENCE: Rule[ItemCheck] = Rule(
    name="reference",
    title=("引用的记录存在", "Record referred to exists"),
    heading=("引用的记录不存在", "No such record"),
    scope=Scope.REFERENCE,
    dimension=Dimension.CONSISTENCY,
    frame=_reference_frame,
    message=_reference,
)
