"""`hub demo`: a whole hub with a province's worth of data, made once, shown and served."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.terminal.language import said
from cli.terminal.screen import Screen
from contracts.errors import HubError

PORT = 8700


class RowsMissing(HubError):
    """Rows were received that are neither accepted nor in quarantine."""

    def __init__(self, datasets: list[str]) -> None:
        names = ", ".join(datasets)
        super().__init__(
            f"收到的行数与入库、隔离之和不符：{names}。请运行 hub doctor 并告知开发者。",
            f"Rows received are not rows accepted and quarantined: {names}. Run hub doctor and tell the developers.",
        )


def demo(
    scale: Annotated[float | None, typer.Option(help="Multiplies the rows; 1 is about 200,000.", min=0.01)] = None,
    serve: Annotated[bool, typer.Option(help="Serve it afterwards, with its schedules, until Ctrl-C.")] = True,
    port: Annotated[int, typer.Option(help="Port of portal and API.")] = PORT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    today: Annotated[str, typer.Option(hidden=True, help="The day it plays on, where it is made: the hub's.")] = "",
) -> None:
    """Make the demo in HUB_HOME and serve it: eight departments, a vendor and twelve cities by the three routes.

    Run again, it changes nothing and only serves. A HUB_HOME that is not a demo's is left alone.
    """
    os.environ.setdefault("HUB_ENVIRONMENT", "demo")
    os.environ.setdefault("HUB_PUBLIC_URL", f"http://127.0.0.1:{port}")
    from cli.share import readdress
    from demo import show
    from demo.kept import Kept, passphrase
    from demo.places import Places
    from demo.steps import STEPS, Demo, department_port, divisions, free_department_port
    from warehouse.settings import Settings

    settings, console = Settings(), Screen(stderr=as_json, width=None if sys.stdout.isatty() else 110)
    state = Kept.of(settings.root, scale, today)
    home = Demo(settings, state, state.plan(Places(divisions(settings))), state.secret("password", passphrase))
    department_port(home)
    for name, (chinese, step) in STEPS.items():
        if not state.done(name):
            began = time.perf_counter()
            with console.status(said(f"{chinese} …", f"{name} …")):
                step(home)
            state.finish(name, time.perf_counter() - began)
            console.print(f"  {said(chinese, name)} {state.seconds[name]:.1f} s", style="dim")
    readdress(home.plan.folder, settings.public_url)
    with home.session() as session:
        lines = show.lines(session)
    if as_json:
        typer.echo(show.as_json(lines, state.seconds))
    else:
        show.table(lines, console)
        show.steps(state.seconds, console)
        show.next_steps(settings.public_url, settings.root, home.password, console)
    if unequal := [line.dataset for line in lines if not line.reconciles]:
        raise RowsMissing(unequal)
    if serve:
        _serve(settings.root, port, free_department_port(home))


def _serve(home: Path, port: int, department: int) -> None:
    """Become the small process that starts the hub's two and ends them."""
    sys.stdout.flush()
    options = ["--port", str(port), "--home", str(home), "--department-port", str(department)]
    os.execv(sys.executable, [sys.executable, "-m", "demo.together", *options])  # noqa: S606 - ourselves, without a shell
