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
from catalog.overview.inbox import Task, inbox

router = APIRouter(include_in_schema=False)
KINDS: Mapping[str, str] = {
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
class Asked:
    """What the list is narrowed to. `whose`: own, or followed; "" shows own tasks."""

    whose: str = "own"
    kind: str = ""
    words: str = ""
    late: bool = False

    def passes(self, task: Task) -> bool:
        """Whether a task is asked for."""
        told = " ".join((task.title, task.title_en, task.detail, task.detail_en, task.key)).casefold()
        late = task.left is not None and task.left < 0
        return self.kind in ("", task.kind) and self.words.casefold() in told and (late or not self.late)


@router.get("/inbox", response_class=HTMLResponse)
def tasks(page: InboxPage, session: SessionDep) -> HTMLResponse:
    """The reader's tasks with their clocks."""
    found = inbox(session, page.subject)
    told = page.request.query_params
    whose = "followed" if told.get("whose") == "followed" else "own"
    asked = Asked(whose, told.get("kind", ""), (told.get("q") or "").strip()[:100], told.get("late") == "1")
    listed: Sequence[Task] = getattr(found, whose)
    return render(
        page,
        "pages/inbox.html",
        counts={"own": found.own_count, "followed": found.followed_count},
        asked=asked,
        kinds={kind: word for kind, word in KINDS.items() if any(task.kind == kind for task in listed)},
        words_of_kind=KINDS,
        waiting=waiting(session, [task for task in listed if asked.passes(task)]),
    )
