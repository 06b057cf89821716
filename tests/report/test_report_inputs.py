"""What the activations receive: the functions as torch has them, and mean and spread as the runs have them."""

import math

import numpy as np
import pytest
import torch

from hunch.network import KNOWN
from hunch.plan import READING_NAMES
from hunch.report import charts
from hunch.report.activations import FLAT_BELOW, FUNCTIONS, flat_stretches
from hunch.report.inputs import MOST, input_panels
from hunch.report.inputs_chart import inputs_chart
from hunch.report.theme import plain_spec
from hunch.report.twins import input_twin
from hunch.traces import RunTable

Z = np.linspace(-7, 7, 57) + 1e-3  # never at 0, where relu has no slope of its own


def test_every_activation_that_hunch_knows_is_drawn_as_torch_has_it():
    assert set(FUNCTIONS) == set(KNOWN)
    for name, function in FUNCTIONS.items():
        z = torch.from_numpy(Z)
        np.testing.assert_allclose(function.value(Z), KNOWN[name].make()(z).numpy(), atol=1e-12, err_msg=name)
        np.testing.assert_allclose(function.slope(Z), KNOWN[name].slope(z).numpy(), atol=1e-12, err_msg=name)


def test_the_flat_stretches_are_where_little_of_the_slope_is_left():
    (left, right) = flat_stretches("sigmoid", -9.0, 9.0)
    assert left[0] == -9.0
    assert right[1] == 9.0
    edge = math.log((1 + math.sqrt(1 - FLAT_BELOW)) / (1 - math.sqrt(1 - FLAT_BELOW)))  # s(1-s) = 0.05 / 4
    assert left[1] == pytest.approx(-edge, abs=0.01)
    assert right[0] == pytest.approx(edge, abs=0.01)
    assert flat_stretches("relu", -4.0, 4.0) == ((-4.0, 0.0),)
    assert flat_stretches("softplus", -1.0, 4.0) == ()
    for name in FUNCTIONS:
        for low, high in flat_stretches(name, -9.0, 9.0):
            middle = FUNCTIONS[name].slope(np.array([(low + high) / 2]))
            assert abs(middle[0]) < FLAT_BELOW * 1.2


@pytest.fixture(scope="module")
def study(studies):
    """Two arms, three seeds, of which only mean and spread at layer 2 are set."""
    plan = studies.plan(arms=("none", "before"), n=3, budget=40, claims=())
    table = studies.table(plan)
    mean, spread = (READING_NAMES.index(f"preactivation_{what}") for what in ("mean", "spread"))
    for trace in table:
        trace.readings[:, mean, 1] = 1.0 + trace.key.seed
        trace.readings[:, spread, 1] = 0.5
        trace.readings[-1, mean, 1] = 30.0
        trace.readings[-1, spread, 1] = 2.0 if trace.key.arm == "none" else np.nan
    return plan, table


def test_rows_have_the_median_over_seeds_of_the_first_and_the_last_reading(study):
    panel = next(p for p in input_panels(*study) if p.site == study[1].facts.sites[1].name)
    first, last = panel.rows[0], panel.rows[1]
    assert (first.arm, first.when, first.mean, first.spread) == ("none", "first reading", 2.0, 0.5)
    assert (last.when, last.mean, last.spread) == ("last reading", 30.0, 2.0)
    before = [row for row in panel.rows if row.arm == "before"]
    assert before[1].mean == 2.0  # its last reading is missing: the last that was taken stands for it
    assert before[1].at < last.at


def test_the_axis_ends_and_what_lies_beyond_is_an_arrow_and_a_number(study):
    panels = input_panels(*study)
    assert {panel.domain for panel in panels} == {(-MOST, MOST)}
    panel = next(p for p in panels if p.site == study[1].facts.sites[1].name)
    spec = plain_spec(inputs_chart(panel, ["none", "before"]))
    rows = [row for data in spec["datasets"].values() for row in data if "out_high" in row]
    assert [row["out_high"] for row in rows if row["mean"] == 30.0] == [True] * sum(
        r["mean"] == 30.0 for r in rows
    )
    assert max(row["at"] for row in rows) == MOST
    assert "30 ± 2" in panel.alt
    assert any("30" in row for row in input_twin(panels).rows)


def test_a_last_layer_and_an_unknown_activation_have_no_picture(study, studies):
    names = [site.name for site in study[1].facts.sites if site.activation is None]
    assert names
    assert not set(names) & {panel.site for panel in input_panels(*study)}
    plan, table = study
    facts = studies.facts(sites=tuple(type(s)(s.name, s.n_in, s.n_units, "odd") for s in table.facts.sites))
    assert input_panels(plan, RunTable(facts, list(table))) == ()
    assert "inputs" not in charts(plan, RunTable(facts, list(table)), [])


def test_what_is_left_of_a_mean_that_a_norm_took_away_is_shown_as_0(studies):
    plan = studies.plan(arms=("before",), n=2, budget=40, claims=())
    table = studies.table(plan)
    mean = READING_NAMES.index("preactivation_mean")
    for trace in table:
        trace.readings[:, mean, :] = 3e-9
    assert {row.mean for panel in input_panels(plan, table) for row in panel.rows} == {0.0}
