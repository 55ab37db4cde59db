"""The way of a delivery: landing, receipt, check, load, release, themes, topics."""

from __future__ import annotations

from sqlmodel import Session, col, select

from api.portal.components.gallery import StageMark
from api.portal.shell.page import Page
from api.portal.wording import formats
from api.portal.wording.i18n import say
from catalog.deliveries.batches import ACCEPTED, Batch, BatchState
from catalog.entries.resources import Resource
from catalog.entries.visibility import discoverable
from catalog.lineage.graph import downstream
from catalog.releases.releases import Release
from contracts.checks.compile import compile as checks_of
from contracts.model import Contract

OPEN = (BatchState.RECEIVED, BatchState.CHECKING)
REFUSED = (BatchState.REFUSED, BatchState.RETURNED, BatchState.HELD, BatchState.DISCARDED)


def steps(session: Session, page: Page, batch: Batch, resource: Resource, contract: Contract) -> list[StageMark]:
    """Seven stages, each with what happened or what is next."""
    language = page.language
    release = _release(session, batch, resource)
    return [
        StageMark(
            "done",
            say(language, "落地"),
            (
                f"{batch.media or batch.filename.rpartition('.')[2]} · {formats.size(batch.bytes)}",
                f"sha {batch.sha256[:4]}…{batch.sha256[-4:]}",
            ),
        ),
        StageMark(
            "done",
            say(language, "回执"),
            (formats.short_moment(batch.received_at), batch.id),
            f"/batches/{batch.id}/receipt",
        ),
        _check(page, batch, contract),
        _load(page, batch, resource),
        _released(page, batch, resource, release),
        *_built(session, page, batch, resource),
    ]


def _check(page: Page, batch: Batch, contract: Contract) -> StageMark:
    language = page.language
    state = "current" if batch.state in OPEN else "late" if batch.state in REFUSED else "done"
    made = say(language, "%(items)s 项，%(checks)s 条规则", items=len(contract.items), checks=len(checks_of(contract)))
    return StageMark(state, say(language, "校验"), (made, formats.seconds(batch.seconds.get("check"))))


def _load(page: Page, batch: Batch, resource: Resource) -> StageMark:
    language = page.language
    if batch.state in OPEN or batch.state in REFUSED:
        return StageMark("waiting", say(language, "入库"), (say(language, "未入库"),))
    if batch.state == BatchState.UNDONE:
        return StageMark("waiting", say(language, "入库"), (say(language, "已撤销"),))
    spent = formats.seconds(batch.seconds.get("load"))
    rows = say(language, "%(rows)s 行", rows=formats.number(batch.accepted))
    return StageMark(
        "done",
        say(language, "入库"),
        (f"resource.{resource.name}", say(language, "，").join(part for part in (rows, spent) if part)),
        f"/resources/{resource.name}",
    )


def _release(session: Session, batch: Batch, resource: Resource) -> Release | None:
    """The first version in force that holds the batch: the first one cut at or after its snapshot."""
    if not _in_lake(batch):
        return None
    asked = select(Release).where(Release.resource_id == resource.id, col(Release.recalled_at).is_(None))
    return session.exec(asked.where(col(Release.snapshot) >= batch.snapshot).order_by(col(Release.version))).first()


def _in_lake(batch: Batch) -> bool:
    """Whether its rows are in the tables: a returned batch has a snapshot, too, that of its quarantine."""
    return batch.state in ACCEPTED and batch.snapshot is not None


def _released(page: Page, batch: Batch, resource: Resource, release: Release | None) -> StageMark:
    language = page.language
    link = f"/resources/{resource.name}/versions"
    if release is not None:
        return StageMark(
            "done", say(language, "发布"), (f"v{release.version}", formats.short_moment(release.released_at)), link
        )
    if not _in_lake(batch):
        return StageMark("waiting", say(language, "发布"), ("—",))
    return StageMark(
        "current", say(language, "发布"), (say(language, "计划 v%(version)s", version=resource.last_version + 1),), link
    )


def _built(session: Session, page: Page, batch: Batch, resource: Resource) -> list[StageMark]:
    """Themes and topics made from the dataset, as far as the reader may know of them; done once built after the load."""
    names = [name for name, _ in downstream(session, f"{resource.library}.{resource.name}").distance]
    short = [name.partition(".")[2] for name in names]
    asked = select(Resource).where(col(Resource.name).in_(short), discoverable(page.subject))
    found = session.exec(asked.order_by(col(Resource.title))).all()
    made = []
    for library, word in (("theme", "主题库"), ("topic", "专题库")):
        members = [one for one in found if one.library == library]
        loaded = batch.finished_at if _in_lake(batch) else None
        built = bool(members) and loaded is not None and all(one.updated_at and one.updated_at >= loaded for one in members)
        titles = [(one.title_en if page.language == "en" else "") or one.title for one in members]
        lines: tuple[str, ...] = (say(page.language, "、").join(titles[:2]) or "—",)
        if len(titles) > 2:
            lines += (say(page.language, "其余 %(count)s 个", count=len(titles) - 2),)
        made.append(StageMark("done" if built else "planned", say(page.language, word), lines))
    return made
