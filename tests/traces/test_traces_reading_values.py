"""Readings as arrays: recorded, on request, derived."""

import numpy as np
import pytest

from hunch.plan import ON_REQUEST, READING_NAMES, RECORDED
from hunch.traces import RunKey, Trace, reading_mean, reading_values

NOTHING = np.empty(0)


def made(gradients, at=(1, 3), n_readings=10) -> Trace:
    """A trace with these gradient norms, (steps, sites), and nothing else."""
    gradients = np.asarray(gradients, dtype=np.float32)
    readings = np.full((len(gradients), n_readings, gradients.shape[1]), np.nan, dtype=np.float32)
    readings[:, RECORDED.index("gradient_norm")] = gradients
    key = RunKey("confirm", "a", 0, 0.1, 3)
    return Trace(key, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, np.array(at), readings)


def test_a_recorded_reading_is_what_was_recorded():
    trace = made([[1, 2], [3, 4]])
    assert reading_values(trace, "gradient_norm").tolist() == [[1, 2], [3, 4]]
    assert reading_values(trace, "gradient_norm").dtype == np.float64


def test_growth_is_the_log_of_a_layers_gradient_over_the_next_layers():
    growth = reading_values(made([[8, 4, 1], [1, 2, 2]]), "gradient_growth")
    assert growth[:, :2] == pytest.approx(np.log([[2, 4], [0.5, 1]]))
    assert np.isnan(growth[:, 2]).all(), "the last layer has no next one"


def test_the_mean_of_growth_over_sites_is_first_over_last_per_layer():
    trace = made([[16, 3, 5, 2]], at=(1,))
    assert reading_mean(trace, "gradient_growth") == pytest.approx(np.log(16 / 2) / 3)
    assert reading_mean(trace, "gradient_growth", 1) == pytest.approx(np.log(3 / 5))


@pytest.mark.parametrize("gradients", [[[0, 1]], [[1, 0]], [[np.inf, 1]], [[np.nan, 1]]])
def test_growth_of_what_vanished_or_blew_up_does_not_apply(gradients):
    assert np.isnan(reading_values(made(gradients, at=(1,)), "gradient_growth")).all()
    assert np.isnan(reading_mean(made(gradients, at=(1,)), "gradient_growth"))


@pytest.mark.parametrize("reading", ON_REQUEST)
def test_what_was_not_asked_for_does_not_apply(reading):
    values = reading_values(made([[1, 2], [3, 4]]), reading)
    assert values.shape == (2, 2)
    assert np.isnan(values).all()
    assert np.isnan(reading_mean(made([[1, 2], [3, 4]]), reading))


def test_what_was_asked_for_stands_behind_what_is_always_recorded():
    trace = made([[1, 2], [3, 4]], n_readings=len(RECORDED) + len(ON_REQUEST))
    trace.readings[:, len(RECORDED) + 1] = 7
    assert ON_REQUEST[1] == "gradient_predictiveness"
    assert reading_mean(trace, "gradient_predictiveness") == 7


def test_recorded_readings_keep_their_places():
    # Study files hold them by position: a new one goes behind, never between.
    assert RECORDED == (
        "saturation", "saturated", "slope", "inactive", "preactivation_mean", "preactivation_spread",
        "gradient_norm", "update_weight", "update_weight_relative", "update_shift",
    )  # fmt: skip
    assert ON_REQUEST == ("gradient_change", "gradient_predictiveness", "gradient_cosine")
    assert READING_NAMES[: len(RECORDED) + len(ON_REQUEST)] == RECORDED + ON_REQUEST
