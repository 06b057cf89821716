"""Which cost fits, and what a constant prediction costs."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

import hunch.data.cost
from hunch.data import (
    choose_cost,
    constant_cost,
    constant_error,
    constant_losses,
    constant_right,
    digits,
    load,
)
from hunch.errors import HunchError, PlanError
from hunch.plan import Arm, Plan

RNG = np.random.default_rng(2)
X = RNG.normal(size=(90, 4))
BINARY = load((X, (RNG.random(90) < 0.3).astype(int)))
THREE = load((X, np.r_[np.zeros(50, int), np.ones(10, int), np.full(30, 2)]))
AMOUNT = load((X, RNG.normal(3, 2, 90)))
TWO_AMOUNTS = load((X, RNG.normal(3, 2, (90, 2))))


@pytest.mark.parametrize(
    ("data", "n_outputs", "cost", "chosen"),
    [
        (BINARY, 1, "auto", "binary_cross_entropy"),
        (BINARY, 1, "binary_cross_entropy", "binary_cross_entropy"),
        (BINARY, 2, "auto", "cross_entropy"),
        (BINARY, 5, "auto", "cross_entropy"),
        (THREE, 3, "auto", "cross_entropy"),
        (THREE, 3, "cross_entropy", "cross_entropy"),
        (AMOUNT, 1, "auto", "mean_squared_error"),
        (AMOUNT, 1, "huber", "huber"),
        (TWO_AMOUNTS, 2, "auto", "mean_squared_error"),
    ],
)
def test_the_cost_that_fits_is_chosen(data, n_outputs, cost, chosen):
    assert choose_cost(data, n_outputs, cost) == chosen


@pytest.mark.parametrize(
    ("data", "n_outputs", "cost", "slug"),
    [
        (THREE, 1, "auto", "data-outputs-classes"),
        (THREE, 2, "auto", "data-labels-range"),
        (THREE, 2, "cross_entropy", "data-labels-range"),
        (THREE, 1, "binary_cross_entropy", "data-outputs-classes"),
        (BINARY, 1, "huber", "data-cost-fit"),
        (AMOUNT, 3, "auto", "data-float-labels"),
        (AMOUNT, 1, "binary_cross_entropy", "data-cost-fit"),
        (TWO_AMOUNTS, 1, "auto", "data-outputs-columns"),
        (TWO_AMOUNTS, 2, "mse", "data-cost-unknown"),
    ],
)
def test_a_cost_that_does_not_fit_is_refused(data, n_outputs, cost, slug):
    with pytest.raises(HunchError, match=slug):
        choose_cost(data, n_outputs, cost)


def test_data_and_plan_call_the_costs_alike():
    for cost in hunch.data.cost.COSTS:
        assert Plan(arms=(Arm("a"),), claims=(), cost=cost, seeds=()).cost == cost
    with pytest.raises(PlanError, match=f"cost must be one of {', '.join(hunch.data.cost.COSTS)}, got 'x'"):
        Plan(arms=(Arm("a"),), claims=(), cost="x", seeds=())


@pytest.mark.parametrize("on", ["train", "held"])
@pytest.mark.parametrize("data", [BINARY, THREE])
def test_c0_of_labels_is_the_cross_entropy_of_the_frequencies(data, on):
    y = torch.tensor(data.y if on == "train" else data.y_held)
    share = np.bincount(data.y) / data.n
    logits = torch.log(torch.tensor(share)).expand(len(y), -1)
    expected = functional.cross_entropy(logits, y).item()
    assert constant_cost(data, "cross_entropy", on) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("on", ["train", "held"])
def test_c0_of_two_classes_is_the_binary_cross_entropy_with_logits(on):
    y = torch.tensor(BINARY.y if on == "train" else BINARY.y_held).double()
    share = BINARY.y.mean()
    logits = torch.full_like(y, float(np.log(share / (1 - share))))
    expected = functional.binary_cross_entropy_with_logits(logits, y).item()
    assert constant_cost(BINARY, "binary_cross_entropy", on) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("cost", "oracle"), [("mean_squared_error", functional.mse_loss), ("huber", functional.huber_loss)]
)
@pytest.mark.parametrize("on", ["train", "held"])
@pytest.mark.parametrize("data", [AMOUNT, TWO_AMOUNTS])
def test_c0_of_amounts_is_the_cost_of_the_training_mean(data, on, cost, oracle):
    y = torch.tensor(data.y if on == "train" else data.y_held).double()
    mean = torch.tensor(data.y).double().mean(dim=0).expand_as(y)
    assert constant_cost(data, cost, on) == pytest.approx(oracle(mean, y).item(), rel=1e-12)


def test_c0_on_some_rows_still_predicts_from_the_whole_training_part():
    rows = np.flatnonzero(THREE.y == 1)
    expected = -np.log((THREE.y == 1).mean())
    assert constant_cost(THREE, "cross_entropy", rows=rows) == pytest.approx(expected, rel=1e-12)


def test_c0_is_the_least_that_a_constant_can_cost_on_its_own_part():
    y = AMOUNT.y.astype(float)
    least = constant_cost(AMOUNT, "mean_squared_error")
    assert all(((y - y.mean() - shift) ** 2).mean() > least for shift in (-0.1, 0.1))


@pytest.mark.parametrize(("cost", "on"), [("mse", "train"), ("huber", "test")])
def test_unknown_words_are_no_constant_cost(cost, on):
    with pytest.raises(ValueError, match=cost if cost == "mse" else on):
        constant_cost(AMOUNT, cost, on)


@pytest.mark.parametrize(
    ("data", "cost"),
    [
        (BINARY, "binary_cross_entropy"), (BINARY, "cross_entropy"), (THREE, "cross_entropy"),
        (AMOUNT, "mean_squared_error"), (AMOUNT, "huber"), (TWO_AMOUNTS, "mean_squared_error"), (TWO_AMOUNTS, "huber"),
    ],
)  # fmt: skip
def test_c0_held_out_is_the_mean_of_what_the_constant_costs_on_every_example(data, cost):
    losses = constant_losses(data, cost)
    assert losses.shape == (data.n_held,)
    assert losses.mean() == pytest.approx(constant_cost(data, cost, on="held"), rel=1e-12)


def test_what_a_constant_costs_on_an_example_depends_on_its_own_target():
    share = np.bincount(THREE.y) / THREE.n
    assert constant_losses(THREE, "cross_entropy") == pytest.approx(-np.log(share[THREE.y_held]))
    distance = TWO_AMOUNTS.y_held.astype(float) - TWO_AMOUNTS.y.astype(float).mean(axis=0)
    assert constant_losses(TWO_AMOUNTS, "mean_squared_error") == pytest.approx((distance**2).mean(axis=1))
    with pytest.raises(ValueError, match="no cost 'mse'"):
        constant_losses(AMOUNT, "mse")


def test_the_constant_guess_is_right_on_the_majority_class_and_of_several_on_the_smallest_label():
    assert constant_right(THREE).tolist() == (THREE.y_held == 0).tolist()
    assert 1 - constant_right(THREE).mean() == pytest.approx(constant_error(THREE))
    tied = load((X[:8], np.array([0, 1, 2, 1, 2, 0, 1, 2]), X[8:11], np.array([0, 1, 2])))
    assert constant_right(tied).tolist() == [False, True, False]


def test_the_constant_error_of_labels_is_the_share_that_the_majority_gets_wrong():
    assert np.bincount(THREE.y).argmax() == 0
    assert constant_error(THREE) == (THREE.y_held != 0).mean()
    assert 0.88 < constant_error(digits()) < 0.92


def test_the_constant_error_of_amounts_is_in_their_own_unit():
    price = RNG.normal(300, 50, 200)
    data = load(pd.DataFrame({"a": RNG.normal(size=200), "price": price}), y="price")
    held = data.y_held * data.y_scale + data.y_offset
    expected = np.sqrt(((held - data.y_offset) ** 2).mean())
    assert constant_error(data) == pytest.approx(expected, rel=1e-5)
    assert 35 < constant_error(data) < 65


@pytest.mark.parametrize("seed", range(5))
def test_the_row_that_a_message_names_is_a_row_of_what_was_given(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(50, 2)), np.arange(50) % 2
    y[rng.choice(50, size=5, replace=False)] = 2
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(t=y.astype(str))
    for data in (load((x, y)), load((x, y, x + 1, y)), load(frame, y="t")):
        with pytest.raises(HunchError, match="y has 2 in row") as caught:
            choose_cost(data, 2)
        row = int(re.search(r"in row (\d+) \(", str(caught.value))[1])
        assert y[row] == 2
        assert np.array_equal(data.rows, np.sort(data.rows)) and np.array_equal(y[data.rows], data.y)


def test_where_rows_were_dropped_the_row_is_one_of_the_training_part():
    x, y = np.linspace(0, 1, 40).reshape(20, 2), np.arange(20) % 3
    x[0, 0] = np.nan
    data = load((x, y), missing="drop")
    assert data.rows is None
    with pytest.raises(HunchError, match=r"in row \d+ of the training part \(counted from 0"):
        choose_cost(data, 2)
