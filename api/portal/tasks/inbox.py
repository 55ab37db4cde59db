"""待办: what waits for the reader, and what others owe that the reader follows; most pressing first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.http.dependencies import SessionDep
from api.portal.shell.guards import InboxPage
from api.portal.shell.page import render
from api.portal.tasks.tasks import waiting
from api.portal.wording.i18n import N_
from catalog.overview.inbox import MOST, Asked, Task, inbox

router = APIRouter(include_in_schema=False)
SIZE = 30
KINDS: Mapping[str, str] = {
    "request": N_("需求办理"),
    "answer": N_("答复"),
    "sign": N_("签订"),
    "deliver": N_("交付"),
    "report": N_("报送"),
    "release": N_("发布"),
    "renew": N_("续签"),
    "quarantine": N_("隔离行补正"),
    "returned": N_("退回重报"),
    "answer-batch": N_("待答复的批次"),
    "undone": N_("已撤销的批次"),
    "draft": N_("目录审核"),
    "channel": N_("通道失败"),
    "calendar": N_("节假日表"),
}


@dataclass(frozen=True, slots=True)
class InboxFilters:
    """What the list is narrowed to. `whose`: own, or followed; "" shows own tasks."""

    whose: str = "own"
    kind: str = ""
    words: str = ""
    late: bool = False

    @property
    def narrow(self) -> bool:
        """Whether anything but the turn is asked for: how many there are of that is not counted."""
        return bool(self.kind or self.words or self.late)

    def passes(self, task: Task) -> bool:
        """Whether a task is asked for."""
        text = " ".join((task.title, task.title_en, task.detail, task.detail_en, task.key)).casefold()
        late = task.left is not None and task.left < 0
        return self.kind in ("", task.kind) and self.words.casefold() in text and (late or not self.late)


@router.get("/inbox", response_class=HTMLResponse)
def tasks(page: InboxPage, session: SessionDep) -> HTMLResponse:
    """The reader's tasks with their clocks, some on a page."""
    query = page.request.query_params
    whose = "followed" if query.get("whose") == "followed" else "own"
    narrowed = InboxFilters(whose, query.get("kind", ""), (query.get("q") or "").strip()[:100], query.get("late") == "1")
    told = query.get("page", "1")
    number = max(int(told), 1) if told.isdecimal() and len(told) < 4 else 1
    most = MOST if narrowed.words else min(number * SIZE + 1, MOST)
    kind = narrowed.kind if narrowed.kind in KINDS else ""
    found = inbox(session, page.subject, asked=Asked(most, whose, kind, counted=False))
    listed: Sequence[Task] = [task for task in getattr(found, whose) if narrowed.passes(task)]
    counts, more = {"own": page.tasks, "followed": page.tasks_followed}, len(listed) > number * SIZE
    whole = counts[whose] if not narrowed.narrow else None if more or number > 1 else len(listed)
    return render(
        page,
        "pages/inbox.html",
        counts=counts,
        whole=whole,
        asked=narrowed,
        kinds={kind: word for kind, word in KINDS.items() if kind in found.kinds},
        words_of_kind=KINDS,
        waiting=waiting(session, listed[(number - 1) * SIZE : number * SIZE]),
        number=number,
        more=more,
    )
