"""A department's HTTP JSON endpoint: pages are fetched by its account or token, retried, resumed where a fetch broke off."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import httpx

from channels.asking import Asker, NotGot, Page, asker
from channels.base import Channel, ChannelFailed, Glimpse, Source, shown
from channels.endpoint import HttpSettings
from channels.ports import Arrival, Landing, Readers, Received
from channels.progress import Progress, kept
from contracts.clock import now
from contracts.errors import HubError
from contracts.pages import NoPage, PageBroken, PageRead, PageRequest, newer

MAX_PAGES = 100_000


def _signed_in(endpoint: HttpSettings, source: Source) -> AbstractContextManager[Asker]:
    """A connection for one fetch, with what the endpoint wants to know of us."""
    return asker(endpoint.limits(source.seconds), endpoint.headers(source.home), endpoint.grant(source.home))


class ListChanged(HubError):
    """The source's list changed while its pages were being asked for: what came is not the list at any moment."""


class HttpChannel(Channel[HttpSettings]):
    """Everything the endpoint has, as one NDJSON file of its records."""

    kind = "http"
    title = ("HTTP 接口", "HTTP endpoint")
    settings_model = HttpSettings
    says_what_is_true_now = True

    @property
    def seconds(self) -> float:
        """As its settings say."""
        return self.settings.fetch_seconds

    def peek(self, limit: int) -> Glimpse:
        """The first records of the first page. A fetch that broke off is not touched."""
        self.source.folder.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="peek-", dir=self.source.folder) as folder,
            _signed_in(self.settings, self.source) as asking,
        ):
            fetch = Fetch(self.source.readers, self.settings, asking, Path(folder))
            with _page(fetch, _from_the_start(self.settings, "")) as (page, lines), lines.open("rb") as records:
                rows = [_shown(line) for line in islice(records, limit)]
        return Glimpse(tuple(rows), page.records > len(rows) or bool(page.next))

    def collect(self, landing: Landing) -> None:
        """All pages; nothing is given where there is no record. A fetch that broke off is gone on with."""
        self.source.folder.mkdir(parents=True, exist_ok=True)
        since = str(self.source.memory.read().get("since", "")) if self.settings.since else ""
        with _signed_in(self.settings, self.source) as asking:
            fetch = Fetch(self.source.readers, self.settings, asking, self.source.folder)
            progress = _fetched(fetch, since)
        if not progress.records:
            fetch.forget()
            return
        address = self.settings.url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]
        landing.receive(
            Arrival(
                fetch.file,
                f"{address or 'records'}-{now():%Y%m%dT%H%M%SZ}.ndjson",
                f"{progress.asked[:16]}|{progress.began}|{progress.records}|{progress.bytes}",
                {"since": progress.newest} if progress.newest else {},
                organization_id=self.source.organization_id,
            )
        )

    def acknowledge(self, received: Sequence[Received]) -> None:
        """The fetch is over: where the next one begins is remembered, its file goes."""
        super().acknowledge(received)
        if received:
            _forget(self.source.folder / "records.ndjson", self.source.folder / "progress.json")


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch of an endpoint: its connection, its files in `folder`, and where foreign bytes are opened."""

    readers: Readers
    endpoint: HttpSettings
    source: Asker
    folder: Path

    @property
    def file(self) -> Path:
        """All records so far, a line each."""
        return self.folder / "records.ndjson"

    @property
    def state(self) -> Path:
        """How far it has come; it lies beside its file, and means nothing without it."""
        return self.folder / "progress.json"

    def forget(self) -> None:
        """Begin anew the next time."""
        _forget(self.file, self.state)


def _fetched(fetch: Fetch, since: str) -> Progress:
    """The whole list. Where it changed under way it is asked for once more from its beginning, and then given up."""
    progress = kept(fetch.state, fetch.file, fetch.endpoint.asked())
    if progress is not None and _goes_on(fetch, progress):
        try:
            _all_pages(fetch, progress)
            return progress
        except (ListChanged, AddressDied):
            pass
    for last in (False, True):
        fetch.forget()
        progress = _from_the_start(fetch.endpoint, since)
        try:
            _all_pages(fetch, progress)
            return progress
        except ListChanged as changed:
            fetch.forget()
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
            progress.last_offset, progress.offset = progress.offset, progress.records
            _advance(fetch.endpoint, progress, page)
            progress.keep(fetch.state)
    if progress.total is not None and progress.total != progress.records:
        raise _miscounted(progress)


def _goes_on(fetch: Fetch, progress: Progress) -> bool:
    """Whether the last page that came before the break is still the same: rows before the next one have not moved."""
    if progress.finished or not progress.digest:
        return progress.finished
    before = Progress(progress.last, progress.last_page, since=progress.since, records=progress.records)
    before.offset = progress.last_offset
    try:
        with _page(fetch, before) as (page, _lines):
            return page.digest == progress.digest and page.total == progress.total
    except AddressDied:
        return False


@contextmanager
def _page(fetch: Fetch, progress: Progress) -> Iterator[tuple[PageRead, Path]]:
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
    finally:
        _forget(packed, lines)


def _opened(fetch: Fetch, progress: Progress, packed: Path, lines: Path) -> PageRead:
    page, endpoint = _came(fetch, progress), fetch.endpoint
    packed.write_bytes(page.content)
    request = PageRequest(
        endpoint.records, endpoint.next, endpoint.total, endpoint.since_item, endpoint.page_bytes, page.coding, page.media
    )
    name = f"{progress.url} #{progress.page}"
    read = fetch.readers.page(packed, request, lines, name=name, seconds=fetch.source.left())
    fetch.source.unpacked(page, read.bytes)
    return replace(read, next=page.following) if endpoint.link else read


def _came(fetch: Fetch, progress: Progress) -> Page:
    """One page as it came."""
    try:
        return fetch.source.page(progress.url, _query(fetch.endpoint, progress))
    except NotGot as trouble:
        following = fetch.endpoint.follows and bool(progress.records)
        kind = AddressDied if following and trouble.status in (400, 404, 410, 422) else ChannelFailed
        raise kind(
            f"{progress.url} 第 {progress.page} 页未取到（{trouble.problem}）；"
            f"已取的 {progress.records} 条保留，下次从此页继续。",
            f"Page {progress.page} of {progress.url} was not got ({trouble.problem}); "
            f"the {progress.records} records before it are kept, the next run goes on from here.",
        ) from trouble


def _query(endpoint: HttpSettings, progress: Progress) -> dict[str, str]:
    parameters: dict[str, str] = {}
    if endpoint.offset:
        parameters[endpoint.offset] = str(progress.offset)
    elif not endpoint.follows:
        parameters[endpoint.page] = str(progress.page)
    if endpoint.size and endpoint.page_size:
        parameters[endpoint.size] = str(endpoint.page_size)
    if endpoint.since and progress.since:
        parameters[endpoint.since] = progress.since
    # httpx drops an address's own query when it is given one; keep both.
    return dict(httpx.URL(progress.url).params) | parameters


def _advance(endpoint: HttpSettings, progress: Progress, page: PageRead) -> None:
    if progress.page == endpoint.first_page:
        progress.total = page.total
    elif page.total != progress.total:
        raise _miscounted(progress, page.total)
    if endpoint.follows:
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


def _following(endpoint: HttpSettings, progress: Progress, following: str) -> str:
    """Address of the next page; it must be on the same host, which is the one the token is for."""
    here = httpx.URL(progress.url)
    if endpoint.cursor and not endpoint.link:
        return str(here.copy_set_param(endpoint.cursor, following))
    there = here.join(following)
    if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
        raise ChannelFailed(
            f"{here.host} 把下一页指向了别的主机 {there.host}，不再继续。",
            f"{here.host} points to another host, {there.host}, for its next page; not followed.",
        )
    return str(there)


def _from_the_start(endpoint: HttpSettings, since: str) -> Progress:
    return Progress(endpoint.url, endpoint.first_page, endpoint.asked(), since=since if endpoint.since else "")


def _shown(line: bytes) -> dict[str, str]:
    """A record as a peek shows it."""
    record = json.loads(line)
    return shown(record if isinstance(record, dict) else {"value": record})


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


def _forget(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)
