"""`hunch tune`: how much of a knob, from a dose-response curve on the user's own network and data."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from hunch.cli import screen
from hunch.cli.arms import parse_arms, parse_base
from hunch.cli.failures import StoppedError
from hunch.cli.loading import load_build
from hunch.errors import PlanError
from hunch.plan import Arm

KINDS = (".html", ".htm", ".txt", ".json", ".png", ".svg")
EXAMPLE = {False: "--doses 0.5,0.8,1", True: "--doses 0.5,0.8,1 --doses 0,0.001,0.01"}


def given(**options: Any) -> dict[str, Any]:
    """The keywords of `hunch.tune` that were typed; what was left out keeps its default there."""
    return {name: value for name, value in options.items() if value is not None}


def tune(
    net: str | None,
    data: str | None,
    *,
    knobs: Sequence[str],
    doses: Sequence[str],
    arm: str | None,
    default: str | None,
    options: dict[str, Any],
    store: str | None,
    output: str | None,
    json: bool,
    quiet: bool,
) -> int:
    """Train the doses, then say what is certified, and where things are.

    Args:
        net: `net.py:build`; None: the embedded network.
        data: A file, or digits; None: the embedded digits.
        knobs: One or two.
        doses: One text a knob, numbers with commas between; empty: the usual grids.
        arm: What all doses have otherwise: `norm=batch`, also with a name in front.
        default: The dose so far; of two knobs both, with a comma between.
        options: Keywords of `hunch.tune` that were typed.
        store: Path of the study file.
        output: Where the report goes; its ending says what it is.
        json: Whether the answer is JSON.
        quiet: Whether to keep quiet while training.

    Raises:
        PlanError: If what was typed makes no sense; and what `hunch.tune` raises.
    """
    screen.check_page(output, KINDS)
    asked: dict[str, Any] = {"knob": knobs[0] if len(knobs) == 1 else list(knobs)}
    if doses:
        asked["doses"] = _doses(doses, len(knobs))
    if arm is not None:
        asked["arm"] = _arm(arm)
    if default is not None:
        values = _numbers("--default", default)
        asked["default"] = values[0] if len(values) == 1 else tuple(values)
    with screen.only_json(json):
        build = load_build(net) if net else None
    try:
        with screen.only_json(json), screen.plain_warnings():
            from hunch.network import mlp
            from hunch.study import tune as verb

            found = verb(
                build or mlp([64, 100, 100, 100, 10], "sigmoid"),
                data or "digits",
                **asked,
                **options,
                store=store,
                progress=not quiet,
            )
            if output:
                found.report(output)
    except KeyboardInterrupt:
        raise StoppedError(store) from None
    if json:
        screen.emit({"report": output, "store": store, "study": found.to_json()})
        return 0
    console = screen.answer()
    screen.verdicts(console, str(found))
    if output or store:
        console.print()
    if output:
        screen.item(console, "report", str(Path(output).resolve()), width=10)
    if store:
        screen.item(console, "stored in", store, width=10)
    return 0


def _doses(texts: Sequence[str], n_knobs: int) -> list[Any]:
    """The doses of one knob, or one list for each of several."""
    if len(texts) != n_knobs:
        raise PlanError(
            f"--doses stands once for each --knob, in their order, got {len(texts)} for {n_knobs}. Write for instance "
            f"{EXAMPLE[n_knobs > 1]}, or leave it out for the usual doses.",
            "cli-doses",
        )
    found = [_numbers("--doses", text) for text in texts]
    return found[0] if n_knobs == 1 else found


def _numbers(option: str, text: str) -> list[float]:
    """Read `0.5,11/12,1`."""
    try:
        return [float(Fraction(piece) if "/" in piece else piece) for piece in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        raise PlanError(
            f"{option} must be numbers with commas between, as in 0.5,0.8,1, got {text!r}. Fractions such as 11/12 are "
            "numbers too.",
            "cli-doses",
        ) from None


def _arm(text: str) -> Arm | None:
    """Read `norm=batch`, or `bn:norm=batch`."""
    is_named = ":" in text.partition("=")[0]
    return parse_arms([text])[0] if is_named else parse_base(text, option="--arm")
