"""`hunch audit`: the verdicts themselves put to the test, on the user's own network and data."""

from __future__ import annotations

from typing import Any

from hunch.cli import screen, training
from hunch.cli.arms import parse_arms
from hunch.cli.failures import StoppedError
from hunch.cli.loading import load_build
from hunch.errors import PlanError
from hunch.plan import Arm

NOT_PASSED = 1


def given(*, looks: str | None, **options: Any) -> dict[str, Any]:
    """The keywords that were typed; without looks an audit's studies have one."""
    kept = training.given(looks=looks or "planned", **options)
    if looks is None:
        del kept["looks"]
    return kept


def audit(
    net: str | None,
    data: str | None,
    *,
    arm: list[str],
    options: dict[str, Any],
    strict: bool,
    json: bool,
    quiet: bool,
) -> int:
    """Make the audit, then say what came out; under `strict` the exit code is 1 unless it is passed.

    Raises:
        PlanError: If more than one arm is given; and what `hunch.audit` raises.
    """
    both = _one(arm)
    with screen.only_json(json):
        build = load_build(net) if net else None
    try:
        with screen.only_json(json), screen.plain_warnings():
            from hunch.study import audit as verb

            found = verb(build, data, arm=both, progress=not quiet, **options)
    except KeyboardInterrupt:
        raise StoppedError(None, can_store=False) from None
    if json:
        screen.emit({"audit": found.to_json()})
    else:
        console = screen.answer()
        for line in str(found).splitlines():
            screen.paragraph(console, line)
    return NOT_PASSED if strict and not found.passed else 0


def _one(arms: list[str]) -> Arm | None:
    if len(arms) > 1:
        raise PlanError(
            f"an audit compares an arm with itself, got {len(arms)} times --arm. Give --arm once, or not at all.",
            "plan-audit-setting",
        )
    return parse_arms(arms)[0] if arms else None
