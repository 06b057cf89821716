"""Hunches about batch norm, run for real: small, but with what theory says of them."""

import math

import pytest

import hunch
from hunch.plan import ON_REQUEST

TINY = {
    "seeds": 5,
    "budget": 6,
    "target": 2.2,
    "base": hunch.Arm("base", lr=0.5, batch_size=16),
    "progress": False,
}


def test_gradients_grow_by_a_fifth_a_layer_of_relu_and_batch_norm_and_not_without():
    answer = hunch.test("bn-amplifies-gradients", seeds=8, progress=False)
    rows = answer.frame().query("regime == '20 layers'").set_index("claim")
    # √(π/(π - 1)) a layer in the mean field, for wide layers and large batches; here layers have 64 units.
    expected = 0.5 * math.log(math.pi / (math.pi - 1))
    assert set(rows["verdict"]) == {"supported"}
    for arm in ("before", "after"):
        grown = rows.loc[f"{arm} higher gradient_growth than none", "effect"]
        assert 0.75 * expected < grown < 1.5 * expected


def test_larger_updates_have_a_verdict_on_weights_and_shifts_in_every_regime():
    answer = hunch.test("bn-larger-updates", **TINY)
    assert list(answer.studies) == [
        "sigmoid at one rate",
        "sigmoid at own rates",
        "relu at one rate",
        "relu at own rates",
    ]
    assert len(answer.verdicts) == 8
    assert all(math.isfinite(verdict.effect) for verdict in answer.verdicts)
    assert answer.summary.word


def test_predictable_gradients_are_read_by_the_loop_in_both_arms():
    answer = hunch.test("bn-predictable-gradients", seeds=2, budget=3, progress=False)
    assert {study.facts.engine for study in answer.studies.values()} == {"loop"}
    assert [verdict.claim.outcome for verdict in answer.verdicts[:3]] == [
        "gradient_change", "gradient_predictiveness", "gradient_cosine",
    ]  # fmt: skip
    for study in answer.studies.values():
        read = study.readings()
        assert set(ON_REQUEST) <= set(read["reading"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bn-hurts-small-batches", "bn-allows-larger-rates", "norm-others-as-good"])
def test_a_quick_plan_ends_in_verdicts_with_reasons(name):
    answer = hunch.test(name, quick=True, progress=False)
    for verdict in answer.verdicts:
        assert verdict.decision != "undecided" or verdict.reason
