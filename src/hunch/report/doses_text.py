"""View → the report of a dose-response curve as plain text for a terminal: at most 100 columns, no colours."""

from __future__ import annotations

from hunch.evidence import CurveAnswer, describe_curve
from hunch.plan import Plan
from hunch.report.doses_view import DoseView, make_dose_view
from hunch.report.text import clean, columns, made, wrapped
from hunch.traces import Provenance, RunTable


def dose_report_text(plan: Plan, table: RunTable, answer: CurveAnswer, provenance: Provenance) -> str:
    """The report as plain text, ending in a newline: what is known, the doses, how sure, how it was done.

    The same arguments give the same text. Provenance stands in the line that begins with "Made" alone.

    Args:
        plan: The plan.
        table: The runs.
        answer: What they show.
        provenance: When, where and with which versions the study was made.
    """
    view = make_dose_view(plan, table, answer)
    said = [wrapped(clean(line), hang=2) for line in describe_curve(answer, plan, table.facts)]
    blocks = ["\n".join(said), _doses(view), _sure(view)]
    blocks.append("\n".join(wrapped(clean(line), hang=2) for line in view.notes))
    blocks.append(
        "\n".join(
            [
                wrapped(f"How: {clean(view.how_line)}", hang=2),
                wrapped(f"Made {clean(made(provenance))}", hang=2),
                'The picture: .report("page.html"), or .png and .svg',
            ]
        )
    )
    return "\n\n".join(block for block in blocks if block) + "\n"


def _doses(view: DoseView) -> str:
    if not view.promises:
        return ""
    head = [" × ".join(view.knobs), "status", "mean", "interval", "loses", "rate"]
    rows = [[_named(r.short, r.about), r.mark, r.mean, r.interval, r.loses, r.rate] for r in view.rows]
    return columns(head, rows)


def _named(dose: str, about: str) -> str:
    return f"{dose} ({about})" if about else dose


def _sure(view: DoseView) -> str:
    return "\n".join(wrapped(clean(line), hang=2) for line in (*view.promises, *view.method[:2]))
