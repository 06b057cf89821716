"""The commands that only read: `show`, `report`, `export`, `explore`, `recover`. None of them loads torch."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterable, Sequence
from pathlib import Path

from hunch.cli import screen
from hunch.cli.arms import parse_claims
from hunch.errors import PlanError

REPORTS = (".html", ".htm", ".txt", ".json", ".png", ".svg")
"""How the name of a report may end."""


def show(study: str, *, json: bool) -> int:
    """`hunch show`."""
    from hunch.results import open as open_study

    opened = open_study(study)
    if json:
        screen.emit({"study": opened.to_json()})
    else:
        screen.verdicts(screen.answer(), opened.text())
    return 0


def report(studies: Sequence[str], output: str | None, *, chart: str | None, show: bool, json: bool) -> int:
    """`hunch report`."""
    ending = "html" if chart is None else "png"
    page = output or f"{Path(studies[0]).stem if len(studies) == 1 else 'overview'}.{ending}"
    if len(studies) > 1:
        if chart is not None:
            raise PlanError(
                f"--chart {chart} names a picture of one study, and {len(studies)} were given. Name one study, or "
                "leave --chart out for a page over all.",
                "cli-report-chart",
            )
        from hunch.results import overview

        screen.check_page(page)
        overview(studies, page)
    else:
        from hunch.results import open as open_study

        screen.check_page(page, REPORTS)
        opened = open_study(studies[0])
        if chart is None:
            opened.report(page)
        else:
            from hunch.results import Study

            if not isinstance(opened, Study):
                raise PlanError(
                    f"--chart names a picture of a study that compares arms, and {studies[0]} holds a "
                    f"{type(opened).__name__}. Leave --chart out, and end -o in .png or .svg.",
                    "cli-report-chart",
                )
            opened.report(page, chart=chart)
    place = Path(page).resolve()
    opened_in = webbrowser.open(place.as_uri()) if show else False
    if json:
        told = {"report": page, "store": studies[0] if len(studies) == 1 else list(studies)}
        screen.emit(told | ({"opened": opened_in} if show else {}))
        return 0
    screen.item(screen.answer(), "report", str(place), width=10)
    if show and not opened_in:
        screen.paragraph(
            screen.aside(), "No browser could be started here; open the file yourself.", style="yellow"
        )
    return 0


def export(study: str, *, to: str, out: str | None, what: str | None, stage: str | None, json: bool) -> int:
    """`hunch export`."""
    from hunch.results import open as open_study

    place = out or _export_place(Path(study), to, what)
    written = open_study(study).export(place, to=to, what=what, stage=stage)
    if json:
        screen.emit({"export": place, "to": to, "store": study})
    else:
        shown = place if "://" in place else str(written.resolve())
        screen.item(screen.answer(), "exported", shown, width=10)
    return 0


def _export_place(study: Path, to: str, what: str | None) -> str:
    """Where an export goes if nothing is said: here, called like the study."""
    if to == "mlflow":
        return "mlflow.db"
    if to == "tensorboard":
        return f"{study.stem}-tensorboard"
    return f"{study.stem}{'' if what in (None, 'runs') else f'-{what}'}.{to}"


def explore(
    study: str, claims: Iterable[str], *, target: float | None, alpha: float | None, json: bool
) -> int:
    """`hunch explore`."""
    from hunch.results import Study
    from hunch.results import open as open_study

    opened = open_study(study)
    if not isinstance(opened, Study):
        raise PlanError(
            f"{study} holds a dose-response curve; claims can be asked of a study that compares arms. `hunch show "
            f"{study}` prints the curve.",
            "cli-explore-curve",
        )
    found = opened.explore(parse_claims(claims), target=target, alpha=alpha)
    if json:
        screen.emit({"exploration": found.to_json()})
    else:
        screen.verdicts(screen.answer(), str(found))
    return 0


def recover(damaged: str, output: str, *, json: bool) -> int:
    """`hunch recover`."""
    from hunch.traces import recover

    done = recover(damaged, output)
    if json:
        told = {"store": str(done.out), "saved": done.saved, "lost": done.lost, "is_frozen": done.is_frozen}
        screen.emit(told)
    else:
        screen.paragraph(screen.answer(), str(done))
    return 0
