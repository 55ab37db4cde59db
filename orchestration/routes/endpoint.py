"""A department's HTTP JSON endpoint: pages are fetched with a token, retried, resumed where a fetch broke off."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from contracts.clock import now
from contracts.errors import HubError
from orchestration.routes.arrivals import Arrival, ChannelFailed
from orchestration.routes.asking import Asker, Limits, NotGot, Page, asker
from orchestration.routes.progress import Progress, kept
from warehouse.foreign import files
from warehouse.foreign.telling import CannotBeRead
from warehouse.readers.pages import Asked, NoPage, PageBroken, Read, newer
from warehouse.settings import Settings

MAX_PAGES = 100_000


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
    attempts: int = Limits.attempts
    backoff: float = Limits.backoff
    timeout: float = Limits.silence
    connect_seconds: float = Limits.connect
    page_seconds: float = Limits.page
    fetch_seconds: float = Limits.fetch
    page_bytes: int = Limits.page_bytes
    fetch_bytes: int = Limits.fetch_bytes

    @classmethod
    def of(cls, channel: Mapping[str, Any]) -> Endpoint:
        """The endpoint of a channel; a key that is not known is an error, not a setting without effect."""
        told = {key: value for key, value in channel.items() if key != "kind"}
        unknown = set(told) - set(cls.__dataclass_fields__)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ChannelFailed(f"通道中有未知设置：{names}。", f"The channel has unknown settings: {names}.")
        if not told.get("url"):
            raise ChannelFailed("通道没有 url；请在协议中补上。", "The channel has no url; give it one in the agreement.")
        return cls(**told)

    def limits(self, seconds: float) -> Limits:
        """Limits of one fetch, of which `seconds` are left in the run."""
        return Limits(
            connect=self.connect_seconds,
            silence=self.timeout,
            page=self.page_seconds,
            fetch=min(self.fetch_seconds, seconds),
            page_bytes=self.page_bytes,
            fetch_bytes=self.fetch_bytes,
            attempts=self.attempts,
            backoff=self.backoff,
        )

    def asked(self) -> str:
        """Digest of what decides which records are asked for, and how they are counted."""
        names = ("url", "records", "page", "first_page", "size", "page_size", "next", "cursor", "total", "since", "since_item")
        return hashlib.sha256(repr([getattr(self, name) for name in names]).encode()).hexdigest()

    def headers(self) -> dict[str, str]:
        """The token, from the environment or a file, never from the catalogue."""
        token = os.environ.get(self.token_env, "") if self.token_env else ""
        if not token and self.token_file:
            token = _token(Path(self.token_file).expanduser())
        if not token and (self.token_env or self.token_file):
            where = self.token_env or self.token_file
            raise ChannelFailed(
                f"没有访问令牌：请设置环境变量 {where}。", f"There is no token: set the environment variable {where}."
            )
        scheme = "Bearer " if self.header == "Authorization" else ""
        return {"Accept": "application/json", **({self.header: scheme + token} if token else {})}


class ListChanged(HubError):
    """The source's list changed while its pages were being asked for: what came is not the list at any moment."""


def arrivals(
    settings: Settings,
    agreement_id: str,
    channel: Mapping[str, Any],
    organization_id: str | None,
    seconds: float = float("inf"),
) -> list[Arrival]:
    """Everything the endpoint has, as one NDJSON file of its records; none where it has no record.

    `seconds` are left for fetches in this run.
    """
    endpoint = Endpoint.of(channel)
    folder = settings.root / "routes" / agreement_id.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    file, state, since = folder / "records.ndjson", folder / "progress.json", folder / "since.txt"
    progress = _fetched(settings, endpoint, folder, since, seconds)
    if not progress.records:
        _forget(file, state)
        return []
    address = endpoint.url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]
    name = f"{address or 'records'}-{now():%Y%m%dT%H%M%SZ}.ndjson"
    return [Arrival(file, name, organization_id, taken=lambda batch_id: _done(progress, file, state, since))]


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch of an endpoint: its connection, its files in `folder`, and where foreign bytes are opened."""

    settings: Settings
    endpoint: Endpoint
    source: Asker
    folder: Path

    @property
    def file(self) -> Path:
        """All records so far, a line each."""
        return self.folder / "records.ndjson"

    @property
    def state(self) -> Path:
        """How far it has come."""
        return self.folder / "progress.json"


def _fetched(settings: Settings, endpoint: Endpoint, folder: Path, since: Path, seconds: float) -> Progress:
    """The whole list. Where it changed under way it is asked for once more from its beginning, and then given up."""
    with asker(endpoint.limits(seconds), endpoint.headers()) as source:
        fetch = Fetch(settings, endpoint, source, folder)
        progress = kept(fetch.state, fetch.file, endpoint.asked())
        if progress is not None and _goes_on(fetch, progress):
            try:
                _all_pages(fetch, progress)
                return progress
            except (ListChanged, AddressDied):
                pass
        for last in (False, True):
            progress = _anew(fetch, since)
            try:
                _all_pages(fetch, progress)
                return progress
            except ListChanged as changed:
                _forget(fetch.file, fetch.state)
                if last:
                    raise ChannelFailed(changed.message, changed.message_en) from changed
    raise AssertionError("unreachable")


class AddressDied(ChannelFailed):
    """The kept address of a next page is no address any more."""


def _all_pages(fetch: Fetch, progress: Progress) -> None:
    """Page after page to the file's end; what was fetched stays when a page fails for good."""
    with fetch.file.open("r+b" if fetch.file.exists() else "wb") as sink:
        sink.seek(progress.bytes)
        sink.truncate()
        while not progress.finished:
            with _page(fetch, progress) as (page, lines), lines.open("rb") as records:
                shutil.copyfileobj(records, sink, 1 << 20)
            sink.flush()
            os.fsync(sink.fileno())
            progress.newest = newer(progress.newest, page.newest)
            progress.bytes, progress.records = sink.tell(), progress.records + page.records
            progress.last, progress.last_page, progress.digest = progress.url, progress.page, page.digest
            _advance(fetch.endpoint, progress, page)
            progress.keep(fetch.state)
    if progress.total is not None and progress.total != progress.records:
        raise _miscounted(progress)


def _goes_on(fetch: Fetch, progress: Progress) -> bool:
    """Whether the last page that came before the break is still the same: rows before the next one have not moved."""
    if progress.finished or not progress.digest:
        return progress.finished
    before = Progress(progress.last, progress.last_page, since=progress.since, records=progress.records)
    try:
        with _page(fetch, before) as (page, _lines):
            return page.digest == progress.digest and page.total == progress.total
    except AddressDied:
        return False


@contextmanager
def _page(fetch: Fetch, progress: Progress) -> Iterator[tuple[Read, Path]]:
    """One page, opened in a process of its own, and the file of its records; broken on the way, it is asked for once more."""
    packed, lines = fetch.folder / "page.packed", fetch.folder / "page.ndjson"
    try:
        try:
            read = _opened(fetch, progress, packed, lines)
        except PageBroken:
            read = _opened(fetch, progress, packed, lines)
        yield read, lines
    except NoPage as trouble:
        raise ChannelFailed(
            f"{progress.url} 第 {progress.page} 页无法读取：{trouble.message}。",
            f"Page {progress.page} of {progress.url} cannot be read: {trouble.message_en}.",
        ) from trouble
    except CannotBeRead as trouble:
        raise ChannelFailed(
            f"{progress.url} 第 {progress.page} 页无法读取：{trouble.why[0]}；请让接口把页分小，或与提供方核对。",
            f"Page {progress.page} of {progress.url} cannot be read: {trouble.why[1]}. Have the endpoint send smaller pages, "
            "or look at it with the provider.",
        ) from trouble
    finally:
        _forget(packed, lines)


def _opened(fetch: Fetch, progress: Progress, packed: Path, lines: Path) -> Read:
    page, endpoint = _came(fetch, progress), fetch.endpoint
    packed.write_bytes(page.content)
    asked = Asked(
        endpoint.records, endpoint.next, endpoint.total, endpoint.since_item, endpoint.page_bytes, page.coding, page.media
    )
    name = f"{progress.url} #{progress.page}"
    read = files.page(packed, asked, lines, fetch.settings, name=name, seconds=fetch.source.left())
    fetch.source.unpacked(page, read.bytes)
    return read


def _came(fetch: Fetch, progress: Progress) -> Page:
    """One page as it came."""
    try:
        return fetch.source.page(progress.url, _query(fetch.endpoint, progress))
    except NotGot as trouble:
        following = bool(fetch.endpoint.next) and bool(progress.records)
        kind = AddressDied if following and trouble.status in (400, 404, 410, 422) else ChannelFailed
        raise kind(
            f"{progress.url} 第 {progress.page} 页未取到（{trouble.problem}）；"
            f"已取的 {progress.records} 条保留，下次从此页继续。",
            f"Page {progress.page} of {progress.url} was not got ({trouble.problem}); "
            f"the {progress.records} records before it are kept, the next run goes on from here.",
        ) from trouble


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


def _advance(endpoint: Endpoint, progress: Progress, page: Read) -> None:
    if progress.page == endpoint.first_page:
        progress.total = page.total
    elif page.total != progress.total:
        raise _miscounted(progress, page.total)
    if endpoint.next:
        address = _following(endpoint, progress, page.next) if page.next else ""
        progress.finished = not address or address == progress.url
        progress.url = address or progress.url
    else:
        full = page.total is not None and progress.records >= page.total
        progress.finished = full or not page.records or (0 < page.records < endpoint.page_size)
    progress.page += 1
    if progress.page > MAX_PAGES:
        raise ChannelFailed(
            f"{progress.url} 超过 {MAX_PAGES:,} 页仍未结束；请核对通道的分页设置。",
            f"{progress.url} has no end after {MAX_PAGES:,} pages; look at how the channel counts them.",
        )


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


def _anew(fetch: Fetch, since: Path) -> Progress:
    endpoint = fetch.endpoint
    _forget(fetch.file, fetch.state)
    known = since.read_text(encoding="utf-8") if endpoint.since and since.exists() else ""
    return Progress(endpoint.url, endpoint.first_page, endpoint.asked(), since=known)


def _token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelFailed(
            f"令牌文件 {path} 无法读取；请检查路径与权限。",
            f"The token's file {path} cannot be read; check its path and rights.",
        ) from error


def _miscounted(progress: Progress, later: int | None = None) -> ListChanged:
    if later is not None:
        return ListChanged(
            f"{progress.url} 的总数在收取途中由 {progress.total} 变为 {later}，未收取；请稍后再试。",
            f"The total of {progress.url} changed from {progress.total} to {later} under way; nothing was taken. Try later.",
        )
    return ListChanged(
        f"{progress.url} 称共 {progress.total} 条，实得 {progress.records} 条，未收取；请与提供方核对分页，"
        "或去掉通道中的 total（若它不是本列表的总数）。",
        f"{progress.url} says there are {progress.total} records, and {progress.records} came; nothing was taken. "
        "Look at its pages with the provider, or leave `total` out of the channel where it counts something else.",
    )


def _done(progress: Progress, file: Path, state: Path, since: Path) -> None:
    if progress.newest:
        since.write_text(progress.newest, encoding="utf-8")
    _forget(file, state)


def _forget(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)
