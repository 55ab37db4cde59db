"""A department's HTTP JSON endpoint: pages are fetched with a token, retried, resumed where a fetch broke off."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from contracts.clock import now
from orchestration.routes.arrivals import Arrival, ChannelFailed
from warehouse.settings import Settings

ATTEMPTS = 5
BACKOFF_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0
MAX_PAGES = 100_000
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an endpoint is asked, as the agreement's channel says.

    `records` is the dotted path of the list in a page's body ("" where the body is the list); `next` the dotted path of the
    next page's address or cursor, and where there is none pages are counted in the query parameter `page` until one comes
    back empty or short, or `total` (dotted path) records are there. `since` is a query parameter that gets the greatest
    value of `since_item` seen so far, so that only changes are asked for.
    """

    url: str
    records: str = ""
    page: str = "page"
    first_page: int = 1
    size: str = ""
    page_size: int = 0
    next: str = ""
    cursor: str = ""
    total: str = ""
    since: str = ""
    since_item: str = ""
    token_env: str = ""
    token_file: str = ""
    header: str = "Authorization"
    attempts: int = ATTEMPTS
    backoff: float = BACKOFF_SECONDS
    timeout: float = TIMEOUT_SECONDS

    @classmethod
    def of(cls, channel: Mapping[str, Any]) -> Endpoint:
        """The endpoint of a channel; a key that is not known is an error, not a setting without effect."""
        told = {key: value for key, value in channel.items() if key != "kind"}
        unknown = set(told) - set(cls.__dataclass_fields__)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ChannelFailed(f"通道中有未知设置：{names}。", f"The channel has unknown settings: {names}.")
        return cls(**told)

    def headers(self) -> dict[str, str]:
        """The token, from the environment or a file, never from the catalogue."""
        token = os.environ.get(self.token_env, "") if self.token_env else ""
        if not token and self.token_file:
            token = Path(self.token_file).expanduser().read_text(encoding="utf-8").strip()
        if not token and (self.token_env or self.token_file):
            where = self.token_env or self.token_file
            raise ChannelFailed(
                f"没有访问令牌：请设置环境变量 {where}。", f"There is no token: set the environment variable {where}."
            )
        scheme = "Bearer " if self.header == "Authorization" else ""
        return {"Accept": "application/json", **({self.header: scheme + token} if token else {})}


@dataclass
class Progress:
    """How far a fetch has come; kept beside its file, so that a broken one goes on where it stopped."""

    url: str
    page: int
    records: int = 0
    bytes: int = 0
    since: str = ""
    newest: str = ""
    finished: bool = False


def arrivals(settings: Settings, agreement_id: str, channel: Mapping[str, Any], organization_id: str | None) -> list[Arrival]:
    """Everything the endpoint has, as one NDJSON file of its records; none where it has no record."""
    endpoint = Endpoint.of(channel)
    folder = settings.root / "routes" / agreement_id.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    file, state = folder / "records.ndjson", folder / "progress.json"
    progress = _resume(endpoint, file, state, folder / "since.txt")
    fetch(endpoint, progress, file, state)
    if not progress.records:
        _forget(file, state)
        return []
    name = f"{endpoint.url.split('?', 1)[0].rstrip('/').rsplit('/', 1)[-1] or 'records'}-{now():%Y%m%dT%H%M%SZ}.ndjson"
    return [Arrival(file, name, organization_id, taken=lambda batch_id: _done(progress, file, state, folder / "since.txt"))]


def fetch(endpoint: Endpoint, progress: Progress, file: Path, state: Path) -> None:
    """Fetch page after page to the file's end; what was fetched stays when a page fails for good."""
    with (
        httpx.Client(headers=endpoint.headers(), timeout=endpoint.timeout) as client,
        file.open("r+b" if file.exists() else "wb") as sink,
    ):
        sink.seek(progress.bytes)
        sink.truncate()
        while not progress.finished:
            body = _page(client, endpoint, progress)
            rows = _at(body, endpoint.records)
            if not isinstance(rows, list):
                raise _shape(endpoint, progress)
            for row in rows:
                sink.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                if endpoint.since_item:
                    progress.newest = _newer(progress.newest, str(_at(row, endpoint.since_item) or ""))
            sink.flush()
            os.fsync(sink.fileno())
            progress.bytes, progress.records = sink.tell(), progress.records + len(rows)
            _advance(endpoint, progress, body, len(rows))
            state.write_text(json.dumps(asdict(progress)), encoding="utf-8")


def _page(client: httpx.Client, endpoint: Endpoint, progress: Progress) -> Any:
    """One page; numbers keep the digits they were sent with."""
    answer = _asked(client, endpoint, progress)
    try:
        return json.loads(answer.content, parse_float=str, parse_int=str)
    except ValueError as error:
        raise ChannelFailed(
            f"{progress.url} 返回的不是 JSON：{error}", f"{progress.url} did not answer with JSON: {error}"
        ) from error


def _asked(client: httpx.Client, endpoint: Endpoint, progress: Progress) -> httpx.Response:
    problem = ""
    for attempt in range(1, endpoint.attempts + 1):
        try:
            answer = client.get(progress.url, params=_query(endpoint, progress))
        except httpx.TransportError as error:
            problem, wait = f"{type(error).__name__}: {error}", ""
        else:
            if answer.is_success:
                return answer
            problem, wait = f"HTTP {answer.status_code}", answer.headers.get("Retry-After", "")
            if answer.status_code not in _AGAIN:
                break
        if attempt < endpoint.attempts:
            time.sleep(_pause(endpoint, attempt, wait))
    raise ChannelFailed(
        f"{progress.url} 第 {progress.page} 页未取到（{problem}）；已取的 {progress.records} 条保留，下次从此页继续。",
        f"Page {progress.page} of {progress.url} was not got ({problem}); the {progress.records} records before it are kept, "
        "the next run goes on from here.",
    )


def _pause(endpoint: Endpoint, attempt: int, retry_after: str) -> float:
    """Twice as long each time, with some chance in it; what the server asks for wins."""
    if retry_after.isdigit():
        return min(float(retry_after), 60.0)
    return endpoint.backoff * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing


def _query(endpoint: Endpoint, progress: Progress) -> dict[str, str]:
    asked: dict[str, str] = {}
    if not endpoint.next:
        asked[endpoint.page] = str(progress.page)
    if endpoint.size and endpoint.page_size:
        asked[endpoint.size] = str(endpoint.page_size)
    if endpoint.since and progress.since:
        asked[endpoint.since] = progress.since
    # httpx drops an address's own query when it is given one; keep both.
    return dict(httpx.URL(progress.url).params) | asked


def _advance(endpoint: Endpoint, progress: Progress, body: Any, rows: int) -> None:
    if endpoint.next:
        following = _at(body, endpoint.next)
        address = _following(endpoint, progress, str(following)) if following else ""
        progress.finished = not address or address == progress.url
        progress.url = address or progress.url
    else:
        total = _at(body, endpoint.total) if endpoint.total else None
        full = total is not None and progress.records >= int(total)
        progress.finished = full or not rows or (0 < rows < endpoint.page_size)
    progress.page += 1
    if progress.page > MAX_PAGES:
        raise _shape(endpoint, progress)


def _following(endpoint: Endpoint, progress: Progress, told: str) -> str:
    """Address of the next page; it must be on the same host, which is the one the token is for."""
    here = httpx.URL(progress.url)
    if endpoint.cursor:
        return str(here.copy_set_param(endpoint.cursor, told))
    there = here.join(told)
    if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
        raise ChannelFailed(
            f"{here.host} 把下一页指向了别的主机 {there.host}，不再继续。",
            f"{here.host} points to another host, {there.host}, for its next page; not followed.",
        )
    return str(there)


def _at(body: Any, path: str) -> Any:
    for step in filter(None, path.split(".")):
        body = body.get(step) if isinstance(body, dict) else None
    return body


def _resume(endpoint: Endpoint, file: Path, state: Path, since: Path) -> Progress:
    if state.exists() and file.exists():
        kept = Progress(**json.loads(state.read_text(encoding="utf-8")))
        if httpx.URL(kept.url).host == httpx.URL(endpoint.url).host and file.stat().st_size >= kept.bytes:
            return kept
    _forget(file, state)
    known = since.read_text(encoding="utf-8") if endpoint.since and since.exists() else ""
    return Progress(endpoint.url, endpoint.first_page, since=known)


def _done(progress: Progress, file: Path, state: Path, since: Path) -> None:
    if progress.newest:
        since.write_text(progress.newest, encoding="utf-8")
    _forget(file, state)


def _forget(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _newer(known: str, value: str) -> str:
    """The greater of two values of a growing item; whole numbers by size, other text by order."""
    return max(known, value, key=lambda text: (len(text) if text.isdigit() else 0, text))


def _shape(endpoint: Endpoint, progress: Progress) -> ChannelFailed:
    where = endpoint.records or "/"
    return ChannelFailed(
        f"{progress.url} 第 {progress.page} 页的「{where}」处没有记录列表；请在协议的通道中更正 records。",
        f"Page {progress.page} of {progress.url} has no list of records at {where!r}; mend `records` in the channel.",
    )
