"""Versions: only of entries that were reviewed and published."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.identity.people import local_subject
from catalog.releases import releases
from catalog.store import database
from contracts.odcs import loader
from hub.hub import open_hub
from hub.releases import Publish, publish
from tests.sharing import CONTRACT
from warehouse.settings import Settings


@pytest.mark.parametrize("state", ["draft", "registered", "withdrawn"])
def test_an_entry_that_is_not_published_has_no_versions(state: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "var", _env_file=None)  # type: ignore[call-arg]
    settings.root.mkdir(parents=True)
    database.migrate(settings.catalog_database)
    contract = loader.parse(CONTRACT.format(dataset="hazard", title="隐患", owner="owner", sharing=2, route="collect"))
    with database.session(settings.catalog_database) as session:
        organizations.add(session, Organization(id="owner", name="提供方", kind="department"))
        registry.register(session, contract, by="test", origin="onboard", state="draft")
        resources.get(session, "hazard").state = state
    with pytest.raises(releases.UnpublishedEntry, match="共享用途") as refused:
        publish(open_hub(settings), local_subject("test"), Publish(resource="hazard"))
    assert f"not published ({state}) and lacks class code, sharing uses" in refused.value.said("en")
    with database.session(settings.catalog_database) as session:
        entry = resources.get(session, "hazard")
        with pytest.raises(releases.UnpublishedEntry):
            releases.record(session, entry, snapshot=1, columns=[], rows=1)
        assert releases.listed(session, entry) == []
