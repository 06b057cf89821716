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
    from hunch.results import Study

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


def test(name: str, *, net: str | None, data: str | None, options: dict[str, Any], output: Output) -> int:
    """`hunch test`."""
    hunch = find(name)
    screen.check_page(output.report)
    build = None
    if net:
        with screen.only_json(output.json):
            build = load_build(net)
    if not output.quiet:
        introduce(hunch, net, data, options)

    def verb(progress: bool) -> Study:
        from hunch.study import test

        return test(name, build, data, progress=progress, **options)

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
    arms = ", ".join(arm.name for arm in hunch.arms)
    claims = "; ".join(claim.text for claim in hunch.claims)
    network = net or hunch.network
    screen.paragraph(console, hunch.statement, style="bold")
    screen.item(console, "said by", hunch.source)
    screen.item(
        console, "tested on", f"{network}; {data or 'the embedded digits (1,797 images, 10 classes)'}"
    )
    screen.item(console, "arms", f"{arms}; {bought}, shared, so that runs are compared in pairs")
    screen.item(console, "claimed", claims)
    console.print()


def _run(verb: Callable[[bool], Study], output: Output, told: dict[str, Any]) -> int:
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


def _is_open(study: Study) -> bool:
    """Whether a claim was refuted or stayed undecided."""
    from hunch.evidence import REFUTED, UNDECIDED

    return any(verdict.decision in (REFUTED, UNDECIDED) for verdict in study.verdicts)


def _looks(text: str) -> str | list[int]:
    """A word, or numbers separated by commas; what is neither is left for the verb to refuse."""
    parts = [part.strip() for part in text.split(",")]
    return [int(part) for part in parts] if all(part.isdigit() for part in parts) else text
