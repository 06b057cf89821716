"""What a verdict says, word for word."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hunch.evidence import (
    DECISIONS,
    Verdict,
    decide,
    describe_arm,
    describe_sensitivity,
    headline,
    iterations,
    label,
    level,
    number,
    percent,
    sensitivity,
)
from hunch.plan import Arm, contrast, faster, higher, lower, lower_cost, lower_error, same

INF, NAN = math.inf, math.nan
FASTER = faster("before", than="none")
INTERACTION = {"a": 1, "b": -1, "c": -1, "d": 1}


@pytest.fixture
def plan(made):
    return made.plan(FASTER, arms=("before", "none"), tuning="replicated")


def verdict(claim, decision, effect, low, high, **changes):
    given = {
        "bound": "exact",
        "ratio": math.exp(effect) if claim.is_ratio else None,
        "seeds": 20,
        "alpha": 0.05,
        "margin": math.log(1.1) if claim.is_ratio else 0.05,
        "looks": (20,),
    }
    return Verdict(claim, decision, effect, low, high, **(given | changes))


def log(*values):
    return [math.log(v) for v in values]


CENSORED = {"bound": "at_least", "reached": (("before", 1.0), ("none", 0.35))}

SENTENCES = [
    pytest.param(
        verdict(FASTER, "supported", *log(3.1, 2.8, 3.5)),
        "supported: before needs 3.1 times fewer iterations than none to reach cost 0.25 (95 % interval 2.8 "
        "to 3.5, 20 seeds); whether by more than the margin of 1.1 times is open",
        id="supported",
    ),
    pytest.param(
        verdict(FASTER, "supported", *log(3.1, 2.8, 3.5), beyond_margin=True, alpha=0.025, seeds=1),
        "supported: before needs 3.1 times fewer iterations than none to reach cost 0.25 "
        "(97.5 % interval 2.8 to 3.5, 1 seed), more than the margin of 1.1 times",
        id="beyond the margin, half of alpha",
    ),
    pytest.param(
        verdict(FASTER, "supported", *log(5, 2.8), None, **CENSORED),
        "supported: before needs at least 2.8 times fewer iterations than none to reach cost 0.25 (95 % "
        'limit, 20 seeds; arm "none" reached it in 35 % of its runs); whether by more than the margin of 1.1 '
        "times is open",
        id="a bound names the limit",
    ),
    pytest.param(
        verdict(FASTER, "refuted", *log(1 / 1.4, 1 / 1.6, 1 / 1.2)),
        "refuted: before needs 1.4 times more iterations than none to reach cost 0.25 (95 % interval 1.2 to "
        "1.6, 20 seeds); whether by more than the margin of 1.1 times is open",
        id="refuted says the opposite",
    ),
    pytest.param(
        verdict(faster("none", than="before"), "refuted", math.log(0.2), -INF, math.log(0.25), **CENSORED),
        "refuted: none needs at least 4 times more iterations than before to reach cost 0.25 (95 % limit, 20 "
        'seeds; arm "none" reached it in 35 % of its runs); whether by more than the margin of 1.1 times is '
        "open",
        id="a bound the other way",
    ),
    pytest.param(
        verdict(FASTER, "no meaningful difference", *log(1.02, 0.981, 1.0611)),
        "no meaningful difference: before and none need about as many iterations to reach cost 0.25: before "
        "1.02 times fewer (95 % interval 0.981 to 1.061, 20 seeds; up to 1.1 times does not matter)",
        id="equal",
    ),
    pytest.param(
        verdict(FASTER, "undecided", *log(1.2, 0.9, 1.6), seeds=8, seeds_needed=23, reason="the interval is wide"),
        "undecided: by the estimate before needs 1.2 times fewer iterations than none to reach cost 0.25 "
        "(95 % interval 0.9 to 1.6, 8 seeds). The interval is wide. It takes about 23 seeds to decide: start a new "
        "study with seeds=23 and seed=1.",
        id="undecided",
    ),
    pytest.param(
        verdict(FASTER, "undecided", *log(1.2, 0.9), None, reason="because", **CENSORED),
        "undecided: by the estimate before needs 1.2 times fewer iterations than none to reach cost 0.25 "
        '(95 % interval 0.9 or more, 20 seeds; arm "none" reached it in 35 % of its runs). Because.',
        id="an undecided bound gives the estimate",
    ),
    pytest.param(
        verdict(FASTER, "undecided", *log(0.8), NAN, NAN, seeds=1, seeds_needed=6, reason="there is only 1 seed"),
        "undecided: by the estimate before needs 1.25 times more iterations than none to reach cost 0.25 "
        "(1 seed). There is only 1 seed. It takes at least 6 seeds to decide.",
        id="one pair has no interval",
    ),
    pytest.param(
        verdict(FASTER, "undecided", NAN, NAN, NAN, seeds=0, reason="no arm learned"),
        'undecided: "before faster than none". No arm learned.',
        id="nothing to estimate",
    ),
    pytest.param(
        verdict(same("before", "none", margin=1.2), "supported", *log(1.01, 0.95, 1.05), margin=math.log(1.2)),
        "supported: before and none need about as many iterations to reach cost 0.25: before 1.01 times "
        "fewer "
        "(95 % interval 0.95 to 1.05, 20 seeds; up to 1.2 times does not matter)",
        id="same, supported",
    ),
    pytest.param(
        verdict(same("before", "none"), "refuted", *log(3, 2, 4), beyond_margin=True),
        "refuted: before needs 3 times fewer iterations than none to reach cost 0.25 "
        "(95 % interval 2 to 4, 20 seeds), more than the margin of 1.1 times",
        id="same, refuted",
    ),
    pytest.param(
        verdict(lower_error("before", than="none"), "supported", 0.012, 0.008, 0.0162, margin=0.005),
        "supported: before ends at a held-out error 1.2 points lower than none (95 % interval 0.8 to 1.62 "
        "points on these held-out examples, 20 seeds); whether by more than the margin of 0.5 points is open",
        id="error in points",
    ),
    pytest.param(
        verdict(lower_error("before", than="none"), "refuted", -0.01, -0.02, -0.005, margin=0.01),
        "refuted: before ends at a held-out error 1 point higher than none (95 % interval 0.5 to 2 points on "
        "these held-out examples, 20 seeds); whether by more than the margin of 1 point is open",
        id="one point",
    ),
    pytest.param(
        verdict(lower_cost("before", than="none"), "no meaningful difference", -0.01, -0.02, 0.005),
        "no meaningful difference: before and none end at about the same cost: before 0.01 higher "
        "(95 % interval −0.005 to 0.02 on these training examples, 20 seeds; up to 0.05 does not matter)",
        id="equal costs",
    ),
    pytest.param(
        verdict(lower("saturation", "before", than="none", site="0"), "supported", 0.3, 0.25, 0.35),
        "supported: before has a saturation 0.3 lower than none at site 0 (95 % interval 0.25 to 0.35, 20 "
        "seeds); whether by more than the margin of 0.05 is open",
        id="a reading",
    ),
    pytest.param(
        verdict(higher("slope", "before", than="none"), "refuted", -0.3, -0.35, -0.25),
        "refuted: before has a slope of the activation 0.3 lower than none (95 % interval 0.25 to 0.35, 20 "
        "seeds); whether by more than the margin of 0.05 is open",
        id="a higher reading, refuted",
    ),
    pytest.param(
        verdict(lower("gap", "before", than="none"), "supported", 0.3, 0.25, 0.35),
        "supported: before ends with a gap between held-out and training cost 0.3 lower than none (95 % "
        "interval 0.25 to 0.35 on these held-out examples, 20 seeds); whether by more than the margin of 0.05"
        " is open",
        id="the gap",
    ),
    pytest.param(
        verdict(contrast("cost", INTERACTION), "refuted", -0.3, -0.35, -0.25),
        "refuted: the contrast +1·a −1·b −1·c +1·d of cost is −0.3 (95 % interval −0.35 to −0.25 on these "
        "training examples, 20 seeds); whether by more than the margin of 0.05 is open",
        id="an interaction",
    ),
    pytest.param(
        verdict(contrast("iterations", INTERACTION), "supported", *log(3, 2), None, bound="at_least",
                reached=(("a", 0.5), ("b", 1.0), ("c", 1.0), ("d", 0.7))),
        "supported: the ratio +1·a −1·b −1·c +1·d of iterations to cost 0.25 is at least 2 (95 % limit, 20 "
        'seeds; arm "a" reached it in 50 % of its runs, arm "d" in 70 %); whether by more than the margin of '
        "1.1 times is open",
        id="an interaction with a bound",
    ),
    pytest.param(
        verdict(contrast("iterations", {"none": 1, "before": -1}), "supported", *log(3, 2, 4)),
        "supported: none needs 3 times more iterations than before to reach cost 0.25 (95 % interval 2 to 4, "
        "20 seeds); whether by more than the margin of 1.1 times is open",
        id="a pair that speaks for more iterations",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("made_verdict", "expected"), SENTENCES)
def test_the_headline_says(plan, made_verdict, expected):
    assert headline(made_verdict, plan) == expected


def test_the_sentences_above_cover_every_decision():
    assert {case.values[0].decision for case in SENTENCES} == set(DECISIONS)


def test_who_lacks_seeds_is_told_which_keyword_to_raise_where_more_than_were_planned_would_do(plan):
    unsure = verdict(FASTER, "undecided", *log(1.2, 0.9, 1.6), seeds_needed=97, reason="why")
    planned = replace(plan, looks=(5, 10, 20))
    assert headline(unsure, plan).endswith(
        "about 97 seeds to decide: start a new study with seeds=97 and seed=1."
    )
    assert headline(unsure, planned).endswith(
        "about 97 seeds to decide: start a new study with max_seeds=97 and seed=1."
    )
    for other in ({"is_final": False}, {"seeds_needed": 20}):
        assert headline(replace(unsure, **other), planned).endswith("seeds to decide.")
    assert headline(replace(unsure, seeds_needed=10_001), planned).endswith(
        "more than 10,000 seeds to decide."
    )


def test_every_headline_is_limited_to_the_rates_it_holds_for(plan):
    said = verdict(FASTER, "supported", *log(3.1, 2.8, 3.5))
    once, given = replace(plan, tuning="once"), made_for_given_rates(plan)
    assert label(plan) == ""
    assert headline(said, once).endswith("is open, at these learning rates")
    assert headline(said, given).endswith("is open, at the learning rates given")
    unsure = verdict(FASTER, "undecided", NAN, NAN, NAN, reason="why")
    assert headline(unsure, once) == 'undecided: "before faster than none", at these learning rates. Why.'


def made_for_given_rates(plan):
    return replace(plan, tuning="none", arms=tuple(replace(a, lr=0.1) for a in plan.arms))


def test_the_held_out_metric_is_named(plan):
    held = replace(plan, metric="held_out")
    assert "to reach held-out cost 0.25" in headline(verdict(FASTER, "supported", *log(3, 2, 4)), held)
    cost = verdict(lower_cost("before", than="none"), "supported", 0.3, 0.2, 0.4)
    assert "ends at a held-out cost 0.3 lower" in headline(cost, held)


def test_a_regression_error_is_in_the_targets_unit(plan):
    said = verdict(lower_error("before", than="none"), "supported", 0.012, 0.008, 0.0162)
    assert "held-out error 0.012 lower than none (95 % interval 0.008 to 0.0162" in headline(
        said, plan, "target"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (1.25, "1.25"), (99.96, "100"), (0.1 + 0.2, "0.3"),
        (1234.0, "1,230"), (999_600.0, "1e6"), (3.2e7, "3.2e7"), (9.996e-5, "0.0001"), (1.2e-5, "1.2e-5"),
        (-0.0314159, "−0.0314"), (-1e-9, "−1e-9"), (INF, "∞"), (-INF, "−∞"), (NAN, "unknown"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value, text):
    assert number(value) == text


def test_a_time_that_is_censored_is_above_the_budget_and_never_the_budget():
    assert iterations(INF, 1500) == "> 1,500"
    assert iterations(1600.0, 1500) == "> 1,500"
    assert iterations(1500.0, 1500) == "1,500"
    assert iterations(NAN, 1500) == "unknown"


def test_levels_and_shares_keep_what_alpha_asks_for():
    assert [level(0.05 / k) for k in (1, 2, 4, 6, 50)] == ["95 %", "97.5 %", "98.75 %", "99.17 %", "99.9 %"]
    assert [percent(s) for s in (0.0, 1 / 3, 0.95)] == ["0 %", "33.3 %", "95 %"]


@pytest.mark.parametrize(
    ("arm", "text"),
    [
        (Arm("x"), "as the network is"),
        (Arm("x").resolved(1000), "as the network is"),
        (Arm("x", norm="none"), "no norm"),
        (Arm("x", norm="rms", norm_at="after_activation"), "RMS norm after the activation"),
        (Arm("x", keep_prob=0.8), "dropout: keep 0.8 (PyTorch nn.Dropout(p=0.2))"),
        (Arm("x", keep_prob=1.0), "no dropout"),
        (
            Arm("x", keep_prob={"2": 0.5, "0": 0.9}, dropout="exact", keep_until=0.25),
            "exact dropout: keep 0.9 (PyTorch nn.Dropout(p=0.1)) at site 0, keep 0.5 (PyTorch "
            "nn.Dropout(p=0.5)) "
            "at site 2 for the first 25 % of the budget",
        ),
        (Arm("x", l2=1e-5, weight_decay=0.1), "L2 1e-5, weight decay 0.1"),
        (Arm("x", optimizer="adamw").resolved(1000), "AdamW"),
        (Arm("x", optimizer="adamw", weight_decay=0.0).resolved(1000), "weight decay 0, AdamW"),
        (Arm("x", optimizer="nesterov").resolved(1000), "SGD with Nesterov momentum"),
        (Arm("x", momentum=0.5, nesterov=True), "momentum 0.5, Nesterov"),
        (
            Arm("x", optimizer="adam", betas=(0.8, 0.99), eps=1e-6, lr=0.01, schedule="warmup_cosine", batch_size=8),
            "Adam, betas 0.8 and 0.99, eps 1e-6, learning rate 0.01, warmup then cosine schedule, batches of 8",
        ),
        (
            Arm("x", init_std=5, activation="tanh", l2=0.1, decay_norm=True),
            "L2 0.1, decay on norm parameters and biases too, weights drawn with standard deviation 5, "
            "tanh activations",
        ),
    ],
)  # fmt: skip
def test_an_arm_is_described_by_what_it_changes(arm, text):
    assert describe_arm(arm) == text


def test_sensitivity_is_described_line_by_line(made):
    plan = made.plan(faster("a", than="b"), lower_error("a", than="b"))
    times = made.times(ratio=2.0)
    times["b"][:6] = INF
    rng = np.random.default_rng(1)
    table = made.table(
        plan,
        time=times,
        held_error={arm: e + 0.01 * rng.normal(size=20) for arm, e in (("a", 0.1), ("b", 0.2))},
    )
    ratio, error = (describe_sensitivity(sensitivity(plan, table, c)) for c in plan.claims)
    assert [line.split(":")[0] for line in ratio] == [
        "as decided",
        "easier target (cost 0.39)",
        "harder target (cost 0.144)",
        "half the budget (500 iterations)",
        "correlation of the two arms over seeds",
    ]
    assert " or more (interval from " in ratio[0]
    assert error[0] == "as decided: difference 9.93 points (interval 9.1 to 10.8 points)"


def test_sensitivity_without_runs_says_so(made):
    plan = made.plan(n=0)
    lines = describe_sensitivity(sensitivity(plan, made.table(plan), plan.claims[0]))
    assert lines
    assert all(line.endswith(": no estimate") for line in lines)


def test_no_sentence_about_a_verdict_mentions_significance(made):
    plan = made.plan(faster("a", than="b"), same("a", "b"), lower_cost("a", than="b"))
    for ratio in (1.0, 1.1, 3.0):
        for said in decide(plan, made.table(plan, time=made.times(ratio=ratio))):
            assert "significan" not in headline(said, plan)
