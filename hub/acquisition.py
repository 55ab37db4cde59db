"""Needs and agreements: a need is entered, its agreement signed, changed, renewed and ended; between them, `hub.requests`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlmodel import Session

from catalog import workflow
from catalog.acquisition import answer_links, negotiation
from catalog.acquisition.agreements import Agreement, AgreementChannel
from catalog.acquisition.terms import DATASET, TERMS, Collection, CollectionTerms, Purchase, PurchaseTerms
from catalog.identity import people
from catalog.identity.people import Subject
from contracts.clock import today
from hub import agreement_view, channel_places, needs
from hub.acts import Deed, act, doing
from hub.agreement_view import AgreementState
from hub.hub import Hub
from hub.needs import MOST_ITEMS, MatchNeed, WantedItem

Number = Annotated[str, Field(max_length=64, description="Number of the agreement.", examples=["YQ-2026-001"])]
Cycle = Literal["实时", "每日", "每周", "每月", "每季度", "每半年", "每年", "不定期"]
Text = Annotated[str, Field(max_length=500)]
Reason = Annotated[str, Field(max_length=1000, pattern=r"\S", description="Kept in the history.", examples=["业务调整"])]
MANAGE = "manage-agreement"


class Channel(BaseModel):
    """One way by which data come; beside its kind the settings of that kind."""

    model_config = {"extra": "allow"}
    kind: str = Field(max_length=40, examples=["folder"], description="folder, http, template …")

    def whole(self) -> dict[str, Any]:
        """Kind and settings as one mapping."""
        return {name: value for name, value in self.model_dump().items() if value not in ("", None)}


class EnterNeed(BaseModel):
    """A need for data. Terms are those of its route: `purchase` where it is bought, `collection` where it is collected."""

    route: Literal["request", "buy", "collect"] = Field(examples=["request"])
    dataset: str = Field(
        max_length=63, pattern=rf"^{DATASET}$", examples=["river_level"], description="Resource it is to feed."
    )
    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", examples=["中小河流水文站实时水位"])]
    title_en: str = Field(default="", max_length=200)
    purpose: Annotated[str, Field(max_length=500, pattern=r"\S", examples=["水资源调度"])]
    provider: str = Field(max_length=200, pattern=r"\S", examples=["hlj-water"], description="Organization that is asked.")
    steward: str = Field(default="", max_length=100, description="Login of who looks after it; empty: who enters it.")
    cycle: Cycle = "每月"
    coordinating_body: Text = ""
    legal_basis: Text = ""
    items: list[WantedItem] = Field(default=[], max_length=MOST_ITEMS, description="What is needed, item by item.")
    wanted_by: date | None = Field(default=None, description="By when it is needed.")
    in_spite_of: str = Field(default="", max_length=1000, description="Why it is entered although the hub has it; kept.")
    needed_on: date | None = Field(default=None, description="Day of the letter; null: today.")
    valid_until: date | None = None
    number: str = Field(default="", pattern=r"^$|^(YQ|GM|CJ)-\d{4}-\d{3,6}$", description="A number that it has already.")
    purchase: Purchase | None = None
    collection: Collection | None = None
    agencies: list[str] = Field(default=[], max_length=5000, description="Organizations that report under a collection.")
    channels: list[Channel] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _terms_of_its_route(self) -> EnterNeed:
        given = {"buy": self.purchase is not None, "collect": self.collection is not None or bool(self.agencies)}
        for route, has in given.items():
            if has and route != self.route:
                raise PydanticCustomError("other_route", "these terms belong to another route")
        return self


class SignAgreement(BaseModel):
    """A signature of one side."""

    agreement: Number
    on: date | None = Field(default=None, description="Day of the signature; null: today.")
    valid_until: date | None = Field(default=None, description="Last day of the term; null: as it is.")


class ChangeAgreement(BaseModel):
    """What is to be changed; null leaves as it is. Of a signed agreement only `channels` and `steward` can be changed."""

    agreement: Number
    reason: Reason
    title: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"\S")
    title_en: str | None = Field(default=None, max_length=200)
    purpose: str | None = Field(default=None, max_length=500, pattern=r"\S")
    steward: str | None = Field(default=None, max_length=100)
    cycle: Cycle | None = None
    coordinating_body: Text | None = None
    legal_basis: Text | None = None
    valid_until: date | None = None
    purchase: Purchase | None = Field(default=None, description="All terms of a purchase, as they are to be.")
    collection: Collection | None = Field(default=None, description="All terms of a collection, as they are to be.")
    agencies: list[str] | None = Field(default=None, max_length=5000)
    channels: list[Channel] | None = Field(default=None, max_length=20)


class RenewAgreement(BaseModel):
    """A later last day."""

    agreement: Number
    valid_until: date = Field(examples=["2028-12-31"])
    reason: Reason


class RemindAgreement(BaseModel):
    """A reminder to the other side."""

    agreement: Number
    text: str = Field(default="", max_length=1000, examples=["首批数据已逾期五个工作日，请尽快提供。"])


class EndAgreement(BaseModel):
    """An agreement, or a need, that is over."""

    agreement: Number
    reason: Reason


@act(
    "need.enter",
    policy=MANAGE,
    zh="提出需求",
    en="enter a need",
    api="POST /needs",
    cli="need enter",
    portal="/agreements/new",
)
def enter(hub: Hub, subject: Subject, given: EnterNeed) -> AgreementState:
    """Register a need for data that the hub was found not to have, or in spite of what it has, with the reason. A request is
    sent once the head of the sharing office has consented."""
    with doing(hub, subject, "need.enter") as deed:
        if given.needed_on is not None and given.needed_on > today():
            raise negotiation.WrongTerm("needed_on", "需求日期不能晚于今天。", "The day of the need is not after today.")
        asked = MatchNeed(**{name: getattr(given, name) for name in MatchNeed.model_fields})
        found = needs.look(deed.session, subject, asked)
        needs.require_reason(found, given.in_spite_of)
        channels = [one.whole() for one in given.channels]
        _prepare_channels(hub, given.route, channels)
        agreement = negotiation.enter(
            deed.session,
            _agreement(deed, given, channels),
            subject,
            agencies=given.agencies,
            number=given.number,
            in_spite_of=given.in_spite_of.strip(),
        )
        needs.keep(deed.session, agreement, subject, asked, found)
        deed.object, deed.purpose = f"agreement:{agreement.id}", given.purpose
        deed.detail = {"route": agreement.route, "dataset": agreement.dataset, "provider": agreement.provider_id}
        deed.detail |= {"found": [one.resource for one in found], "in_spite_of": given.in_spite_of.strip()} if found else {}
        return agreement_view.state(deed.session, subject, agreement)


@act(
    "agreement.sign",
    policy="sign-agreement",
    zh="签订协议",
    en="sign an agreement",
    api="POST /agreements/{agreement}/sign",
    cli="agreement sign",
    portal="/agreements/{agreement}/sign",
)
def sign(hub: Hub, subject: Subject, given: SignAgreement) -> AgreementState:
    """Sign for one's own side; with the last signature the agreement is in force and data is taken under it."""
    with doing(hub, subject, "agreement.sign", agreement=given.agreement) as deed:
        sides = agreement_view.sides(subject, deed.agreement) or (workflow.STEWARD if subject.has("steward") else "provider",)
        negotiation.sign(
            deed.session, deed.agreement, subject, on=given.on or today(), sides=sides, valid_until=given.valid_until
        )
        if subject.kind == "link":
            answer_links.use(deed.session, deed.agreement.id)
        deed.detail = {"sides": list(sides), "state": deed.agreement.state}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "agreement.change",
    policy=MANAGE,
    zh="更改协议",
    en="change an agreement",
    api="POST /agreements/{agreement}/change",
    cli="agreement change",
    portal="/agreements/{agreement}/change",
    ends=True,
)
def change(hub: Hub, subject: Subject, given: ChangeAgreement) -> AgreementState:
    """Change what is not signed yet; of an agreement in force its channels and who looks after it."""
    with doing(hub, subject, "agreement.change", agreement=given.agreement) as deed:
        changes = _changes(hub, deed, given)
        negotiation.change(deed.session, deed.agreement, subject, changes, reason=given.reason.strip())
        deed.detail = {"changed": sorted(changes), "reason": given.reason.strip()}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "agreement.renew",
    policy=MANAGE,
    zh="续签协议",
    en="renew an agreement",
    api="POST /agreements/{agreement}/renew",
    cli="agreement renew",
    portal="/agreements/{agreement}/renew",
)
def renew(hub: Hub, subject: Subject, given: RenewAgreement) -> AgreementState:
    """Let an agreement in force run until a later day."""
    with doing(hub, subject, "agreement.renew", agreement=given.agreement) as deed:
        negotiation.renew(deed.session, deed.agreement, subject, valid_until=given.valid_until, reason=given.reason.strip())
        deed.detail = {"valid_until": f"{given.valid_until}", "reason": given.reason.strip()}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "agreement.remind",
    policy=MANAGE,
    zh="催办",
    en="remind the other side",
    api="POST /agreements/{agreement}/remind",
    cli="agreement remind",
    portal="/agreements/{agreement}/remind",
)
def remind(hub: Hub, subject: Subject, given: RemindAgreement) -> AgreementState:
    """Urge the other side to do what it owes, once a day; it stands with the task in its inbox, and in the history."""
    with doing(hub, subject, "agreement.remind", agreement=given.agreement) as deed:
        negotiation.remind(deed.session, deed.agreement, subject, text=given.text.strip())
        deed.detail = {"text": given.text.strip()}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "agreement.end",
    policy=MANAGE,
    zh="终止协议",
    en="end an agreement",
    api="POST /agreements/{agreement}/end",
    cli="agreement end",
    portal="/agreements/{agreement}/end",
    ends=True,
)
def end(hub: Hub, subject: Subject, given: EndAgreement) -> AgreementState:
    """End an agreement, or take a need back: no more data is taken under it."""
    with doing(hub, subject, "agreement.end", agreement=given.agreement) as deed:
        negotiation.end(deed.session, deed.agreement, subject, reason=given.reason.strip())
        deed.detail = {"reason": given.reason.strip()}
        return agreement_view.state(deed.session, subject, deed.agreement)


def _agreement(deed: Deed, given: EnterNeed, channels: list[dict[str, Any]]) -> Agreement:
    """The need as it will be kept, still without its number."""
    same = (
        "route", "dataset", "title", "title_en", "purpose", "cycle", "coordinating_body", "legal_basis", "valid_until",
        "wanted_by",
    )  # fmt: skip
    agreement = Agreement(
        id="",
        provider_id=given.provider,
        steward_id=_steward(deed.session, given.steward) or deed.subject.person_id or None,
        needed_on=given.needed_on or today(),
        items=[one.model_dump() for one in given.items],
        **{name: getattr(given, name) for name in same},
    )
    if given.purchase is not None:
        agreement.purchase = PurchaseTerms(agreement_id="", **given.purchase.model_dump())
    if given.collection is not None:
        agreement.collection = CollectionTerms(agreement_id="", **given.collection.model_dump())
    agreement.channels = [AgreementChannel.of(number, one) for number, one in enumerate(channels, start=1)]
    return agreement


def _steward(session: Session, login: str) -> str | None:
    return people.get_person(session, login).id if login else None


def _changes(hub: Hub, deed: Deed, given: ChangeAgreement) -> Mapping[str, Any]:
    """What was given, as the agreement has it."""
    changes = {
        name: value
        for name in type(given).model_fields
        if name not in ("agreement", "reason", "steward") and (value := getattr(given, name)) is not None
    }
    own, _ = TERMS[deed.agreement.route]
    for name in ("purchase", "collection"):
        if name in changes:
            if name != own:
                raise negotiation.WrongTerm(name, "这些条款属于另一种获取途径。", "These terms belong to another route.")
            changes[name] = changes[name].model_dump()
    if given.steward is not None:
        changes["steward_id"] = _steward(deed.session, given.steward)
    if given.channels is not None:
        changes["channels"] = [one.whole() for one in given.channels]
        before = [one.whole() for one in deed.agreement.channels]
        _prepare_channels(hub, deed.agreement.route, changes["channels"], before)
    return changes


def _prepare_channels(hub: Hub, route: str, channels: list[dict[str, Any]], before: list[dict[str, Any]] | None = None) -> None:
    """Refuse a channel that its kind could not open, or that reaches where none may; make the hub's own folders it names."""
    channel_places.require_allowed(hub.settings, route, channels, before or [])
    channel_places.make_folders(hub.settings, channels)
