"""Doses beyond the ends of a curve, trained only where the best mean lies there; and grids of two knobs."""

import itertools

import numpy as np
import pytest
from dose_tables import Asked, curve_of, grid, noisy

from hunch.evidence import fresh_pair, wanted_spares


@pytest.mark.parametrize(
    ("means", "wanted"),
    [
        ((0.7, 0.8, 0.9), ("l2=0.001", "l2=0.003")),
        ((0.9, 0.8, 0.7), ("l2=10",)),
        ((0.9, 0.7, 0.8), ()),
        ((0.7, 0.9, 0.7), ()),  # doses at both ends share the lowest mean: it lies at neither
        ((0.8, 0.8, 0.8), ()),
    ],
    ids=["low", "high", "inside", "both", "all alike"],
)
def test_doses_beyond_an_end_are_wanted_where_the_best_mean_lies_there(made, means, wanted):
    asked = Asked(made, curve_of(0.01, 0.1, 1.0, low=(0.001, 0.003), high=(10.0,)))
    runs = asked.blocks({arm: [mean] * 8 for arm, mean in zip(asked.curve.base, means, strict=True)})
    table = asked.table(runs)
    assert wanted_spares(asked.plan, table, asked.curve) == wanted
    without = asked.table([t for t in runs if (t.key.arm, t.key.seed) != ("l2=0.1", 3)])
    assert wanted_spares(asked.plan, without, asked.curve) == (), "not before every dose has every run"
    assert wanted_spares(asked.plan, asked.table(), asked.curve) == ()


def test_the_mean_decides_on_more_doses_whether_or_not_others_are_excluded(made):
    """On a flat curve the ends are hardly ever excluded: that alone is no reason to go on."""
    asked = Asked(made, curve_of(0.01, 0.1, 1.0, high=(10.0,)))
    rng = np.random.default_rng(2)
    values = {arm: 1 + 0.3 * rng.normal(size=8) for arm in asked.curve.base}
    values["l2=0.1"] += min(np.mean(v) for v in values.values()) - np.mean(values["l2=0.1"]) - 0.02
    found = asked.read(asked.blocks(values))
    assert found.best == "l2=0.1"
    assert found.doses[2].status != "excluded as best"
    assert len(found.doses) == 3


def test_an_end_without_doses_beyond_ends_there(made):
    """Keep 1 and λ 0: nothing lies beyond, wherever the best mean is."""
    asked = Asked(made, curve_of(0.5, 0.8, 1.0, knobs=("keep_prob",), low=(0.2,)))
    runs = asked.blocks(dict(zip(asked.curve.base, ([0.9] * 8, [0.8] * 8, [0.7] * 8), strict=True)))
    assert asked.read(runs).best == "keep_prob=1"
    assert wanted_spares(asked.plan, asked.table(runs), asked.curve) == ()


def test_an_unstable_end_is_no_reason_to_go_beyond_it(made):
    asked = Asked(made, curve_of(0.01, 0.1, 1.0, high=(10.0,)))
    values = {arm: [mean] * 8 for arm, mean in zip(asked.curve.base, (0.9, 0.7, 0.6), strict=True)}
    runs = asked.blocks(values, diverged={("l2=1", k) for k in range(4)})
    assert asked.read(runs).best == "l2=0.1"
    assert wanted_spares(asked.plan, asked.table(runs), asked.curve) == ()


def test_doses_beyond_an_end_are_shown_once_they_are_all_there(made):
    asked = Asked(made, curve_of(0.01, 0.1, 1.0, high=(10.0, 100.0), default=0.01))
    base = noisy(dict(zip(asked.curve.base, (0.9, 0.8, 0.7), strict=True)), 8)
    more = noisy({"l2=10": 0.5, "l2=100": 0.4}, 8)
    runs, beyond = asked.blocks(base), asked.blocks(more)
    waiting = asked.read(runs, beyond[:-1])
    assert waiting.is_pending
    assert [d.arm for d in waiting.doses] == list(asked.curve.base)
    assert fresh_pair(asked.plan, asked.table(runs, beyond[:-1]), asked.curve) is None, (
        "the best is not known yet"
    )
    found = asked.read(runs, beyond)
    assert not found.is_pending
    assert [d.value for d in found.doses] == [(0.01,), (0.1,), (1.0,), (10.0,), (100.0,)]
    assert found.best == "l2=100", "and it is not extended again"
    assert fresh_pair(asked.plan, asked.table(runs, beyond), asked.curve) == ("l2=100", "l2=0.01")


def test_what_was_trained_beyond_an_end_in_vain_is_no_part_of_the_curve(made):
    """The same runs, but the best mean lies inside: whoever trained more did not read it off."""
    asked = Asked(made, curve_of(0.01, 0.1, 1.0, high=(10.0,)))
    values = noisy(dict(zip(asked.curve.arms, (0.9, 0.7, 0.8, 0.1), strict=True)), 8)
    found = asked.read(asked.blocks(values))
    assert [d.value for d in found.doses] == [(0.01,), (0.1,), (1.0,)]
    assert not found.is_pending


def test_two_knobs_are_a_grid_of_doses(made):
    asked, values = grid(made, lambda keep, l2: 1 + abs(keep - 0.8) + l2, default=(1.0, 0.0))
    found = asked.read(asked.blocks(values))
    assert [d.value for d in found.doses] == list(itertools.product((0.5, 0.8, 1.0), (0.0, 0.1)))
    assert found.best == "keep_prob=0.8, l2=0"
    for dose in found.doses:
        assert dose.mean == pytest.approx(np.mean(values[dose.arm]))
    assert len(found.widths) == 2
    assert fresh_pair(asked.plan, asked.table(asked.blocks(values)), asked.curve) == (
        "keep_prob=0.8, l2=0",
        "keep_prob=1, l2=0",
    )


@pytest.mark.parametrize(
    ("means", "wanted"),
    [
        (lambda keep, l2: 1 + keep - l2, {(0.2, 0.0), (0.2, 0.1), (0.5, 1.0), (0.8, 1.0), (1.0, 1.0)}),
        (lambda keep, l2: 1 - keep - l2, {(0.5, 1.0), (0.8, 1.0), (1.0, 1.0)}),
        (lambda keep, l2: 1 + keep + l2, {(0.2, 0.0), (0.2, 0.1)}),
        (lambda keep, l2: 1 - keep + l2, set()),
    ],
    ids=["both", "l2", "keep", "none"],
)
def test_each_of_two_knobs_is_extended_at_its_own_end(made, means, wanted):
    asked, values = grid(made, means, low=[(0, 0.2)], high=[(1, 1.0)])
    runs = asked.blocks({arm: values[arm] for arm in asked.curve.base})
    found = wanted_spares(asked.plan, asked.table(runs), asked.curve)
    assert {asked.curve.value(arm) for arm in found} == wanted
    assert len(found) == len(set(found))


def test_a_draw_from_a_grid_hits_one_of_its_doses(made):
    """Also where both knobs were extended, which leaves a corner out: of the doses that are there, all is one."""
    asked, values = grid(
        made, lambda keep, l2: 1 + keep - l2, low=[(0, 0.2)], high=[(1, 1.0)], margins=(50.0,)
    )
    found = asked.read(asked.blocks(values))
    assert len(found.doses) == 11
    assert [d.status for d in found.doses] == ["near-optimal"] * 11
    assert found.chance == pytest.approx((1.0, 1.0))
