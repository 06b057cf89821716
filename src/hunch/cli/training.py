"""The commands that train: `test` and `compare`. The only ones that load torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hunch.catalogue import Hunch, find
from hunch.cli import screen
from hunch.cli.arms import parse_arms, parse_base, parse_claims
from hunch.cli.failures import StoppedError
from hunch.cli.loading import load_build

if TYPE_CHECKING:
    from hunch.results import HunchAnswer, Study

UNDER_STRICT = 1


@dataclass(frozen=True, slots=True)
class Output:
    """Where the answer goes.

    Args:
        report: Path of the HTML page; None: no page.
        store: Path of the study file; None: nothing is stored.
        strict: Whether a refuted or undecided claim makes the exit code 1.
        json: Whether the answer is JSON.
        quiet: Whether to keep quiet while training.
    """

    report: str | None
    store: str | None
    strict: bool
    json: bool
    quiet: bool


def given(*, base: str | None, looks: str = "planned", **options: Any) -> dict[str, Any]:
    """The keywords of `hunch.compare` that were typed; what was left out keeps its default there."""
    kept = {name: value for name, value in options.items() if value is not None}
    kept["looks"] = _looks(looks)
    if base is not None:
        kept["base"] = parse_base(base)
    return kept


def test(
    name: str, *, net: str | None, data: str | None, quick: bool, options: dict[str, Any], output: Output
) -> int:
    """`hunch test`."""
    hunch = find(name).quickly() if quick else find(name)
    screen.check_page(output.report)
    build = None
    if net:
        with screen.only_json(output.json):
            build = load_build(net)
    if not output.quiet:
        introduce(hunch, net, data, options)

    def verb(progress: bool) -> Study | HunchAnswer:
        from hunch.study import test

        return test(name, build, data, quick=quick, progress=progress, **options)

    return _run(verb, output, {"hunch": hunch.name, "statement": hunch.statement})


def compare(
    net: str,
    data: str,
    *,
    arms: Iterable[str],
    claims: Iterable[str],
    options: dict[str, Any],
    output: Output,
) -> int:
    """`hunch compare`."""
    parsed, wanted = parse_arms(arms), parse_claims(claims)
    screen.check_page(output.report)
    with screen.only_json(output.json):
        build = load_build(net)

    def verb(progress: bool) -> Study:
        from hunch.study import compare

        return compare(build, data, arms=parsed, claims=wanted, progress=progress, **options)

    return _run(verb, output, {})


def introduce(hunch: Hunch, net: str | None, data: str | None, options: dict[str, Any]) -> None:
    """Say before training what is said, by whom, and what will be done about it; on stderr."""
    console = screen.aside()
    seeds = options.get("seeds", hunch.seeds)
    bought = "as many seeds as the verdict needs" if seeds is None else f"{seeds} seeds each"
    network = net or hunch.network
    screen.paragraph(console, hunch.statement, style="bold")
    screen.item(console, "said by", hunch.source)
    screen.item(
        console, "tested on", f"{network}; {data or 'the embedded digits (1,797 images, 10 classes)'}"
    )
    shared = f"{bought}, shared, so that runs are compared in pairs"
    if hunch.finer is not None:
        screen.item(console, "knobs", f"{hunch.finer.than}, {hunch.finer.knob}; {shared}")
    elif net or not hunch.regimes:
        screen.item(console, "arms", f"{', '.join(arm.name for arm in hunch.arms)}; {shared}")
    else:
        screen.item(console, "seeds", shared)
    for label, text in asked_of(hunch, net):
        screen.item(console, label, text)
    console.print()


def asked_of(hunch: Hunch, net: str | None = None) -> list[tuple[str, str]]:
    """Pairs (label, text): what is decided, in every regime and across them.

    Args:
        hunch: The hunch.
        net: The user's own network, for which the hunch's regimes do not count.
    """
    if hunch.finer is not None:
        return [("claimed", hunch.finer.text)]
    if net or not hunch.regimes:
        return [("claimed", "; ".join(claim.text for claim in hunch.claims))]
    lines = [
        (
            "claimed" if k == 0 else "",
            f"{regime.name} ({', '.join(arm.name for arm in regime.arms or ())}): "
            f"{'; '.join(claim.text for claim in regime.claims or ())}",
        )
        for k, regime in enumerate(hunch.tested_in)
    ]
    if hunch.across:
        lines.append(("across", "; ".join(claim.text for claim in hunch.across)))
    if hunch.predicts != "supported":
        lines.append(("predicted", f"each claim {hunch.predicts}"))
    return lines


def _run(verb: Callable[[bool], Study | HunchAnswer], output: Output, told: dict[str, Any]) -> int:
    """Train, then tell: verdicts first, then where things are."""
    try:
        with screen.only_json(output.json), screen.plain_warnings():
            study = verb(not output.quiet)
            if output.report:
                study.report(output.report)
    except KeyboardInterrupt:
        raise StoppedError(output.store) from None
    if output.json:
        screen.emit(told | {"report": output.report, "store": output.store, "study": study.to_json()})
    else:
        console = screen.answer()
        screen.verdicts(console, screen.as_flags(str(study)))
        console.print()
        if output.report:
            screen.item(console, "report", str(Path(output.report).resolve()), width=10)
        if output.store:
            screen.item(console, "stored in", output.store, width=10)
    return UNDER_STRICT if output.strict and _is_open(study) else 0


def _is_open(study: Study | HunchAnswer) -> bool:
    """Whether a claim was refuted or stayed undecided; of a hunch with a prediction, whether it does not hold."""
    from hunch.evidence import HOLDS, REFUTED, UNDECIDED

    summary = getattr(study, "summary", None)
    if summary is not None:
        return summary.word != HOLDS
    return any(verdict.decision in (REFUTED, UNDECIDED) for verdict in study.verdicts)


def _looks(text: str) -> str | list[int]:
    """A word, or numbers separated by commas; what is neither is left for the verb to refuse."""
    parts = [part.strip() for part in text.split(",")]
    return [int(part) for part in parts] if all(part.isdigit() for part in parts) else text
