"""The demo's steps in order. Each can be done again without harm; a finished one is never repeated."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path

from sqlmodel import Session, select

from catalog import workdays
from catalog.acquisition import periods
from catalog.audit import sealing
from catalog.deliveries.batches import Batch
from catalog.entries import codes
from catalog.entries import contracts as registry
from catalog.identity.people import Person
from catalog.store import database
from cli import init
from contracts.checks.code_lists import Lists, needed
from contracts.errors import HubError
from demo import (
    access,
    agencies,
    civil,
    department,
    earthquake,
    forestry,
    market,
    natural,
    organizations,
    power,
    releasing,
    transport,
    water,
    weather,
)
from demo import agreements as agreed
from demo.kept import Kept, token
from demo.plan import Handed, Plan, read_manifest, write_manifest
from hub import packs
from hub.hub import Hub, open_hub
from hub.packs import AddPack
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "packs" / "emergency"
DEPARTMENTS = (civil, market, earthquake, natural, forestry, water, weather, transport, power)
DEPARTMENT_PORT = 8790


class JobFailed(HubError):
    """A Dagster job of the demo did not succeed."""


@dataclass
class Demo:
    """What every step works with."""

    settings: Settings
    kept: Kept
    plan: Plan
    password: str
    dues: list[tuple[str, date]] = field(default_factory=list)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction on the catalogue."""
        with database.session(self.settings.catalog_database) as session:
            yield session

    @property
    def hub(self) -> Hub:
        """The hub for acts; its channels may watch the demo's own folder."""
        return open_hub(self.settings.model_copy(update={"inboxes": str(self.plan.folder.resolve())}))

    @property
    def people(self) -> Mapping[str, Person]:
        """Who signs in, by login."""
        with self.session() as session:
            return {person.login: person for person in session.exec(select(Person))}

    @property
    def manifest(self) -> Path:
        """The list of everything handed over."""
        return self.plan.folder / "handed.json"

    def handed(self, step: str) -> list[Handed]:
        """What was handed over for a step."""
        return [handed for handed in read_manifest(self.manifest) if handed.step == step]


def prepare(demo: Demo) -> None:
    """HUB_HOME, organizations, people and the pack."""
    own = next(iter(organizations.all_organizations(demo.plan.places)))
    init.prepare(demo.settings, own, named=True, divisions=demo.plan.places.folder)
    with demo.session() as session:
        organizations.introduce(session, demo.plan.places, demo.password)
    packs.add(demo.hub, releasing.PLAYER, AddPack(file=PACK))


def agree(demo: Demo) -> None:
    """Agreements under which data comes, and needs on their way."""
    port = demo.kept.told["department_port"]
    address, secret = f"http://127.0.0.1:{port}", str(demo.plan.folder.resolve() / "department-token")
    with demo.session() as session:
        ways = [*agreed.in_force(session, demo.plan, address, secret), *agreed.on_their_way(session, demo.plan)]
    for way in ways:
        agreed.play(demo.hub, way)


def write_files(demo: Demo) -> None:
    """What the departments, the vendor and the cities (for earlier periods) hand over first."""
    handed = [files for module in DEPARTMENTS for files in module.write(demo.plan)]
    handed += agencies.write_history(demo.plan, _collection(demo))
    write_manifest(demo.manifest, handed)


def _collection(demo: Demo) -> agencies.Collection:
    with demo.session() as session:
        contract = registry.active(session, agencies.DATASET)
        lists = {name: codes.values(session, name) for name in needed(contract)}
        return agencies.Collection(contract, Lists(lists), _dues(session, demo.plan))


def _dues(session: Session, plan: Plan) -> list[tuple[str, date]]:
    """The last twelve months (few at a small scale) whose reports were due three days ago or earlier."""
    calendar = workdays.calendar(session)
    dues = [(name, periods.due(calendar, name, 5, 0)) for name in periods.last_periods("month", plan.today, 13)]
    due = [(name, day) for name, day in dues if day + timedelta(days=3) <= plan.today]
    return due[-plan.periods :]


def request(demo: Demo) -> None:
    """Route 要: nine datasets from eight departments, by folder and by interface."""
    run(demo, "request")


def buy(demo: Demo) -> None:
    """Route 买: the vendor's readings, metered."""
    run(demo, "buy")


def collect(demo: Demo) -> None:
    """Route 采: earlier periods of the twelve cities."""
    run(demo, "collect")


def publish_first(demo: Demo) -> None:
    """Version 1 of every dataset."""
    with demo.session() as session:
        names = registry.datasets(session)
    for name in names:
        releasing.publish(demo.settings, name, "首次发布")


def hand_over_more(demo: Demo) -> None:
    """Later deliveries: changes, a mended file, an interrupted export, a drill sent by mistake, the period now due."""
    later = agencies.write_now(demo.plan, _collection(demo))
    known = [handed for handed in read_manifest(demo.manifest) if handed not in later]
    write_manifest(demo.manifest, [*known, *later])
    for handed in known:
        if handed.path.startswith("later/"):
            name = Path(handed.path).name
            if handed.step == "mended":
                name = f"{Path(name).stem}_{_first_batch(demo, handed.dataset)}{Path(name).suffix}"
            shutil.copyfile(demo.plan.folder / handed.path, demo.plan.drop(handed.organization, handed.dataset, name))
    department.advance(demo.plan.pages, earthquake.DATASET, "second")


def _first_batch(demo: Demo, dataset: str) -> str:
    with demo.session() as session:
        statement = select(Batch.id).where(Batch.dataset == dataset, Batch.state == "partial").order_by(Batch.id)
        return session.exec(statement).first() or ""


def again(demo: Demo) -> None:
    """The routes once more, for what came since."""
    run(demo, "request")
    run(demo, "collect")


def models(demo: Demo) -> None:
    """Themes and topics."""
    run(demo, "models")


def take_back(demo: Demo) -> None:
    """The warnings of a drill went out as version 2: recalled, the batch undone, version 3 is right."""
    releasing.publish(demo.settings, weather.DATASET, "月度更新")
    with demo.session() as session:
        statement = select(Batch.id).where(Batch.dataset == weather.DATASET, Batch.filename == "warning_drill.ndjson.gz")
        drill = session.exec(statement).one()
    releasing.recall(demo.settings, weather.DATASET, 2, "误将演练预警作为正式预警发布")
    releasing.take_back(demo.settings, drill, "演练数据误送")
    releasing.publish(demo.settings, weather.DATASET, "撤销演练数据后重新发布")


def publish_second(demo: Demo) -> None:
    """Version 2 of what changed, version 1 of themes and topics."""
    for name in (market.DATASET, earthquake.DATASET, agencies.DATASET):
        releasing.publish(demo.settings, name, "月度更新")
    for name in releasing.derived(demo.settings):
        releasing.publish(demo.settings, name, "首次发布")


def share(demo: Demo) -> None:
    """Grants, keys and Delta Sharing profiles; the audit chain sealed."""
    people = demo.people
    with demo.session() as session:
        access.give(session)
        access.profiles(session, demo.plan.folder, demo.settings.public_url, people)
    with demo.session() as session:
        sealing.seal(session, demo.settings.audit_key, demo.settings.audit_head)


STEPS: dict[str, tuple[str, Callable[[Demo], None]]] = {
    "init": ("初始化与契约", prepare),
    "agree": ("协议", agree),
    "files": ("各单位报送", write_files),
    "request": ("要", request),
    "buy": ("买", buy),
    "collect": ("采", collect),
    "v1": ("首版", publish_first),
    "more": ("后续报送", hand_over_more),
    "again": ("再次运行", again),
    "recall": ("召回与撤销", take_back),
    "models": ("模型", models),
    "v2": ("二版", publish_second),
    "share": ("授权与密钥", share),
}
"""Name, name in Chinese, and what is done."""


def run(demo: Demo, job: str) -> None:
    """One Dagster job in this process, with the department's server beside it."""
    from orchestration.execute import execute

    server = department.serve_beside(demo.plan.pages, demo.kept.secret("department-token", token), department_port(demo))
    try:
        move_department(demo, server.server_port)
        for done in execute(demo.settings, (job,)):
            if not done.success:
                outcome = "；".join(done.problems) or done.run_id
                raise JobFailed(f"作业 {job} 未成功：{outcome}", f"The job {job} failed: {outcome}")
    finally:
        server.shutdown()
        server.server_close()


def divisions(settings: Settings) -> Path:
    """Where the divisions of China are read from."""
    return init.divisions_folder(settings)


def department_port(demo: Demo) -> int:
    """The port of the department's interface, chosen once: the agreements name it."""
    if "department_port" not in demo.kept.told:
        probe: ThreadingHTTPServer = department.open_server(demo.plan.pages, "", DEPARTMENT_PORT)
        demo.kept.note("department_port", probe.server_port)
        probe.server_close()
    return int(demo.kept.told["department_port"])


def move_department(demo: Demo, port: int) -> None:
    """Tell the agreements another port, where the one they name is taken by somebody else's program."""
    before = department_port(demo)
    if port == before:
        return
    agreed.move(demo.hub, before, port)
    demo.kept.note("department_port", port)


def free_department_port(demo: Demo) -> int:
    """The port of the department's interface, moved where it is taken."""
    probe = department.open_server(demo.plan.pages, "", department_port(demo))
    probe.server_close()
    move_department(demo, probe.server_port)
    return probe.server_port
