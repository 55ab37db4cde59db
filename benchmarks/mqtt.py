"""`mqtt`: messages a second from devices to landing, each acknowledged once its receipt is committed; and what is in the lake.

Devices publish as fast as a Mosquitto takes it (QoS 1, kept on disk), while the hub collects: broker, devices and hub share
the machine. First undisturbed. Then the collector is killed (kill -9) and started again, and the broker is stopped and
started again while its queue is long: afterwards every reading is in the lake, and none twice. Seconds are from the first
message published to the last one acknowledged. Loading is measured apart. `python -m benchmarks.mqtt [--messages 300000]`
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
from sqlmodel import select

from catalog.deliveries.batches import Batch
from catalog.entries import contracts as registry
from catalog.identity.organizations import Organization
from contracts.clock import machine
from contracts.odcs import loader
from hub import sources
from hub.hub import Hub, open_hub
from orchestration.collect import collect
from orchestration.load import Loading
from orchestration.rounds import Round
from tests import homes
from tests.agreeing import flat
from tests.servers import Mosquitto, publish
from warehouse.settings import Settings
from warehouse.storage.connection import reader

AIM = 20_000
"""Messages a second on two cores (issue 9)."""
DEVICES = 400
HERE = Path(__file__).resolve().parent.parent
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: urn:hui:dataset:reading
name: 传感器读数
version: 1.0.0
status: active
tenant: hlj-water
description: {purpose: 测速}
schema:
- name: reading
  physicalName: reading
  logicalType: object
  properties:
  - {name: device, businessName: 设备, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
  - {name: quantity, businessName: 监测量, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2}
  - {name: seq, businessName: 序号, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 3}
  - {name: observed_at, businessName: 监测时间, logicalType: timestamp, required: true}
  - {name: value, businessName: 值, logicalType: number}
customProperties:
- {property: delivery, value: changes}
- {property: library, value: resource}
- {property: route, value: request}
- {property: cycle, value: 实时}
- {property: classCode, value: "205001"}
- {property: sharingType, value: 1}
- {property: sharingUses, value: [工作参考]}
"""


def main() -> None:
    """Undisturbed, then killed and restarted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=300_000)
    parser.add_argument("--publish", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--collect", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish:
        send(*options.publish)
    elif options.collect:
        listen(Path(options.collect))
    else:
        missed = [undisturbed(options.messages), disturbed(options.messages)]
        if any(missed):
            sys.exit(1)


def undisturbed(messages: int) -> bool:
    """The rate; whether it is below the aim."""
    with standing(50_000) as (hub, broker):
        with collecting(hub) as collector:
            start = machine()
            wait_for(sending(broker, 0, messages))
            published = machine()
            done(hub, collector)
        cpu = (hub.settings.root / "cpu").read_text(), sum(psutil.Process(broker.process.pid).cpu_times()[:2])
        took, load = seconds(hub, start), time.perf_counter()
        rows, twice = loaded(hub)
        load = time.perf_counter() - load
        rate = messages / took
        print(
            f"undisturbed: {messages:,} messages in {took:.1f} s, {rate:,.0f}/s from device to acknowledgement "
            f"({deliveries(hub)} deliveries; published in {(published - start).total_seconds():.1f} s; CPU: hub {cpu[0]} s, "
            f"broker {cpu[1]:.1f} s); "
            f"loaded in {load:.1f} s, {messages / load:,.0f}/s  "
            f"{'meets' if rate >= AIM else 'MISSES'} ≥ {AIM:,}/s; in the lake {rows:,}, twice {twice}",
            flush=True,
        )
    return rate < AIM or rows != messages or twice > 0


def disturbed(messages: int) -> bool:
    """Killed by kill -9, and a broker restarted with a long queue; whether anything is lost or twice."""
    with standing(messages // 20) as (hub, broker):
        with collecting(hub) as collector:
            start = machine()
            first = sending(broker, 0, messages // 2)
            while deliveries(hub) < 2 and first.poll() is None:
                time.sleep(0.05)
            collector.send_signal(signal.SIGKILL)
            collector.wait()
            wait_for(first)
        with collecting(hub) as collector:
            while deliveries(hub) < 4:
                time.sleep(0.05)
            broker.stop()
            broker.start()
            wait_for(sending(broker, messages // 2, messages))
            done(hub, collector)
        took = seconds(hub, start)
        rows, twice = loaded(hub)
        print(
            f"killed, and the broker restarted: {messages:,} messages in {took:.1f} s, {messages / took:,.0f}/s; "
            f"in the lake {rows:,}, lost {messages - rows:,}, twice {twice}",
            flush=True,
        )
    return rows != messages or twice > 0


@contextmanager
def standing(batch: int) -> Iterator[tuple[Hub, Mosquitto]]:
    """A hub with an agreement about a broker's readings, whose session has begun."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with tempfile.TemporaryDirectory(prefix="hui-mqtt-") as folder:
        (place := Path(folder) / "broker").mkdir()
        broker = Mosquitto(program, place)
        settings = Settings(home=Path(folder) / "var", _env_file=None)  # type: ignore[call-arg]
        homes.empty(settings)
        hub = open_hub(settings)
        channel = {
            "kind": "mqtt",
            "url": f"mqtt://127.0.0.1:{broker.port}",
            "topics": ["water/+device/+quantity"],
            "batch": batch,
        }
        about = {"id": "XY-1", "route": "request", "dataset": "reading", "title": "读数", "purpose": "测速", "cycle": "实时"}
        with hub.session() as session:
            session.add(Organization(id="hlj-water", name="hlj-water", kind="department"))
            registry.register(session, loader.parse(CONTRACT), by="benchmark", origin="pack")
            session.add(flat(**about, provider_id="hlj-water", channel=channel, state="signed"))
        look(hub)
        try:
            yield hub, broker
        finally:
            broker.stop()


@contextmanager
def collecting(hub: Hub) -> Iterator[subprocess.Popen[bytes]]:
    """A process that collects until it is told that no more comes, and then until nothing is left."""
    (ready := hub.settings.root / "ready").unlink(missing_ok=True)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.mqtt", "--collect", str(hub.settings.root)], cwd=HERE)
    try:
        while not ready.exists():
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def listen(home: Path) -> None:
    """Collect, one look after the other."""
    hub = open_hub(Settings(home=home, _env_file=None))  # type: ignore[call-arg]
    (home / "ready").touch()
    while look(hub) or not (home / "over").exists():
        pass
    (home / "cpu").write_text(f"{time.process_time():.1f}")


def look(hub: Hub) -> int:
    """One collect; how many deliveries."""
    (agreed,) = sources.in_force(hub)["reading"]
    collected = collect(hub, agreed)
    if collected.failed:
        print(collected.notes, flush=True)
    return len(collected.news) or int(collected.failed)


def sending(broker: Mosquitto, start: int, end: int) -> subprocess.Popen[bytes]:
    """Devices that publish readings of these numbers."""
    command = [sys.executable, "-m", "benchmarks.mqtt", "--publish", str(broker.port), str(start), str(end)]
    return subprocess.Popen(command, cwd=HERE)


def send(port: int, start: int, end: int) -> None:
    """Publish these readings."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        publish(line, [reading(number) for number in range(start, end)])


def reading(number: int) -> tuple[str, bytes]:
    """A device's reading, 80 bytes."""
    at, value = f"2026-03-01T08:{number // 60 % 60:02d}:{number % 60:02d}+08:00", 20 + number % 7 / 10
    return (
        f"water/D{number % DEVICES:03d}/level",
        f'{{"seq": {number}, "observed_at": "{at}", "value": {value}}}'.encode(),
    )


def wait_for(process: subprocess.Popen[bytes]) -> None:
    """Until all is published."""
    if process.wait():
        raise RuntimeError("publishing failed")


def done(hub: Hub, collector: subprocess.Popen[bytes]) -> None:
    """Nothing more is published: until everything is received."""
    (hub.settings.root / "over").touch()
    if collector.wait():
        raise RuntimeError("collecting failed")


def deliveries(hub: Hub) -> int:
    """How many are received."""
    with hub.session() as session:
        return len(session.exec(select(Batch.id)).all())


def seconds(hub: Hub, start: datetime) -> float:
    """Until the last receipt; its messages are acknowledged milliseconds later."""
    with hub.session() as session:
        return (max(session.exec(select(Batch.received_at)).all()) - start).total_seconds()


def loaded(hub: Hub) -> tuple[int, int]:
    """Load what waits: readings in the lake, and rows that are there twice."""
    over = Round()
    over.begin({"reading": frozenset()}, [])
    over.end()
    for turn in Loading(hub, over, frozenset(["reading"])).run():
        if turn.trouble:
            raise RuntimeError(turn.trouble)
    with reader(hub.settings) as lake:
        counted = lake.execute(
            "SELECT count(DISTINCT seq), (SELECT count(*) FROM raw.reading) FROM resource.reading"
        ).fetchone()
    assert counted is not None
    return counted[0], counted[1] - counted[0]


if __name__ == "__main__":
    os.environ.pop("HUB_CRASH_AT", None)
    main()
