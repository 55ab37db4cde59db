"""Packs of this hub: which are in use, which were, what each brought, by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import Json, UtcDateTime
from contracts.checks.formats import registry as formats
from contracts.checks.formats.declared import Declaration, DeclaredFormat
from contracts.clock import now
from contracts.errors import HubError
from contracts.packs.manifest import number

IN_USE, REPLACED, REMOVED = "in_use", "replaced", "removed"


class InstalledPack(SQLModel, table=True):
    """One version of a pack that was added; its files lie in HUB_HOME/packs/NAME-VERSION."""

    __tablename__ = "pack"

    name: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    sha256: str = Field(description="Of all its files")
    title: str
    title_en: str
    state: str = Field(default=IN_USE, index=True, description="in_use, replaced (by a newer version) or removed")
    manifest: dict[str, Any] = Field(default_factory=dict, sa_type=Json, description="pack.yaml")
    brings: dict[str, Any] = Field(default_factory=dict, sa_type=Json, description="Names of contracts, code lists, models …")
    added_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    added_by: str = ""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = ""

    @property
    def folder(self) -> str:
        """Name of its folder below HUB_HOME/packs."""
        return f"{self.name}-{self.version}"


class UnknownPack(HubError, KeyError):
    """No pack of that name is in use."""

    def __init__(self, name: str) -> None:
        HubError.__init__(
            self,
            f"没有安装包「{name}」；用 hub pack list 查看已安装的包。",
            f"No pack {name!r} is installed; see `hub pack list`.",
        )


class PackConflict(HubError):
    """A pack that does not go with those that are installed."""


def in_use(session: Session) -> Sequence[InstalledPack]:
    """Packs in use in the order in which they were first added: what they need stands before them."""
    known = history(session)
    since = {one.name: one.added_at for one in known}  # newest first: the oldest version's moment stays
    return sorted((one for one in known if one.state == IN_USE), key=lambda one: (since[one.name], one.name))


def history(session: Session) -> Sequence[InstalledPack]:
    """Every version of every pack, newest first."""
    query = select(InstalledPack).order_by(col(InstalledPack.added_at).desc(), col(InstalledPack.name))
    return session.exec(query).all()


def find(session: Session, name: str) -> InstalledPack | None:
    """The version of a pack that is in use."""
    query = select(InstalledPack).where(InstalledPack.name == name, InstalledPack.state == IN_USE)
    return session.exec(query).first()


def get(session: Session, name: str) -> InstalledPack:
    """The version of a pack that is in use. Errors: UnknownPack."""
    pack = find(session, name)
    if pack is None:
        raise UnknownPack(name)
    return pack


def needing(session: Session, name: str) -> list[str]:
    """Packs in use that need another one."""
    return [one.name for one in in_use(session) if name in one.manifest.get("requires", {})]


def words(session: Session) -> dict[str, str]:
    """The glossaries of all packs in use; a later pack's word stands in the place of an earlier one's."""
    return {word: english for pack in in_use(session) for word, english in pack.brings.get("words", {}).items()}


def make_formats_known(session: Session) -> None:
    """The domain formats of packs; of one that is no more in use, too, for contracts that name it stay readable."""
    known = sorted(history(session), key=lambda pack: (pack.state == IN_USE, pack.added_at))
    brought = [one for pack in known for one in pack.brings.get("formats", [])]
    formats.declare(DeclaredFormat(Declaration.model_validate(one)) for one in brought)


def put(session: Session, pack: InstalledPack) -> InstalledPack:
    """Take a version into use in the place of the one before; one that was removed comes back."""
    current = find(session, pack.name)
    if current is not None and current.version != pack.version:
        end(session, current, REPLACED, pack.added_by)
    existing = session.get(InstalledPack, (pack.name, pack.version))
    if existing is not None:
        session.delete(existing)
        session.flush()
    session.add(pack)
    session.flush()
    return pack


def end(session: Session, pack: InstalledPack, state: str, by: str) -> None:
    """Take a version out of use; its line stays."""
    pack.state, pack.ended_at, pack.ended_by = state, now(), by
    session.add(pack)
    session.flush()


def require_versions(session: Session, name: str, version: str, digest: str) -> bool:
    """Whether this very version is in use already. Errors: PackConflict for other bytes of it, or an older version."""
    kept = session.get(InstalledPack, (name, version))
    if kept is not None and kept.sha256 != digest:
        raise PackConflict(
            f"包 {name} {version} 已登记过，内容与这次的不同；请提高版本号。",
            f"Pack {name} {version} was added before with other contents; raise its version.",
        )
    current = find(session, name)
    if current is not None and number(current.version) > number(version):
        raise PackConflict(
            f"包 {name} 已是 {current.version}，比 {version} 新；包只能升级。",
            f"Pack {name} is at {current.version}, newer than {version}; packs only go forward.",
        )
    return kept is not None and kept.state == IN_USE


def require_needed(session: Session, needs: Mapping[str, str]) -> None:
    """Every pack that it needs is there, new enough. Errors: PackConflict."""
    for name, least in needs.items():
        pack = find(session, name)
        if pack is None or number(pack.version) < number(least):
            there = f"{name} {pack.version}" if pack else "—"
            raise PackConflict(
                f"需要包 {name}，版本不低于 {least}（现有：{there}）；请先安装它。",
                f"It needs the pack {name}, at least {least} (here: {there}); add that first.",
            )


def require_own_names(session: Session, name: str, brings: Mapping[str, Any]) -> None:
    """Nothing it brings has the name of what another pack brings; classes may be named by several. Errors: PackConflict."""
    for pack in in_use(session):
        for kind in ("contracts", "code_lists", "models"):
            shared = sorted(_names(brings, kind) & _names(pack.brings, kind)) if pack.name != name else []
            if shared:
                listed = ", ".join(shared)
                raise PackConflict(
                    f"与包 {pack.name} 重名（{kind}）：{listed}；请改名。",
                    f"The pack {pack.name} has the same names ({kind}): {listed}; rename them.",
                )


def _names(brings: Mapping[str, Any], kind: str) -> set[str]:
    names: Iterable[str] = brings.get(kind, ())
    return set(names)
