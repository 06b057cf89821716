"""A dose-response curve in one headline, and what is promised of its statements."""

from __future__ import annotations

from collections.abc import Sequence

from hunch.evidence.doses import CurveAnswer, Dose
from hunch.evidence.doses_text import MOST_LISTED, OUTCOME_WORDS, default_text, dose_text, loss_text
from hunch.evidence.numbers import number, seeds_text
from hunch.evidence.wording import label
from hunch.plan import Plan
from hunch.stats import DIVERGED_LIMIT
from hunch.traces import StudyFacts

GOOD_ENOUGH, NOT_GOOD_ENOUGH, OPEN_DEFAULT = "good enough", "not good enough", "open"


def default_word(answer: CurveAnswer) -> str:
    """`"good enough"`, `"not good enough"` or `"open"`: the default in a word or two; empty where there is none."""
    if answer.default is None:
        return ""
    return {"yes": GOOD_ENOUGH, "no": NOT_GOOD_ENOUGH}.get(str(answer.default.answer), OPEN_DEFAULT)


def curve_question(answer: CurveAnswer) -> str:
    """What was asked, as a question.

    Args:
        answer: The curve.
    """
    knobs = " and ".join(answer.curve.knobs)
    of = OUTCOME_WORDS[answer.outcome].removesuffix(" to the target")
    return f"Which {knobs} for {'the fewest' if answer.is_ratio else 'the lowest'} {of}?"


def outcome_words(answer: CurveAnswer, plan: Plan, facts: StudyFacts) -> str:
    """What the outcome is called in headings and tables.

    Args:
        answer: The curve.
        plan: Says what the target is.
        facts: Says in which unit errors are.
    """
    if answer.is_ratio:
        held = "held-out " if plan.metric == "held_out" else ""
        return f"iterations to {held}cost {'unknown' if plan.target is None else number(plan.target)}"
    unit = (
        " (root mean squared)" if answer.outcome == "held_out_error" and facts.error_unit != "share" else ""
    )
    return OUTCOME_WORDS[answer.outcome] + unit


def status_words(dose: Dose) -> str:
    """The status of a dose and what else is shown of it; of an unstable one, why.

    Args:
        dose: The dose.
    """
    if dose.status == "unstable":
        return (
            "unstable: runs diverged" if dose.diverged > DIVERGED_LIMIT else "unstable: some runs lie far out"
        )
    words = [dose.status]
    if dose.is_excluded and dose.status != "excluded as best":
        words.append("yet excluded as best")
    if dose.is_worse:
        words.append("by more than the margin")
    return ", ".join(words)


def curve_headline(answer: CurveAnswer, facts: StudyFacts) -> str:
    """What is near-optimal, and whether the default is good enough: a sentence or two.

    Args:
        answer: The curve.
        facts: Says in which unit losses are.
    """
    if answer.shown is None:
        return ""
    n, certified = len(answer.doses), answer.of("near-optimal")
    margin = loss_text(answer, facts, answer.margin)
    if str(answer.shown.reason):
        said = f"None of the {n} doses is certified near-optimal: nothing could be decided."
    elif certified:
        are, lose = ("is", "it loses") if len(certified) == 1 else ("are", "each loses")
        said = (
            f"{len(certified)} of {n} doses {are} certified near-optimal, {_where(answer, certified)}: {lose} at most "
            f"{margin} against any other."
        )
    else:
        excluded = sum(d.is_excluded for d in answer.doses)
        others = f"; {excluded} of them {'is' if excluded == 1 else 'are'}" if excluded else ", and none is"
        said = f"None of the {n} doses is certified near-optimal (to lose at most {margin}){others} excluded as best."
    return " ".join([said, *(_sentence(line) for line in default_text(answer, facts))])


def describe_promises(answer: CurveAnswer, plan: Plan) -> tuple[str, ...]:
    """What is promised of the statements about a curve, one promise each.

    Args:
        answer: The curve.
        plan: Its plan.
    """
    alpha = number(plan.alpha)
    lines = [
        f"Each true best dose is excluded as best with probability at most {alpha}.",
        f"Any dose that is worse than the best by more than the margin is certified near-optimal with probability at "
        f"most {alpha}.",
        f"Each dose that is within the margin of the best is called worse by more than it with probability at most "
        f"{alpha}.",
    ]
    if answer.default is not None:
        lines.append(
            f"A false answer about the default, yes or no, is given with probability at most {alpha}."
        )
    return tuple(lines)


def describe_dose_method(answer: CurveAnswer, plan: Plan, facts: StudyFacts) -> tuple[str, ...]:
    """How doses are compared: seeds, rates, margin and where it comes from, and what intervals show."""
    n = len(answer.seen.seeds)
    limits = label(plan)
    rates = (
        f"All doses are compared {limits}."
        if limits
        else "Each dose is compared at learning rates of its own, tuned anew for every seed."
    )
    return (
        f"Every dose was trained on the same {seeds_text(n)}, and doses are compared in pairs over them: Student's t "
        "with a variance of its own for each pair, joined with Hall's interval where the differences are skewed. "
        f"{rates}",
        f"The margin is {loss_text(answer, facts, answer.margin)}: {_margin_source(answer, plan, facts)}.",
        "These promises are separate, each with its own alpha. They hold exactly for Gaussian differences, whatever "
        "their variances, and approximately for other shapes.",
        "All statements are about tested doses; between them nothing is claimed, and no curve was fitted.",
        "A dose is unstable where more than a fifth of its runs diverged, or a tenth of them (and at least two) lie "
        "far out, as if they were of a second kind; it is neither averaged nor compared.",
        "The interval drawn at a dose shows how far it lies from the mean of all doses, for all doses at once; two "
        "intervals that overlap say nothing about the two doses.",
    )


def _where(answer: CurveAnswer, doses: Sequence[Dose]) -> str:
    """Doses as a range where no other tested dose lies between them, else one by one; of a grid the first three."""
    curve = answer.curve
    knob, *others = curve.knobs
    if others:
        return ", ".join(dose_text(curve, d.value) for d in doses[:3]) + (", …" if len(doses) > 3 else "")
    places = [answer.doses.index(dose) for dose in doses]
    is_range = len(doses) > 2 and places[-1] - places[0] == len(doses) - 1
    shown = [doses[k] for k in ((0, -1) if is_range else range(min(len(doses), MOST_LISTED)))]
    more = "" if is_range or len(doses) <= MOST_LISTED else ", …"
    between = " to " if is_range else ", "
    kept = between.join(dose_text(curve, d.value) for d in shown) + more
    if not knob.startswith("keep_prob"):
        return kept
    dropped = between.join(number(1 - d.value[0], 6) for d in shown) + more
    return f"keep {kept} (PyTorch nn.Dropout: p = {dropped})"


def _margin_source(answer: CurveAnswer, plan: Plan, facts: StudyFacts) -> str:
    if plan.claims and plan.claims[0].margin is not None:
        return "as asked"
    if answer.is_ratio:
        return "a ratio of iterations, by default"
    if answer.outcome == "held_out_error":
        least = ", but at least half a point" if facts.error_unit == "share" else ""
        return f"by default a tenth of the lowest error in the pilot{least}"
    return "by default 5 % of the way from the cost of predicting a constant to the lowest cost in the pilot"


def _sentence(line: str) -> str:
    return f"{line[:1].upper()}{line[1:]}."
