"""View → plain text for a terminal: at most 100 columns, no colours, the verdicts first."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from hunch.evidence import Verdict
from hunch.plan import Plan
from hunch.report.readings import READINGS
from hunch.report.view import View, make_view
from hunch.traces import Provenance, RunTable

WIDTH = 100
NAME_WIDTH = 24


def text_report(plan: Plan, table: RunTable, verdicts: Sequence[Verdict], provenance: Provenance) -> str:
    """The report as plain text, ending in a newline: verdicts, arms, readings, and how it was done.

    The same arguments give the same text. Provenance stands in the line that begins with "Made" alone.

    Args:
        plan: The plan.
        table: The runs.
        verdicts: The verdicts, in the order of the claims.
        provenance: When, where and with which versions the study was made.
    """
    view = make_view(plan, table, verdicts)
    blocks = [_verdicts(view), _sure(view), _others(view), _arms(view)]
    if any(a.runs for a in view.arms):
        blocks += [_outcomes(view), _readings(view)]
    said = [*view.notes, view.divergence]
    blocks.append("\n".join(wrapped(clean(line), hang=2) for line in said if line))
    blocks.append(
        "\n".join(
            [
                wrapped(f"How: {clean(view.how_line)}", hang=2),
                wrapped(f"Made {clean(made(provenance))}", hang=2),
                'Charts, layers and every run: study.report("page.html")',
            ]
        )
    )
    return "\n\n".join(b for b in blocks if b) + "\n"


def _verdicts(view: View) -> str:
    if not view.verdicts:
        return "\n".join(wrapped(clean(line), hang=2) for line in (view.title, view.no_verdict))
    lines: list[str] = []
    for verdict in view.verdicts:
        lines.append(wrapped(f"{verdict.mark} {clean(verdict.headline)}", hang=2))
        why = wrapped(f"  Why: {clean(verdict.why.sentence)}", hang=2)
        if why not in lines:  # claims about the same two arms have it in common
            lines.append(why)
    return "\n".join(lines)


def _sure(view: View) -> str:
    """Every look at every claim, what the looks saved, and the p-values of the claims together."""
    sure, rows = view.sure, []
    for claim in sure.claims:
        for k, look in enumerate(claim.rows):
            name = "" if k else claim.claim
            rows.append([name, look.blocks, look.estimate, look.interval, look.p_value, look.boundary])
    if not rows:
        return ""
    head = ["how sure", "blocks", "estimate", "interval", "sign-flip p", "boundary"]
    left_out = sum(claim.left_out for claim in sure.claims)
    said = [*sure.method, sure.blocks, f"{left_out:,} more looks are not listed." if left_out else ""]
    if sure.holm:
        adjusted = ", ".join(row.adjusted for row in sure.holm)
        said.append(f"Beside the verdicts: the last sign-flip p-values after Holm are {adjusted}.")
    return columns(head, rows) + "\n" + wrapped(clean(" ".join(line for line in said if line)))


def _others(view: View) -> str:
    """What the same runs say at other targets and in half the budget, a line each."""
    if not view.sure.others:
        return ""
    lines = ["Beside the verdicts, and no part of them: other choices"]
    for other in view.sure.others:
        lines.append(wrapped(f"  {clean(other.claim)}", hang=2))
        lines += [wrapped(f"    {clean(line)}", hang=6) for line in other.lines]
    return "\n".join(lines)


def _arms(view: View) -> str:
    wide = min(NAME_WIDTH, max(_columns(clean(a.name)) for a in view.arms))
    return "\n".join(
        wrapped(f"{_padded(a.name, wide)}  {clean(a.description)}", hang=wide + 2) for a in view.arms
    )


def _outcomes(view: View) -> str:
    head = ["arm", "rate", "reached", "iterations", "final cost", "held-out error"]
    rows = [[a.name, a.lr, a.reached, a.iterations, a.cost, a.held_out_error] for a in view.arms]
    if view.arrival.target:
        goal = f"Target {view.arrival.target}, budget {view.arrival.budget:,} iterations. "
    else:
        goal = f"{clean(view.arrival.absent)} "
    note = "Iterations: median. Cost and error: mean ± standard deviation over seeds."
    return columns(head, rows) + "\n" + wrapped(goal + note)


def _readings(view: View) -> str:
    head = ["inside the layers", *(READINGS[r.reading].short for r in view.readings)]
    rows = [[a.name, *a.readings] for a in view.arms]
    said = "Mean over the run, the layers and the seeds; NA: does not apply."
    return columns(head, rows) + "\n" + said


def made(provenance: Provenance) -> str:
    """When, how long and with which versions."""
    versions = ", ".join(f"{package} {version}" for package, version in provenance.versions)
    return f"{provenance.started}, {provenance.train_wall_s:,.1f} s of training, {versions}."


def clean(text: str) -> str:
    """The text without what would move a terminal's cursor or change its colours.

    Example:
        >>> clean("a" + chr(27) + "[31mb")
        'a�[31mb'
    """
    flat = " ".join(text.split())
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in flat)


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table: the first column left-aligned, the others right-aligned, names cut to fit the width.

    Example:
        >>> print(columns(["arm", "rate"], [["none", "0.1"], ["a", "12"]]))
        arm   rate
        none   0.1
        a       12
    """
    cells = [list(head), *([clean(c) for c in row] for row in rows)]
    others = [max(_columns(row[k]) for row in cells) for k in range(1, len(head))]
    room = max(8, WIDTH - sum(others) - 2 * len(others))
    first = min(max(_columns(row[0]) for row in cells), room)
    lines = []
    for row in cells:
        rest = "".join("  " + " " * (w - _columns(c)) + c for c, w in zip(row[1:], others, strict=True))
        lines.append((_padded(row[0], first) + rest).rstrip())
    return "\n".join(lines)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _padded(name: str, width: int) -> str:
    """A name in exactly so many columns, cut with an ellipsis where it is longer."""
    name = clean(name)
    if _columns(name) > width:
        while _columns(name) > width - 1:
            name = name[:-1]
        name += "…"
    return name + " " * (width - _columns(name))


def wrapped(text: str, *, hang: int = 0) -> str:
    """The text wrapped at the width, further lines indented."""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=" " * hang, replace_whitespace=False, break_on_hyphens=False
    )
