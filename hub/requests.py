"""What a request passes through between its entry and its signature: consent, sending, completion, answer, dispute."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from catalog.acquisition import answer_links, negotiation, requests
from catalog.identity.people import Subject
from contracts.clock import today
from hub import agreement_view
from hub.acquisition import MANAGE, Number, Reason
from hub.acts import act, doing
from hub.agreement_view import AgreementState
from hub.hub import Hub

Words = Annotated[str, Field(max_length=2000, pattern=r"\S")]
Day = Annotated[date | None, Field(description="Day of the letter; null: today.")]
Head = Annotated[str, Field(max_length=100, description="Name of the head of the sharing office.", examples=["王建国"])]
Document = Annotated[str, Field(max_length=100, description="Number of the paper, where consent was given on one.")]
ANSWER = "answer-need"


class ConsentNeed(BaseModel):
    """The consent of the head of a side's sharing office, or why it is given back."""

    agreement: Number
    decision: Literal["consent", "return"] = Field(default="consent", examples=["consent"])
    head: Annotated[Head, Field(pattern=r"\S")]
    document: Document = ""
    text: str = Field(default="", max_length=1000, description="Why it is given back.")
    on: Day = None


class SendNeed(BaseModel):
    """A request that goes out."""

    agreement: Number
    on: Day = None


class LinkNeed(BaseModel):
    """A link by which the asked body answers without an account."""

    agreement: Number
    days: int = Field(default=30, ge=1, le=answer_links.MOST_DAYS, description="How long it opens.")


class LinkMade(BaseModel):
    """The link. It is shown once."""

    agreement: str
    link: str = Field(description="Its address; whoever has it can answer this one request.")
    expires_on: date


class AskNeed(BaseModel):
    """All that is missing of a request, told once and completely."""

    agreement: Number
    missing: Words = Field(examples=["请补充：1. 使用范围涉及的科室；2. 数据留存期限。"])


class CompleteNeed(BaseModel):
    """What was missing."""

    agreement: Number
    text: Words = Field(examples=["使用科室为减灾处；留存一年。"])


class ExtendNeed(BaseModel):
    """The one extension of an answer's term."""

    agreement: Number
    authority: Annotated[str, Field(max_length=200, pattern=r"\S", description="Who consented.", examples=["省数据局"])]
    reason: Reason


class AnswerNeed(BaseModel):
    """The asked body's answer. A refusal, whole or in part, says why, and on what legal basis."""

    agreement: Number
    answer: Literal["accept", "part", "refuse"] = Field(examples=["accept"])
    text: str = Field(default="", max_length=1000, examples=["同意共享，按约定周期交付。"])
    without: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default=[], max_length=500, description="Items that are left out, of an answer in part."
    )
    on: Day = None
    head: Annotated[str, Field(max_length=100, description="By a letter's link only: the head who consented.")] = ""
    document: Annotated[str, Field(max_length=100, description="By a letter's link only: the letter's number.")] = ""


class CommentNeed(BaseModel):
    """A word in the thread."""

    agreement: Number
    text: Words = Field(examples=["水位的基准面是哪一个？"])


class DisputeNeed(BaseModel):
    """An answer that is disputed, or a dispute that goes one step higher."""

    agreement: Number
    reason: Reason


class SettleNeed(BaseModel):
    """What came of a dispute."""

    agreement: Number
    outcome: Literal["again", "accept", "uphold"] = Field(
        examples=["accept"], description="again: the body answers anew; accept: it agrees; uphold: the refusal stands."
    )
    body: Annotated[str, Field(max_length=200, pattern=r"\S", description="Who decided.", examples=["省数据局"])]
    text: Words = Field(examples=["经协调，同意按日提供。"])


@act(
    "need.consent",
    policy="consent-need",
    zh="负责人同意",
    en="consent to a need or its answer",
    api="POST /agreements/{agreement}/consent",
    cli="need consent",
    portal="/agreements/{agreement}/consent",
)
def consent(hub: Hub, subject: Subject, given: ConsentNeed) -> AgreementState:
    """Put on record that the head of the sharing office consents: to the request before it is sent, to the answer before it is
    given; never by who drafted it."""
    with doing(hub, subject, "need.consent", agreement=given.agreement) as deed:
        requests.consent(
            deed.session,
            deed.agreement,
            subject,
            agreement_view.of_sides(subject, deed.agreement),
            given=given.decision == "consent",
            head=given.head.strip(),
            document=given.document.strip(),
            text=given.text.strip(),
            on=given.on or today(),
        )
        deed.detail = given.model_dump(mode="json", exclude={"agreement", "on"}, exclude_defaults=True)
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "need.send",
    policy=MANAGE,
    zh="发出需求",
    en="send a need",
    api="POST /agreements/{agreement}/send",
    cli="need send",
    portal="/agreements/{agreement}/send",
)
def send(hub: Hub, subject: Subject, given: SendNeed) -> AgreementState:
    """Send a request that was consented to; the asked body's answer is due in the working days that the rules give it."""
    with doing(hub, subject, "need.send", agreement=given.agreement) as deed:
        requests.send(deed.session, deed.agreement, subject, on=given.on or today())
        deed.detail = {"provider": deed.agreement.provider_id, "answer_due": f"{deed.agreement.answer_due}"}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "need.link",
    policy=MANAGE,
    zh="生成答复链接",
    en="make a link for the answer",
    api="POST /agreements/{agreement}/link",
    cli="need link",
    portal="/agreements/{agreement}/link",
    secret=True,
)
def link(hub: Hub, subject: Subject, given: LinkNeed) -> LinkMade:
    """Make the link by which a body without an account answers one request, once; an earlier one opens no more."""
    with doing(hub, subject, "need.link", agreement=given.agreement) as deed:
        token, made = answer_links.make(deed.session, deed.agreement, subject, days=given.days)
        deed.detail = {"expires_on": f"{made.expires_on}"}
        address = f"{hub.settings.public_url.rstrip('/')}/letters/{token}"
        return LinkMade(agreement=deed.agreement.id, link=address, expires_on=made.expires_on)


@act(
    "need.ask",
    policy=ANSWER,
    zh="一次性告知补正",
    en="tell what a need lacks",
    api="POST /agreements/{agreement}/ask",
    cli="need ask",
    portal="/agreements/{agreement}/ask",
)
def ask(hub: Hub, subject: Subject, given: AskNeed) -> AgreementState:
    """Tell, once and completely, what is missing; the answer's term begins anew with its completion."""
    with doing(hub, subject, "need.ask", agreement=given.agreement) as deed:
        requests.ask(deed.session, deed.agreement, subject, missing=given.missing.strip())
        deed.detail = {"missing": given.missing.strip()}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "need.complete",
    policy=MANAGE,
    zh="补正需求",
    en="complete a need",
    api="POST /agreements/{agreement}/complete",
    cli="need complete",
    portal="/agreements/{agreement}/complete",
)
def complete(hub: Hub, subject: Subject, given: CompleteNeed) -> AgreementState:
    """Give what was missing; the answer's term begins anew."""
    with doing(hub, subject, "need.complete", agreement=given.agreement) as deed:
        requests.complete(deed.session, deed.agreement, subject, text=given.text.strip())
        deed.detail = {"text": given.text.strip(), "answer_due": f"{deed.agreement.answer_due}"}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "need.extend",
    policy=MANAGE,
    zh="延长答复期限",
    en="extend an answer's term",
    api="POST /agreements/{agreement}/extend",
    cli="need extend",
    portal="/agreements/{agreement}/extend",
)
def extend(hub: Hub, subject: Subject, given: ExtendNeed) -> AgreementState:
    """Give the asked body the one extension of its answer that the rules know, with the authority's consent."""
    with doing(hub, subject, "need.extend", agreement=given.agreement) as deed:
        authority, reason = given.authority.strip(), given.reason.strip()
        requests.extend(deed.session, deed.agreement, subject, authority=authority, reason=reason)
        deed.detail = {"answer_due": f"{deed.agreement.answer_due}", "authority": authority, "reason": reason}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "need.answer",
    policy=ANSWER,
    zh="答复需求",
    en="answer a need",
    api="POST /agreements/{agreement}/answer",
    cli="need answer",
    portal="/agreements/{agreement}/answer",
)
def answer(hub: Hub, subject: Subject, given: AnswerNeed) -> AgreementState:
    """The asked body accepts the need, whole or in part, or refuses it with its reason; the answer to a request counts once the
    head of its sharing office has consented. By a link the letter names the head, and both are one act."""
    with doing(hub, subject, "need.answer", agreement=given.agreement) as deed:
        one, session, text, on = deed.agreement, deed.session, given.text.strip(), given.on or today()
        deed.detail = {"answer": given.answer, "text": text}
        if given.answer == "part" and one.route != "request":
            raise negotiation.WrongTerm("answer", "此途径只能同意或不同意。", "On this route a need is accepted or refused.")
        if subject.kind != "link" and (given.head or given.document):
            raise negotiation.WrongTerm(
                "head",
                "负责人的同意由另一人办理（need.consent），不在答复中填写。",
                "The head's consent is a step of its own, recorded by another person (need.consent).",
            )
        if one.route != "request":
            negotiation.answer(session, one, subject, accepted=given.answer == "accept", text=text, on=on)
            return agreement_view.state(session, subject, one)
        requests.answer(session, one, subject, decision=given.answer, text=text, without=given.without, on=on)
        if subject.kind == "link":
            told = {"head": given.head.strip(), "document": given.document.strip()}
            if not all(told.values()):
                raise negotiation.WrongTerm(
                    "head", "请填写负责人姓名和复函文号。", "Name the head of the sharing office and the letter's number."
                )
            sides = agreement_view.of_sides(subject, one)
            requests.consent(session, one, subject, sides, given=True, text="", on=on, **told)
            answer_links.use(session, one.id)
            deed.detail |= told
        return agreement_view.state(session, subject, one)


@act(
    "need.comment",
    policy="discuss-need",
    zh="留言",
    en="comment on a need",
    api="POST /agreements/{agreement}/comments",
    cli="need comment",
    portal="/agreements/{agreement}/comment",
)
def comment(hub: Hub, subject: Subject, given: CommentNeed) -> AgreementState:
    """Ask or explain in the thread between the two sides; it changes no state and stops no clock."""
    with doing(hub, subject, "need.comment", agreement=given.agreement) as deed:
        [side, *_] = agreement_view.of_sides(subject, deed.agreement)
        requests.comment(deed.session, deed.agreement, subject, side, text=given.text.strip())
        deed.detail = {"text": given.text.strip()}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "need.dispute",
    policy=MANAGE,
    zh="提出争议",
    en="dispute an answer",
    api="POST /agreements/{agreement}/dispute",
    cli="need dispute",
    portal="/agreements/{agreement}/dispute",
)
def dispute(hub: Hub, subject: Subject, given: DisputeNeed) -> AgreementState:
    """Dispute an answer, or take the dispute one step higher: the two sides, the authority, the common upper authority, the
    government."""
    with doing(hub, subject, "need.dispute", agreement=given.agreement) as deed:
        requests.dispute(deed.session, deed.agreement, subject, reason=given.reason.strip())
        terms = deed.agreement.request
        deed.detail = {"step": terms.dispute if terms else 0, "reason": given.reason.strip()}
        return agreement_view.state(deed.session, subject, deed.agreement)


@act(
    "need.settle",
    policy=MANAGE,
    zh="了结争议",
    en="settle a dispute",
    api="POST /agreements/{agreement}/settle",
    cli="need settle",
    portal="/agreements/{agreement}/settle",
)
def settle(hub: Hub, subject: Subject, given: SettleNeed) -> AgreementState:
    """Put on record what came of a dispute, and who decided it."""
    with doing(hub, subject, "need.settle", agreement=given.agreement) as deed:
        told = {"outcome": given.outcome, "body": given.body.strip(), "text": given.text.strip()}
        requests.settle(deed.session, deed.agreement, subject, **told)
        deed.detail = dict(told)
        return agreement_view.state(deed.session, subject, deed.agreement)
