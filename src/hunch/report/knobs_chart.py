"""Two knobs in one picture: side by side on each network, or one's doses worth in the other's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import altair as alt

from hunch.evidence import EquivalenceAnswer, TunabilityAnswer, dose_text, number
from hunch.report.doses_chart import dose_chart
from hunch.report.doses_panel import dose_panel
from hunch.report.theme import axis, layered
from hunch.traces import StudyFacts

WIDTH, HEIGHT = 340, 210


def tunability_chart(answers: Mapping[str, tuple[TunabilityAnswer, StudyFacts]], title: str) -> Any:
    """A row a network, a column a knob: both curves on one scale, so that what each moves can be seen.

    Args:
        answers: Name of the network → its comparison and facts.
        title: What stands above.
    """
    rows: list[Any] = []
    for name, (answer, facts) in answers.items():
        panels = [dose_panel(side.curve, facts, "") for side in (answer.first, answer.second)]
        low, high = (min(p.domain_y[0] for p in panels), max(p.domain_y[1] for p in panels))
        pair: list[Any] = []
        for k, (side, panel) in enumerate(zip((answer.first, answer.second), panels, strict=True)):
            shared = replace(panel, domain_y=(low, high))
            levels = "unknown" if math.isnan(side.levels) else number(side.levels)
            heading = alt.TitleParams(
                f"{name}: {side.knob}", subtitle=f"{levels} levels in the common span; {_word(answer)}" if k == 0
                else f"{levels} levels in the common span", anchor="start",
            )  # fmt: skip
            pair.append(
                dose_chart(shared, legend=not rows and k == 0).properties(
                    width=WIDTH, height=HEIGHT, title=heading
                )
            )
        rows.append(alt.hconcat(*pair, spacing=28))
    chart = alt.vconcat(*rows, spacing=24)
    return chart.properties(title=alt.TitleParams(title, anchor="start"), description=_described(answers))


def _word(answer: TunabilityAnswer) -> str:
    """What was decided, in few words."""
    if answer.decision in ("first", "second"):
        return f"{answer.word} tunes finer"
    return answer.decision


def _described(answers: Mapping[str, tuple[TunabilityAnswer, StudyFacts]]) -> str:
    said = "; ".join(f"{name}: {_word(answer)}" for name, (answer, _) in answers.items())
    return f"Outcome against the doses of two knobs, side by side on each network. {said}."


def equivalence_chart(answer: EquivalenceAnswer, title: str) -> Any:
    """The outcome over the tested doses, level lines at the given ones, and what does the same shaded beneath.

    Doses stand evenly spaced, whatever their scale: between two neighbours nothing is known but that the mean rises or
    falls.

    Args:
        answer: The answer; its outcome is known.
        title: What stands above.
    """
    tested = [value[0] for value in answer.second.values]
    place = {dose: k for k, dose in enumerate(tested)}
    means = list(answer.doses[0].means[1:])
    points = [
        {"x": k, "y": mean, "dose": number(dose)}
        for k, (dose, mean) in enumerate(zip(tested, means, strict=True))
    ]
    given = [dose_text(answer.first, (d.given,), full=True) for d in answer.doses]
    levels = [{"y": d.means[0], "given": name} for d, name in zip(answer.doses, given, strict=True)]
    spans = [
        {"x": place[low] - 0.12, "x2": place[high] + 0.12, "y": d.means[0], "given": name}
        for d, name in zip(answer.doses, given, strict=True)
        for low, high in d.intervals
    ]
    labels = "".join(f"datum.value === {k} ? '{number(dose)}' : " for k, dose in enumerate(tested))
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[-0.4, len(tested) - 0.6], nice=False),
        title=answer.second.knobs[0],
        axis=axis(values=list(range(len(tested))), labelExpr=f"{labels}''", labelOverlap="greedy"),
    )
    y = alt.Y("y:Q", title=None, scale=alt.Scale(zero=False), axis=axis(tickCount=5, format=".3~g"))
    colour = alt.Color(
        "given:N",
        sort=given,
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", labelLimit=320),
    )
    curve = alt.Chart(alt.InlineData(values=points)).encode(x=x, y=y)
    tooltip = [
        alt.Tooltip("dose:N", title=answer.second.knobs[0]),
        alt.Tooltip("y:Q", title="mean", format=".3~g"),
    ]
    line = alt.Chart(alt.InlineData(values=levels)).encode(y=y, color=colour)
    same = alt.Chart(alt.InlineData(values=spans)).encode(x=x, x2="x2:Q", y=y, color=colour)
    layers = [
        line.mark_rule(strokeDash=[5, 4], strokeWidth=1.4, aria=False),
        same.mark_rule(strokeWidth=9, opacity=0.35, strokeCap="round", aria=False),
        curve.mark_line(style="hunch-path", aria=False),
        curve.mark_point(filled=True, size=60, opacity=1, color="currentColor", aria=False).encode(
            tooltip=tooltip
        ),
    ]
    return layered(
        layers, f"{title}. Doses that do the same are shaded on the line of the given one."
    ).properties(width=640, height=320, title=alt.TitleParams(title, anchor="start"))
