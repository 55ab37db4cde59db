"""Beside the requests the audit chain is sealed (where `hub work` stands still, a tail would stay so), old uploads removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from sqlalchemy.exc import IntegrityError

from catalog.audit import sealing, witness
from catalog.overview.standing import KEPT_AT_ONCE, keep
from catalog.store import database
from contracts.clock import today
from contracts.errors import HubError
from hub import comparison, job_runner, jobs, onboarding
from hub.hub import open_hub
from warehouse.serving import query_workers
from warehouse.settings import Settings

EVERY_SECONDS = 10.0
"""How often it is looked whether a seal is due (after twenty records or a minute)."""
TIDY_SECONDS = 3600.0
"""How often files that waited too long to become datasets are removed."""
log = logging.getLogger("hui.api")


def keep_standings(settings: Settings) -> None:
    """Reckon the standings of agreements of which something changed, so that pages read them."""
    more, many = KEPT_AT_ONCE, False
    while more == KEPT_AT_ONCE:
        with database.session(settings.catalog_database) as session:
            more = keep(session, today())
        many = many or more == KEPT_AT_ONCE
    if many:
        database.know_again(settings.catalog_database, "keptstanding")


def seal_when_due(settings: Settings) -> None:
    """Seal what is due, then tell the witness; that `hub work` was faster, that there is no key yet or no witness there, stops
    nobody from reading."""
    try:
        with suppress(IntegrityError), database.session(settings.catalog_database) as session:
            sealing.seal_when_due(session, settings.audit_key, settings.audit_head)
        named = witness.witness_of(settings.audit_witness, settings.audit_witness_key)
        if named is not None:
            with database.session(settings.catalog_database) as session:
                witness.tell(session, named)
    except HubError as error:
        log.warning("the audit chain: %s", error.message_en)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Beside the requests, from the server's start to its end."""
    settings: Settings = app.state.settings
    query_workers.start(settings)
    await asyncio.to_thread(job_runner.start, settings)
    tasks = [asyncio.create_task(_often(settings)), asyncio.create_task(_tidy(settings))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(job_runner.stop, settings)
        await asyncio.to_thread(query_workers.stop, settings)


async def _tidy(settings: Settings) -> None:
    while True:
        try:
            await asyncio.to_thread(_remove_left_files, settings)
        except Exception:
            log.exception("files that waited too long could not be removed")
        try:
            await asyncio.to_thread(comparison.compare_when_due, settings)
        except Exception:
            log.exception("lake and catalogue could not be compared")
        await asyncio.sleep(TIDY_SECONDS)


def _remove_left_files(settings: Settings) -> None:
    hub = open_hub(settings)
    onboarding.clean_up(hub)
    jobs.sweep(hub)


async def _often(settings: Settings) -> None:
    while True:
        try:
            await asyncio.to_thread(keep_standings, settings)
        except Exception:
            log.exception("the standings of agreements could not be reckoned")
        try:
            await asyncio.to_thread(seal_when_due, settings)
        except Exception:
            log.exception("the audit chain could not be sealed")
        await asyncio.sleep(EVERY_SECONDS)
