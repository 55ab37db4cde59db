"""What a channel is: settings that are checked when they are saved, a peek, a collect, an acknowledgement."""

from __future__ import annotations

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from channels.ports import Landing, Memory, Readers, Received
from channels.settling import Settling
from contracts.errors import HubError

_BATCH_ID = re.compile(r"(?<!\d)(\d{8}-\d{4,})(?!\d)")
LONGEST_SHOWN = 200
"""Characters of a value that a peek shows."""
COLLECT_SECONDS = 600.0
"""How long one collect may take where its settings do not say."""


class ChannelFailed(HubError):
    """A channel could not be read; nothing was taken from it."""


class OutOfTime(ChannelFailed):
    """The run had no time left to ask this source."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"本次运行的收取时间 {seconds:.0f} 秒已用满，此来源留待下次（HUB_RUN_FETCH_SECONDS 可调）。",
            f"This run has collected for its {seconds:.0f} s; this source is for the next run "
            "(HUB_RUN_FETCH_SECONDS sets the limit).",
        )


class TimeUp(ChannelFailed):
    """A fetch had all of its time and did not come to an end."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"一次收取超过 {seconds:.0f} 秒，到此为止；已取的保留，下次继续（通道 fetch_seconds 可调）。",
            f"The fetch took more than {seconds:.0f} s and ends here; what came is kept, the next run goes on "
            "(fetch_seconds in the channel sets the limit).",
        )


class Unexpected(HubError):
    """Something that nobody thought of went wrong with a channel; its inner words are for the log."""

    def __init__(self, error: Exception) -> None:
        kind = type(error).__name__
        super().__init__(
            f"意外错误（{kind}），本通道本次未收取；详情见运行日志，请联系管理员。",
            f"An unexpected error ({kind}); nothing more was taken from this channel. "
            "The run's log has the details, tell the administrator.",
        )


def variable(name: str) -> str:
    """The name of an environment variable that holds a secret, checked. ValueError, in both languages."""
    if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("应为环境变量的名称，不是令牌本身 / must name an environment variable, it is not the token itself")
    return name


class ChannelSettings(BaseModel):
    """Settings of one channel of an agreement. Secrets are named (`token_env`, `token_file`), never held."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def origin(self) -> tuple[str, str]:
        """Namespace and name of what lies outside the hub, as OpenLineage calls them; "" where the sender's files are it."""
        return "", ""


class PasswordSettings(ChannelSettings):
    """Where the password of an account is."""

    password_env: Annotated[str, AfterValidator(variable)] = ""
    password_file: str = ""

    def password(self, home: Path) -> str:
        """From the environment or a file (a relative one below `home`), never from the catalogue; "" where none is named."""
        if not (self.password_env or self.password_file):
            return ""
        found = os.environ.get(self.password_env, "") if self.password_env else ""
        if not found and self.password_file:
            found = secret_file(home, self.password_file).strip("\r\n")
        if not found:
            where = self.password_env or self.password_file
            raise ChannelFailed(f"没有口令：请在 {where} 中给出。", f"There is no password: give it in {where}.")
        return found


class TokenSettings(ChannelSettings):
    """Where a token is."""

    token_env: Annotated[str, AfterValidator(variable)] = ""
    token_file: str = ""

    def token(self, home: Path) -> str:
        """From the environment or a file (a relative one below `home`), never from the catalogue; "" where none is named."""
        if not (self.token_env or self.token_file):
            return ""
        found = os.environ.get(self.token_env, "") if self.token_env else ""
        if not found and self.token_file:
            found = secret_file(home, self.token_file).strip()
        if not found:
            where = self.token_env or self.token_file
            raise ChannelFailed(f"没有访问令牌：请在 {where} 中给出。", f"There is no token: give it in {where}.")
        return found


def secret_file(home: Path, name: str) -> str:
    """The text of a file that holds a secret; a relative one lies below `home`. Errors: ChannelFailed."""
    path = home / Path(name).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelFailed(
            f"口令、令牌或密钥的文件 {path} 无法读取；请检查路径与权限。",
            f"The file {path} of a password, token or key cannot be read; check its path and rights.",
        ) from error


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a channel shows without giving it: the first rows, or a listing of what lies there."""

    entries: Sequence[Mapping[str, str]] = ()
    more: bool = False
    """Whether there is more than is shown."""


@dataclass(frozen=True)
class Source:
    """What a channel is told of the agreement it serves."""

    agreement_id: str
    dataset: str
    home: Path
    """Where relative paths start."""
    folder: Path
    """The channel's own folder, for what is fetched by halves."""
    memory: Memory
    readers: Readers
    organization_id: str | None = None
    agencies: frozenset[str] = frozenset()
    settling: Settling = field(default_factory=Settling)
    seconds: float = float("inf")
    """Seconds that are left in the run."""
    takes_whole: Callable[[], bool] = lambda: False
    """Whether the dataset's contract takes each delivery for the whole table, and removes what is not in it."""


Given = TypeVar("Given", bound=ChannelSettings)


class Channel(ABC, Generic[Given]):
    """One agreement's channel, open. A kind is a class of these; `channels.registry` knows all."""

    kind: ClassVar[str]
    title: ClassVar[tuple[str, str]]
    settings_model: ClassVar[type[ChannelSettings]]
    routes: ClassVar[tuple[str, ...]] = ("request", "buy")
    """Routes that may use it."""
    says_what_is_true_now: ClassVar[bool] = False
    """An endpoint may say again what was true before; a file as it was made does not, so an older one raises a question."""
    listens: ClassVar[bool] = False
    """Whether it takes what comes while it is asked: such a one is asked anew whenever a look has ended."""
    remote: ClassVar[bool] = True
    """Whether collecting asks somebody else, who may be slow: such a one counts against the run's time."""

    def __init__(self, settings: Given, source: Source) -> None:
        self.settings, self.source = settings, source

    @abstractmethod
    def peek(self, limit: int) -> Glimpse:
        """The first rows, or a listing, at most `limit`; nothing is taken and nothing remembered. Errors: ChannelFailed."""

    @abstractmethod
    def collect(self, landing: Landing) -> None:
        """Give landing whatever is new, one arrival after the other. Errors: ChannelFailed, where the source cannot be read;
        what was received before stays received."""

    def acknowledge(self, received: Sequence[Received]) -> None:
        """These are received for good, their receipts committed: remember them, or tell the source so."""
        changes = {key: value for one in received for key, value in one.arrival.remember.items()}
        if changes:
            self.source.memory.write(changes)

    @property
    def seconds(self) -> float:
        """How long one collect may take; the hub gives a source up that takes longer."""
        return COLLECT_SECONDS

    @property
    def watched(self) -> bool:
        """Whether `waiting` knows of all that is new, so that nothing waiting means no news and no attempt."""
        return False

    def waiting(self) -> list[Path]:
        """Files that wait, finished or not. Cheap: for a sensor's look; a source elsewhere is asked by its schedule."""
        return []

    def passed_over(self) -> list[tuple[Path, str, str]]:
        """What lies there and will never be taken, each with why, in Chinese and English."""
        return []


def listed(value: object) -> tuple[str, ...]:
    """A setting of several names, also as somebody types it in: with commas. ValueError, in both languages."""
    names = [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not all(isinstance(name, str) and name for name in names):
        raise ValueError("应为名称，以逗号分隔 / must be names, comma-separated")
    return tuple(names)


def shown(record: Mapping[Any, Any]) -> dict[str, str]:
    """A record as a peek shows it: names and values as text, cut where they are long."""
    return {str(name)[:LONGEST_SHOWN]: _text(value) for name, value in record.items()}


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()[:LONGEST_SHOWN]


def corrected_batch(filename: str) -> str | None:
    """Identifier of the batch that a corrected file names in its own name, as the quarantine's export does."""
    match = _BATCH_ID.search(filename)
    return match.group(1) if match else None


def remembered_name(name: str) -> str:
    """A file's name as memory and marks hold it: bytes that are no UTF-8 are told apart, and any database can keep it."""
    return name.replace("\\", "\\\\").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def remembered(memory: Mapping[str, Any], name: str, look: Sequence[Any]) -> bool:
    """Whether a file was taken before as it looks now; a changed file is a new one."""
    return bool(memory.get(f"file:{remembered_name(name)}", [])[: len(look)] == list(look))


def as_taken(name: str, look: Sequence[Any]) -> dict[str, Any]:
    """What memory holds of a file that was taken."""
    return {f"file:{remembered_name(name)}": list(look)}


def file_mark(name: str, look: Sequence[Any]) -> str:
    """A file in its very state: name, size, time of change, and its tag where it has one."""
    return "|".join(map(str, [remembered_name(name), *look]))
