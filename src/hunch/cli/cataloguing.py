"""The catalogue as a whole: `list`, and `test --all`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hunch.catalogue import Hunch, families, find, hunches
from hunch.cli import screen
from hunch.cli.failures import StoppedError
from hunch.cli.loading import load_build
from hunch.cli.training import Output, asked_of

if TYPE_CHECKING:
    from hunch.results import HunchAnswers

UNDER_STRICT = 1


class WrongUseError(Exception):
    """A mistake in the command line that only shows once all of it is read; told like those that typer finds."""

    ctx = SimpleNamespace(command_path="hunch test")

    def format_message(self) -> str:
        """What is wrong."""
        return str(self)


def show_catalogue(name: str | None, *, long: bool, json: bool) -> int:
    """`hunch list`: a line a hunch, by family; of one hunch, or with `long` of every one, all of it."""
    shown = hunches() if name is None else (find(name),)
    if json:
        screen.emit({"hunches": [hunch.to_json() for hunch in shown]})
        return 0
    if name is None and not long:
        _overview()
        return 0
    for hunch in shown:
        _details(hunch)
    screen.paragraph(screen.answer(), f"Test one: hunch test {shown[0].name}")
    return 0


def _overview() -> None:
    console = screen.answer()
    for family, members in families().items():
        console.print(f"About {family}:" if family != "together" else "Together:", style="bold")
        for hunch in members:
            screen.paragraph(console, f"{hunch.name}: {hunch.statement}", indent="  ", hanging="      ")
        console.print()
    first = hunches()[0].name
    screen.paragraph(
        console,
        f"All about one: hunch list {first}. Test one: hunch test {first}. Test all: hunch test --all --quick",
    )


def _details(hunch: Hunch) -> None:
    console = screen.answer()
    console.print(hunch.name, style="bold")
    screen.paragraph(console, hunch.statement, indent="  ")
    screen.item(console, "said by", hunch.source)
    screen.item(console, "holds", hunch.holds)
    screen.item(console, "fails", hunch.fails)
    seeds = "as many seeds as the verdict needs" if hunch.seeds is None else f"{hunch.seeds} seeds"
    if hunch.regimes:
        for k, regime in enumerate(hunch.regimes):
            screen.item(console, "regimes" if k == 0 else "", f"{regime.name}: {regime.network}")
        screen.item(console, "plan", f"digits; {seeds} in each regime")
    else:
        arms = ", ".join(arm.name for arm in hunch.arms)
        screen.item(console, "plan", f"{hunch.network}, digits; {arms}; {seeds}")
    screen.item(console, "quick", _quick(hunch))
    for label, text in asked_of(hunch):
        screen.item(console, label, text)
    console.print()


def _quick(hunch: Hunch) -> str:
    """What the quick plan does otherwise."""
    quick = hunch.quickly()
    parts = [f"{quick.seeds} seeds"]
    if quick.budget != hunch.budget:
        parts.append(f"{quick.budget:,} iterations" if quick.budget else "iterations as the pilot finds")
    if len(quick.regimes) < len(hunch.regimes):
        parts.append(f"only {' and '.join(regime.name for regime in quick.regimes)}")
    if quick.tuning != hunch.tuning:
        parts.append(f"rates tuned {quick.tuning}")
    return "; ".join(parts)


def test_all(
    *, net: str | None, data: str | None, quick: bool, options: dict[str, Any], output: Output
) -> int:
    """`hunch test --all`."""
    screen.check_page(output.report)
    store = output.store or ("hunches-quick" if quick else "hunches")
    build = None
    if net:
        with screen.only_json(output.json):
            build = load_build(net)
    if not output.quiet:
        _introduce(net, data, quick, store)
    try:
        with screen.only_json(output.json), screen.plain_warnings():
            from hunch.study import test_all

            answers = test_all(
                build, data, quick=quick, progress=not output.quiet, **(options | {"store": store})
            )
            if output.report:
                answers.report(output.report)
    except KeyboardInterrupt:
        raise StoppedError(store) from None
    if output.json:
        screen.emit(answers.to_json() | {"report": output.report})
    else:
        _tell(answers, output.report, store)
    return UNDER_STRICT if output.strict and _is_open(answers) else 0


def _introduce(net: str | None, data: str | None, quick: bool, store: str) -> None:
    console = screen.aside()
    screen.paragraph(
        console, f"Every hunch of the catalogue, {len(hunches())} of them, one after another.", style="bold"
    )
    screen.item(console, "tested on", f"{net or 'the network of each'}; {data or 'the embedded digits'}")
    screen.item(console, "plans", "quick" if quick else "full, which takes hours; --quick takes minutes")
    screen.item(console, "stored in", f"{store}, a study file a hunch and regime; the same command goes on")
    console.print()


def _tell(answers: HunchAnswers, report: str | None, store: str) -> None:
    console = screen.answer()
    for line in str(answers).splitlines():
        console.print(line)
    console.print()
    if report:
        screen.item(console, "report", report, width=10)
    screen.item(console, "stored in", store, width=10)
    if not report:
        screen.paragraph(console, "In full: the same command with --report FILE, which trains nothing again.")


def _is_open(answers: HunchAnswers) -> bool:
    """Whether some hunch does not hold."""
    from hunch.evidence import HOLDS

    return any(one.answer.summary.word != HOLDS for one in answers.tested)


def check_use(name: str | None, every: bool) -> None:
    """Refuse a command line that names no hunch, or one and all.

    Raises:
        WrongUseError: If so.
    """
    if name is None and not every:
        raise WrongUseError(
            "Missing argument 'NAME': which hunch? `hunch list` shows them; --all tests every one"
        )
    if name is not None and every:
        raise WrongUseError(f"--all tests every hunch, and {name} is one. Leave either out")
