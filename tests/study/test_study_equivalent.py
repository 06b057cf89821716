"""Equivalent doses. The test of the method: input dropout in linear regression is exactly ridge."""

import json
import math

import numpy as np
import pytest

import hunch
from hunch.errors import PlanError


def regression(n=40, n_held=400, features=20):
    """Few examples for their features, standardised, so that regularising matters."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n + n_held, features))
    train = (x[:n] - x[:n].mean(0)) / x[:n].std(0)
    weights = rng.normal(size=features) / 4
    y = np.concatenate([train, x[n:]]) @ weights + rng.normal(size=n + n_held)
    both = [a.astype(np.float32) for a in (train, y[:n], x[n:], y[n:])]
    return tuple(both)


LAMBDAS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5]


def ask(dose, **other):
    settings = {
        "knob": "keep_prob at input",
        "doses": LAMBDAS,
        "arm": hunch.Arm("x", lr=0.03, batch_size=32, schedule="cosine"),
        "budget": 2_000,
        "seeds": 10,
        "progress": False,
    }
    return hunch.equivalent(hunch.mlp([20, 1]), regression(), dose=dose, **(settings | other))


@pytest.fixture(scope="module")
def found():
    return ask([0.5, 0.8, 0.9])


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.9])
def test_dropping_inputs_is_ridge_with_twice_the_odds_of_dropping(found, keep):
    """E‖y - X'w‖² under dropout is ridge of 2(1 - p)/p on the mean squared error, λ/2·‖w‖²."""
    expected = 2 * (1 - keep) / keep
    pieces = found.intervals(keep)
    assert any(low <= expected <= high for low, high in pieces)
    (only,) = pieces
    assert only[1] / max(only[0], 0.05) < 2.5, "the set is no wider than a cell or two"
    (answer,) = [d for d in found.doses if d.given == keep]
    assert answer.point == pytest.approx(expected, rel=0.06)
    assert not answer.unbounded_low
    assert not answer.unbounded_high


def test_the_check_can_fail(found):
    """The factor 2 of λ/2 is seen: half of it lies in no set."""
    for keep in (0.5, 0.8):
        wrong = (1 - keep) / keep
        assert not any(low <= wrong <= high for low, high in found.intervals(keep))


def test_a_dose_beyond_what_was_tested_is_empty_or_unbounded():
    beyond = ask(0.5, doses=[0, 0.1, 0.2], seeds=6)
    assert beyond.intervals() == ()
    assert beyond.doses[0].is_empty
    assert "no tested l2 does the same (95 % confidence)" in str(beyond)
    edge = ask(0.9, doses=[0, 0.1, 0.22], seeds=6)
    assert edge.intervals()[-1][1] == 0.22
    assert edge.doses[0].unbounded_high
    assert "or more" in str(edge)


def test_it_is_stored_and_opened_again(tmp_path):
    path = tmp_path / "e.hunch"
    first = ask(0.8, doses=[0, 0.5, 2], seeds=5, budget=200, store=path)
    again = hunch.open(path)
    assert isinstance(again, hunch.Equivalence)
    assert str(again) == str(first)
    assert again.tested == (0, 0.5, 2)
    assert json.loads(json.dumps(again.to_json()))["doses"][0]["given"] == 0.8
    assert list(again.curve().columns) == ["knob", "dose", "mean"]
    for kind in ("png", "svg", "html"):
        picture = again.report(tmp_path / f"e.{kind}").read_bytes()
        assert picture == first.report(tmp_path / f"f.{kind}").read_bytes()
        assert picture.startswith({"png": b"\x89PNG", "svg": b"<svg", "html": b"<!"}[kind])
    assert "keep 0.8 (PyTorch nn.Dropout(p=0.2))" in (tmp_path / "e.svg").read_text(encoding="utf-8")
    with pytest.raises(PlanError, match=r"ends in .html, .txt.*\[results-report-kind\]"):
        again.report(tmp_path / "e.pdf")
    assert again.report(tmp_path / "e.txt").read_text(encoding="utf-8").startswith("which l2 does to the gap")


def test_what_makes_no_sense_is_refused():
    with pytest.raises(PlanError, match=r"two different knobs.*\[plan-knob\]"):
        ask(0.5, knob="l2")
    with pytest.raises(PlanError, match=r"dose must be a number.*\[plan-doses\]"):
        ask("0.5")
    with pytest.raises(
        PlanError, match=r"keep_prob at site 'input' must be in \(0, 1\], got 2.*\[plan-keep-prob\]"
    ):
        ask(2)
    with pytest.raises(PlanError, match=r"outcome must be one of gap, cost.*\[plan-dose-outcome\]"):
        ask(0.5, outcome="accuracy")
    with pytest.raises(PlanError, match=r"32 examples that pilot and tuning train on.*\[plan-batch-size\]"):
        ask(0.5, arm=hunch.Arm("x", lr=0.03, batch_size=40))


def test_too_few_seeds_decide_nothing():
    few = ask(0.5, doses=[0, 0.5], seeds=3, budget=50)
    assert few.doses[0].reason == "few seeds"
    assert "undecided" in str(few)
    assert math.isnan(few.doses[0].point) or few.doses[0].point >= 0


def test_one_answer_of_several_has_to_be_named(found):
    with pytest.raises(PlanError, match=r"no single answer for the dose None.*\[results-given-dose\]"):
        found.intervals()
