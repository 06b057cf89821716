"""What a verdict says: the sentence about it, and about the arms and rates it is limited to.

The terminal, the report and JSON take their words from here (and from `reasons` and `numbers`), so that a
verdict reads alike everywhere. Sentences speak in the direction of the estimate: a refuted "before faster
than none" says how many times *more* iterations before needs.
"""

from __future__ import annotations

import math

from hunch.evidence.method import assumption
from hunch.evidence.new_data import examples_kept
from hunch.evidence.numbers import keep_text, level, number, ratio, seeds_text
from hunch.evidence.reasons import reach_text
from hunch.evidence.sensitivity import Sensitivity
from hunch.evidence.verdict import (
    ABOUT_EQUAL,
    NO_MEANINGFUL_DIFFERENCE,
    OPEN,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Verdict,
)
from hunch.plan import Arm, Claim, Plan
from hunch.stats import MANY_SEEDS, seeds_for_sign_flip

# What an arm does with an outcome: (of one arm, of two arms that are about equal).
_PHRASES = {
    "cost": ("ends at a cost", "end at about the same cost"),
    "held_out_cost": ("ends at a held-out cost", "end at about the same held-out cost"),
    "held_out_error": ("ends at a held-out error", "end at about the same held-out error"),
    "gap": (
        "ends with a gap between held-out and training cost",
        "end with about the same gap between held-out and training cost",
    ),
    "saturation": ("has a saturation", "have about the same saturation"),
    "saturated": ("has a share of saturated units", "have about the same share of saturated units"),
    "slope": ("has a slope of the activation", "have about the same slope of the activation"),
    "inactive": ("has a share of inactive units", "have about the same share of inactive units"),
    "preactivation_mean": ("has a mean pre-activation", "have about the same mean pre-activation"),
    "preactivation_spread": (
        "has a spread of the pre-activations",
        "have about the same spread of the pre-activations",
    ),
    "gradient_norm": ("has a gradient norm", "have about the same gradient norm"),
    "update_weight": ("has an update of the weights", "have about the same update of the weights"),
    "update_weight_relative": (
        "has a relative update of the weights",
        "have about the same relative update of the weights",
    ),
    "update_shift": ("has an update of the shift", "have about the same update of the shift"),
    "gradient_growth": (
        "has a growth of the gradient per layer on its way back",
        "have about the same growth of the gradient per layer on its way back",
    ),
    "gradient_change": (
        "has a change of the gradient over the step",
        "have about the same change of the gradient over the step",
    ),
    "gradient_predictiveness": (
        "has a relative change of the gradient over the step",
        "have about the same relative change of the gradient over the step",
    ),
    "gradient_cosine": (
        "has a cosine between the gradients before and after the step",
        "have about the same cosine between the gradients before and after the step",
    ),
}
_NORMS = {"batch": "batch norm", "layer": "layer norm", "rms": "RMS norm", "group": "group norm"}
_OPTIMIZERS = {
    "sgd": "SGD",
    "momentum": "SGD with momentum",
    "nesterov": "SGD with Nesterov momentum",
    "adam": "Adam",
    "adamw": "AdamW",
}


def label(plan: Plan) -> str:
    """What every verdict of the plan is limited to; empty when each seed had its own tuning.

    Example:
        >>> label(Plan(arms=(Arm("none"),), claims=(), cost="cross_entropy", seeds=()))
        'at these learning rates'
    """
    return {
        "once": "at these learning rates",
        "shared": "at one learning rate for all",
        "none": "at the learning rates given",
    }.get(plan.tuning, "")


def describe_arm(arm: Arm) -> str:
    """What an arm changes, in words; settings that are usual are left out.

    Example:
        >>> describe_arm(Arm("both", norm="batch", keep_prob=0.8, l2=1e-4))
        'batch norm before the activation, dropout: keep 0.8 (PyTorch nn.Dropout(p=0.2)), L2 0.0001'
    """
    parts = [part for part in (_norm_text(arm), _dropout_text(arm)) if part]
    if arm.l2:
        parts.append(f"L2 {number(arm.l2)}")
    usual_decay = 0.01 if arm.optimizer == "adamw" else 0.0
    if arm.weight_decay is not None and arm.weight_decay != usual_decay:
        parts.append(f"weight decay {number(arm.weight_decay)}")
    if arm.decay_norm:
        parts.append("decay on norm parameters and biases too")
    if arm.init_std is not None:
        parts.append(f"weights drawn with standard deviation {number(arm.init_std)}")
    if arm.activation is not None:
        parts.append(f"{arm.activation} activations")
    parts += _training_texts(arm)
    return ", ".join(parts) or "as the network is"


def headline(verdict: Verdict, plan: Plan, error_unit: str = "share") -> str:
    """The verdict in a sentence: decision, effect, interval, seeds; and why, if it is undecided.

    Args:
        verdict: The verdict.
        plan: Its plan: the target, and what the verdict is limited to.
        error_unit: `StudyFacts.error_unit`; differences of shares are given in points.

    Example:
        >>> from hunch.plan import faster
        >>> plan = Plan((Arm("before"), Arm("none")), (), "cross_entropy", (), target=0.25)
        >>> verdict = Verdict(faster("before", than="none"), "supported", 1.13, 1.03, 1.25, "exact", 3.1, 20,
        ...                   0.05, 0.095, (20,))
        >>> print(headline(verdict, plan))  # doctest: +NORMALIZE_WHITESPACE
        supported: before needs 3.1 times fewer iterations than none to reach cost 0.25
        (95 % interval 2.8 to 3.49, 20 seeds); whether by more than the margin of 1.1 times is open,
        at these learning rates
    """
    limits = f", {label(plan)}" if label(plan) else ""
    body = effect_text(verdict, plan, error_unit) or f'"{verdict.claim.text}"'
    asked_later = "exploratory: " if verdict.exploratory else ""
    sentence = f"{asked_later}{verdict.decision}: {body}{limits}{_early(verdict, plan)}"
    if not _is_open(verdict):
        return sentence + assumption(plan)
    reason = verdict.reason[:1].upper() + verdict.reason[1:]
    return ". ".join(part for part in (sentence, reason, price_text(verdict, plan)) if part) + "."


def effect_text(verdict: Verdict, plan: Plan, error_unit: str = "share") -> str:
    """The effect with its interval and seeds, in the direction of the estimate; empty without an estimate.

    Args:
        verdict: The verdict, declared or exploratory.
        plan: Says what the target is.
        error_unit: `StudyFacts.error_unit`.
    """
    if math.isnan(verdict.effect) or verdict.effect == 0:
        return ""
    estimated = "by the estimate " if _is_open(verdict) else ""
    body = f"{estimated}{_statement(verdict, plan, error_unit)} ({_certainty(verdict, plan, error_unit)})"
    return body + _beyond(verdict, error_unit)


def describe_sensitivity(found: Sensitivity, error_unit: str = "share") -> tuple[str, ...]:
    """How much a verdict depends on choices of the pilot, a line each; the first is the effect as decided.

    Args:
        found: What `sensitivity` found.
        error_unit: `StudyFacts.error_unit`.
    """
    claim = found.claim
    lines = []
    for row in found.rows:
        where = row.choice
        if row.choice.endswith("target") and row.target is not None:
            where += f" (cost {number(row.target)})"
        elif row.choice == "half the budget":
            where += f" ({row.budget:,.0f} iterations)"
        if math.isnan(row.effect):
            lines.append(f"{where}: no estimate")
            continue
        shown = ratio(math.exp(row.effect)) if claim.is_ratio else _amount(row.effect, claim, error_unit)
        text = f"{where}: {'ratio' if claim.is_ratio else 'difference'} {shown}"
        if row.high == math.inf:
            text += f" or more (interval from {ratio(math.exp(row.low))})"
        elif row.low == -math.inf:
            text += f" or less (interval up to {ratio(math.exp(row.high))})"
        elif not math.isnan(row.low):
            text += f" (interval {_ends(row.low, row.high, claim, error_unit)})"
        lines.append(text)
    if not math.isnan(found.correlation):
        lines.append(f"correlation of the two arms over seeds: {number(found.correlation, 2)}")
    return tuple(lines)


def _statement(verdict: Verdict, plan: Plan, error_unit: str) -> str:
    """The effect in words, in the direction of the estimate."""
    claim = verdict.claim
    a, b = claim.favoured, claim.reference
    if a is None or b is None:
        return _contrast(verdict, plan, error_unit)
    # A weight of +1 on the favoured arm means that a positive effect is a higher outcome.
    is_more = (verdict.effect > 0) == (dict(claim.weights)[a] > 0)
    if claim.is_ratio:
        size = f"{_size(verdict, error_unit)} times {'more' if is_more else 'fewer'}"
        if _says_equal(verdict):
            return f"{a} and {b} need about as many iterations to reach {_target(plan)}: {a} {size}"
        return f"{a} needs {size} iterations than {b} to reach {_target(plan)}"
    is_held = claim.outcome == "cost" and plan.metric == "held_out"
    one, two = _PHRASES["held_out_cost" if is_held else claim.outcome]
    size = f"{_size(verdict, error_unit)} {'higher' if is_more else 'lower'}"
    if _says_equal(verdict):
        return f"{a} and {b} {two}{_at(claim)}: {a} {size}"
    return f"{a} {one} {size} than {b}{_at(claim)}"


def _contrast(verdict: Verdict, plan: Plan, error_unit: str) -> str:
    """A contrast of several arms: its value, with its sign."""
    claim = verdict.claim
    terms = " ".join(f"{'+' if w > 0 else '−'}{number(abs(w))}·{arm}" for arm, w in claim.weights)
    if claim.is_ratio:
        least = "" if not _is_limit(verdict) else "at least " if verdict.effect > 0 else "at most "
        value = ratio(math.exp(_nearest_end(verdict) if least else verdict.effect))
        return f"the ratio {terms} of iterations to {_target(plan)} is {least}{value}"
    value = _amount(verdict.effect, claim, error_unit)
    return f"the contrast {terms} of {claim.outcome.replace('_', ' ')}{_at(claim)} is {value}"


def _certainty(verdict: Verdict, plan: Plan, error_unit: str) -> str:
    """The interval in the direction of the statement, the seeds, and what runs a bound hides."""
    claim, seeds = verdict.claim, seeds_text(verdict.seeds)
    low, high = verdict.low, math.inf if verdict.high is None else verdict.high
    if math.isnan(low) or (math.isinf(low) and math.isinf(high)):
        return seeds
    if verdict.effect < 0 and claim.favoured is not None:
        low, high = -high, -low
    if verdict.bound == "at_least":
        few = reach_text(tuple(pair for pair in verdict.reached if pair[1] < 0.8), "it")
        end = ratio(math.exp(low if math.isfinite(low) else high))
        side = "or more" if math.isfinite(low) else "or less"
        what = "limit" if _is_limit(verdict) else f"interval {end} {side}"
        return f"{level(verdict.alpha)} {what}, {seeds}; {few}"
    where = "" if verdict.new_data is not None else _where(claim, plan)
    text = f"{level(verdict.alpha)} interval {_ends(low, high, claim, error_unit)}{where}, {seeds}"
    if verdict.new_data is not None:
        text += f"; on new data from the same source {_new_data(verdict, error_unit)}"
    if _says_equal(verdict):
        text += f"; up to {_margin(verdict, error_unit)} does not matter"
    return text


def _where(claim: Claim, plan: Plan) -> str:
    """The examples that an interval is limited to, of which there is no other; empty for what is no mean over any."""
    if claim.outcome == "cost" and plan.metric == "train":
        return " on these training examples"
    return " on these held-out examples" if examples_kept(plan, claim) else ""


def _new_data(verdict: Verdict, error_unit: str) -> str:
    """The second interval in the direction of the statement, and a warning where it holds no difference."""
    assert verdict.new_data is not None
    low, high = verdict.new_data
    has_zero = low <= 0 <= high
    if verdict.effect < 0 and verdict.claim.favoured is not None:
        low, high = -high, -low
    text = _ends(low, high, verdict.claim, error_unit)
    return f"{text}, which holds no difference too" if has_zero else text


def _beyond(verdict: Verdict, error_unit: str) -> str:
    if verdict.beyond_margin:
        return f", more than the margin of {_margin(verdict, error_unit)}"
    if verdict.decision in (SUPPORTED, REFUTED) and verdict.claim.kind == "more":
        return f"; whether by more than the margin of {_margin(verdict, error_unit)} is open"
    return ""


def _early(verdict: Verdict, plan: Plan) -> str:
    """What an early stop does to an effect; nothing is said of arms that are equal, nor of a bound."""
    if not verdict.is_early or _says_equal(verdict) or _is_limit(verdict):
        return ""
    return (
        f"; decided after {verdict.looks[-1]:,} of at most {plan.look_counts[-1]:,} blocks, and effects at "
        "early looks come out too large on average"
    )


def price_text(verdict: Verdict, plan: Plan | None = None) -> str:
    """How many seeds it takes; empty where that is not known.

    Args:
        verdict: The verdict.
        plan: Its plan, for what to do if these are more seeds than it has; None: that is not said.
    """
    if verdict.seeds_needed is None:
        return ""
    fewest = seeds_for_sign_flip(verdict.history[-1].alpha if verdict.history else verdict.alpha)
    about = "at least" if fewest is not None and verdict.seeds < fewest else "about"
    needed = seeds_text(verdict.seeds_needed)
    text = f"It takes {'' if needed.startswith('more') else about + ' '}{needed} to decide"
    if plan is None or not verdict.is_final:
        return text
    if not plan.look_counts[-1] < verdict.seeds_needed <= MANY_SEEDS:
        return text
    keyword = "max_seeds" if plan.is_sequential else "seeds"
    # On seeds of its own: to go on with the seeds that were looked at would be one more look, which was not planned.
    return f"{text}: start a new study with {keyword}={verdict.seeds_needed} and seed={plan.seed + 1}"


def _says_equal(verdict: Verdict) -> bool:
    is_same = verdict.claim.kind == "same" and verdict.decision == SUPPORTED
    return is_same or verdict.decision in (NO_MEANINGFUL_DIFFERENCE, ABOUT_EQUAL)


def _is_open(verdict: Verdict) -> bool:
    return verdict.decision in (UNDECIDED, OPEN)


def _is_limit(verdict: Verdict) -> bool:
    """Whether the sentence names the end of the interval instead of the estimate."""
    return verdict.bound == "at_least" and not _is_open(verdict)


def _nearest_end(verdict: Verdict) -> float:
    """The end of the interval that is nearer to no effect."""
    return verdict.low if verdict.effect > 0 or verdict.high is None else verdict.high


def _size(verdict: Verdict, error_unit: str) -> str:
    """The size of the effect without its sign."""
    if not verdict.claim.is_ratio:
        return _amount(abs(verdict.effect), verdict.claim, error_unit)
    if _is_limit(verdict):
        return f"at least {ratio(math.exp(abs(_nearest_end(verdict))))}"
    return ratio(math.exp(abs(verdict.effect)))


def _margin(verdict: Verdict, error_unit: str) -> str:
    if verdict.claim.is_ratio:
        return f"{ratio(math.exp(verdict.margin))} times"
    return _amount(verdict.margin, verdict.claim, error_unit)


def _amount(value: float, claim: Claim, error_unit: str) -> str:
    if not _in_points(claim, error_unit):
        return number(value)
    text = number(100 * value)
    return f"{text} point{'' if text == '1' else 's'}"


def _ends(low: float, high: float, claim: Claim, error_unit: str) -> str:
    """An interval, its unit named once."""
    if claim.is_ratio:
        return f"{ratio(math.exp(low))} to {ratio(math.exp(high))}"
    first = number(100 * low) if _in_points(claim, error_unit) else number(low)
    return f"{first} to {_amount(high, claim, error_unit)}"


def _in_points(claim: Claim, error_unit: str) -> bool:
    return claim.outcome == "held_out_error" and error_unit == "share"


def _at(claim: Claim) -> str:
    return f" at site {claim.site}" if claim.site else ""


def _target(plan: Plan) -> str:
    held = "held-out " if plan.metric == "held_out" else ""
    return f"{held}cost {'unknown' if plan.target is None else number(plan.target)}"


def _norm_text(arm: Arm) -> str:
    if arm.norm is None:
        return ""
    if arm.norm == "none":
        return "no norm"
    where = "after" if arm.norm_at == "after_activation" else "before"
    return f"{_NORMS[arm.norm]} {where} the activation"


def _dropout_text(arm: Arm) -> str:
    if arm.keep_prob is None:
        return ""
    kind = f"{arm.dropout} dropout" if arm.dropout not in (None, "bernoulli") else "dropout"
    if isinstance(arm.keep_prob, int | float):
        text = "no dropout" if arm.keep_prob == 1 else f"{kind}: {keep_text(float(arm.keep_prob))}"
    else:
        sites = ", ".join(f"{keep_text(keep)} at site {site}" for site, keep in arm.keep_prob.items())
        text = f"{kind}: {sites}"
    if arm.keep_until not in (None, 1.0):
        text += f" for the first {number(100 * arm.keep_until)} % of the budget"
    return text


def _training_texts(arm: Arm) -> list[str]:
    """What is unusual about the optimizer; the learning rate only where it was given."""
    parts = []
    if arm.optimizer not in (None, "sgd"):
        parts.append(_OPTIMIZERS[arm.optimizer])
    usual = 0.9 if arm.optimizer in ("momentum", "nesterov") else 0.0
    if arm.momentum is not None and arm.momentum != usual:
        parts.append(f"momentum {number(arm.momentum)}")
    if arm.nesterov and arm.optimizer != "nesterov":
        parts.append("Nesterov")
    if arm.betas not in (None, (0.9, 0.999)):
        parts.append(f"betas {arm.betas[0]:g} and {arm.betas[1]:g}")
    if arm.eps not in (None, 1e-8):
        parts.append(f"eps {number(arm.eps)}")
    if arm.lr is not None:
        parts.append(f"learning rate {number(arm.lr)}")
    if arm.schedule not in (None, "constant"):
        parts.append(f"{arm.schedule.replace('_', ' then ')} schedule")
    if arm.batch_size not in (None, 64):
        parts.append(f"batches of {arm.batch_size:,}")
    return parts
