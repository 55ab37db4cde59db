"""HUB_HOME is its owner's, and no secret of the settings lies in a file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cli.doctor import examine
from cli.init import prepare
from orchestration import dbt
from warehouse.settings import Settings
from warehouse.storage import connection


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def home_finding(settings: Settings) -> str:
    return next(one.state for one in examine(settings) if one.name == "home")


@pytest.mark.parametrize("before", [None, 0o755, 0o750])
def test_init_closes_the_home(settings: Settings, before: int | None) -> None:
    if before is not None:
        settings.root.mkdir(parents=True)
        settings.root.chmod(before)
    prepare(settings)
    connection.forget(settings)
    assert mode(settings.root) == (0o700 if before is None else 0o750)
    assert not mode(settings.root / "catalog.db") & 0o077
    assert home_finding(settings) == "good"
    settings.root.chmod(0o755)
    assert home_finding(settings) == "bad"


def test_the_profile_of_dbt_holds_no_password(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(dbt.SECRET, raising=False)
    open_settings = settings.model_copy(update={"lake_catalog": "host=db user=hub password=geheim"})
    dbt._arguments(open_settings)
    path = dbt.workplace(open_settings) / "profiles.yml"
    assert "geheim" not in path.read_text()
    assert json.loads(path.read_text())["hui"]["outputs"]["lake"]["attach"][0]["path"] == "{{ env_var('DBT_ENV_SECRET_LAKE') }}"
    assert mode(path) == 0o600
