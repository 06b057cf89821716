"""What the report of a dose-response curve shows, as frozen numbers and finished texts.

`doses_html`, `doses_text` and `doses_chart` only lay it out. Provenance is no part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hunch.evidence import (
    GOOD_ENOUGH,
    NOT_GOOD_ENOUGH,
    OPEN_DEFAULT,
    SEE_CURVE,
    CurveAnswer,
    Dose,
    confirm_runs,
    curve_headline,
    curve_question,
    default_text,
    default_word,
    describe_curve,
    describe_dose_method,
    describe_promises,
    dose_claim,
    dose_text,
    fresh_pair,
    fresh_text,
    number,
    outcome_words,
    seeds_text,
    status_words,
    value_text,
)
from hunch.plan import Plan
from hunch.report.doses_how import how_doses, how_doses_in_one_line
from hunch.report.doses_panel import (
    STATUSES,
    DosePanel,
    GridPanel,
    dose_panel,
    grid_panel,
    interval_words,
    loss_words,
)
from hunch.report.how import HowItem, sentence
from hunch.report.verdicts import VerdictView, verdict_view
from hunch.traces import RunTable

MARKS = {GOOD_ENOUGH: "✓", NOT_GOOD_ENOUGH: "✗", OPEN_DEFAULT: "?"}


@dataclass(frozen=True, slots=True)
class DoseRow:
    """One dose in the table, as texts.

    Args:
        short: The dose, the number alone.
        values: Pairs (dose, note), one a knob; the note has a keep probability in PyTorch's convention.
        about: Whether it is the default, and whether its mean is the lowest; may be empty.
        status: Its status, and what else is shown of it.
        mark: Its status alone.
        mean: Mean outcome.
        interval: The interval that is drawn.
        loses: What it loses against the best, from and to.
        diverged: How many of its runs diverged.
        rate: Its learning rate; from the lowest to the highest where every seed has one of its own.
    """

    short: str
    values: tuple[tuple[str, str], ...]
    about: str
    status: str
    mark: str
    mean: str
    interval: str
    loses: str
    diverged: str
    rate: str


@dataclass(frozen=True, slots=True)
class DoseView:
    """Everything that the report of a curve shows but its provenance.

    Args:
        title: The question.
        knobs: The knobs.
        has_keep: Whether a knob is a keep probability.
        subtitle: Network, data, doses and seeds in one line.
        word: The default in a word: good enough, not good enough, open; empty where there is no default.
        mark: Its sign.
        headline: What is near-optimal, and what is known of the default.
        absent: Why there is no picture; empty if there is one.
        panel: The curve of one knob; None for two, or where nothing is known.
        grid: The cells of two knobs; None for one, or where nothing is known.
        statuses: The statuses that occur, for the key.
        has_default: Whether the default is one of the doses.
        said: What else is known, as sentences.
        fresh: The verdict on fresh seeds; None where there is none.
        fresh_absent: Why there is none.
        mean: What the mean of the outcome is called.
        rows: The table of doses.
        promises: What is promised, one sentence each.
        method: By what method, as sentences.
        notes: What the pilot had to say.
        how: How it was done.
        how_line: The same in one sentence.
    """

    title: str
    knobs: tuple[str, ...]
    has_keep: bool
    subtitle: str
    word: str
    mark: str
    headline: str
    absent: str
    panel: DosePanel | None
    grid: GridPanel | None
    statuses: tuple[str, ...]
    has_default: bool
    said: tuple[str, ...]
    fresh: VerdictView | None
    fresh_absent: str
    mean: str
    rows: tuple[DoseRow, ...]
    promises: tuple[str, ...]
    method: tuple[str, ...]
    notes: tuple[str, ...]
    how: tuple[HowItem, ...]
    how_line: str


def make_dose_view(plan: Plan, table: RunTable, answer: CurveAnswer) -> DoseView:
    """Compute everything that the report of a curve shows.

    Args:
        plan: The plan, frozen or not.
        table: The runs.
        answer: What they show.
    """
    facts, is_known = table.facts, answer.shown is not None
    lines = describe_curve(answer, plan, facts)
    elsewhere = {*default_text(answer, facts), *fresh_text(answer, plan, facts)}
    outcome = outcome_words(answer, plan, facts)
    title = f"{outcome[:1].upper()}{outcome[1:]} at each dose"
    word = default_word(answer)
    fresh = None
    if answer.confirmed is not None:
        fresh = verdict_view(answer.confirmed, plan, table, [answer.confirmed])
    return DoseView(
        title=curve_question(answer),
        knobs=answer.curve.knobs,
        has_keep=any(knob.startswith("keep_prob") for knob in answer.curve.knobs),
        subtitle=_subtitle(answer, table),
        word=word,
        mark=MARKS.get(word, ""),
        headline=curve_headline(answer, facts),
        absent="" if is_known else sentence(capital(lines[-1])),
        panel=dose_panel(answer, facts, title) if is_known and len(answer.curve.knobs) == 1 else None,
        grid=grid_panel(answer, facts, title) if is_known and len(answer.curve.knobs) == 2 else None,
        statuses=tuple(s for s in STATUSES if answer.of(s)),
        has_default=any(dose.arm == answer.curve.default for dose in answer.doses),
        said=tuple(_said(line) for line in lines[1:] if line not in elsewhere) if is_known else (),
        fresh=fresh,
        fresh_absent="" if fresh else _fresh_absent(plan, table, answer),
        mean=f"geometric mean of {outcome}" if answer.is_ratio else f"mean {outcome}",
        rows=tuple(_row(plan, table, answer, dose) for dose in answer.doses),
        promises=describe_promises(answer, plan) if is_known else (),
        method=describe_dose_method(answer, plan, facts) if is_known else (),
        notes=plan.notes,
        how=how_doses(plan, table, answer),
        how_line=how_doses_in_one_line(plan, table, answer),
    )


def capital(text: str) -> str:
    """The text with a capital letter in front.

    Example:
        >>> capital("unknown: 0.5")
        'Unknown: 0.5'
    """
    return f"{text[:1].upper()}{text[1:]}"


def _said(line: str) -> str:
    """A line as a sentence; what it leaves out stands in the table."""
    return sentence(capital(line.removesuffix(SEE_CURVE)))


def _subtitle(answer: CurveAnswer, table: RunTable) -> str:
    facts = table.facts
    n, seeds = len(answer.doses), len(answer.seen.seeds)
    return f"{facts.network}, on {facts.data_source}. {n} dose{'' if n == 1 else 's'} × {seeds_text(seeds)}."


def _fresh_absent(plan: Plan, table: RunTable, answer: CurveAnswer) -> str:
    """Why the best dose and the default were not compared on fresh seeds."""
    if answer.shown is None or plan.doses is None:
        return ""
    if answer.curve.default is None:
        return "There is no default among the doses that the best one could be compared with."
    if answer.best == answer.curve.default:
        return "The default has the lowest mean of all doses itself, so there is nothing to compare it with."
    if len(plan.seeds) <= plan.doses.n_seeds:
        return (
            "No fresh seeds were asked for, so the lowest mean is unconfirmed; the lowest of many flatters."
        )
    if fresh_pair(plan, table, answer.curve) is None:
        return "No dose is stable, so there is nothing to compare."
    return "Its runs on fresh seeds have not been made yet."


def _row(plan: Plan, table: RunTable, answer: CurveAnswer, dose: Dose) -> DoseRow:
    facts, n = table.facts, len(answer.seen.seeds)
    about = [
        "default" if dose.arm == answer.curve.default else "",
        "lowest mean" if dose.arm == answer.best else "",
    ]
    diverged = round(dose.diverged * n) if math.isfinite(dose.diverged) else 0
    return DoseRow(
        short=dose_text(answer.curve, dose.value),
        values=tuple(
            (number(v, 6), f"p={number(1 - v, 6)}" if knob.startswith("keep_prob") else "")
            for knob, v in zip(answer.curve.knobs, dose.value, strict=True)
        ),
        about=", ".join(part for part in about if part),
        status=status_words(dose),
        mark=dose.status,
        mean=value_text(answer, facts, dose.mean) if not math.isnan(dose.mean) else "–",
        interval=interval_words(answer, facts, dose),
        loses=loss_words(answer, facts, dose),
        diverged=f"{diverged:,} of {n:,}" if diverged else "0",
        rate=_rate(plan, table, answer, dose),
    )


def _rate(plan: Plan, table: RunTable, answer: CurveAnswer, dose: Dose) -> str:
    """The learning rate of the runs behind a dose; from the lowest to the highest where there are several."""
    tuned_for = dose_claim(answer.outcome, answer.curve.arms)
    runs = confirm_runs(plan, table, dose.arm, tuned_for)
    rates = sorted({runs[seed].key.lr for seed in answer.seen.seeds if seed in runs})
    if not rates:
        return "–"
    return number(rates[0]) if len(rates) == 1 else f"{number(rates[0])} to {number(rates[-1])}"
