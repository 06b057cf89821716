"""Which of two knobs is easier to tune; in linear regression dropout and ridge must tie."""

import json

import numpy as np
import pytest

import hunch
from hunch.errors import PlanError

KEEPS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 10)).astype(np.float32)
    y = (x @ (rng.normal(size=10) / 3) + 2 * rng.normal(size=600)).astype(np.float32)
    return x[:200], y[:200], x[200:], y[200:]


def ridge(**other):
    """Small steps on all examples at once: both follow the gradient of the same expected cost from the same starts."""
    settings = {
        "knobs": ["keep_prob at input", "l2"],
        "doses": [KEEPS, [2 * (1 - p) / p for p in KEEPS]],
        "arm": hunch.Arm("small steps", lr=0.003, batch_size=160),
        "budget": 150,
        "seeds": 100,
        "progress": False,
    }
    return hunch.tunability(hunch.mlp([10, 1]), regression(), **(settings | other))


@pytest.fixture(scope="module")
def tie():
    return ridge()


def test_dropping_inputs_and_ridge_tie_in_linear_regression(tie):
    assert list(tie.decisions.values()) == ["no meaningful difference"]
    rows = tie.frame()
    assert rows["knob"].tolist() == ["keep_prob at input", "l2"]
    assert rows["spread"].iloc[0] == pytest.approx(rows["spread"].iloc[1], rel=0.05)
    assert rows["tunability"].iloc[0] == pytest.approx(rows["tunability"].iloc[1], rel=0.1)


def test_the_tie_can_break():
    """With steps so large that the masks' own noise does not average out, dropout scatters more than ridge."""
    noisy = ridge(arm=hunch.Arm("large steps", lr=0.05, batch_size=160), budget=400, seeds=20)
    assert list(noisy.decisions.values()) == ["l2"]
    assert "l2 tunes finer than keep_prob at input" in str(noisy)


def test_several_networks_side_by_side_are_stored_and_opened_again(tmp_path):
    builds = {"6 units": hunch.mlp([64, 6, 10]), "20/units": hunch.mlp([64, 20, 10])}
    settings = {
        "doses": [[0.5, 0.75, 1.0], [0, 0.003, 0.03]],
        "arm": hunch.Arm("x", lr=0.3),
        "budget": 60,
        "seeds": 10,
        "progress": False,
    }
    found = hunch.tunability(builds, "digits", store=tmp_path / "t", **settings)
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == ["20-units.hunch", "6-units.hunch"]
    assert set(found.decisions) == set(builds)
    assert len(found.frame()) == 4
    again = hunch.tunability(builds, "digits", store=tmp_path / "t", **settings)
    assert str(again) == str(found)
    one = hunch.open(tmp_path / "t" / "6-units.hunch")
    assert isinstance(one, hunch.Tunability)
    assert one.frame()["levels"].tolist() == found.frame()["levels"].tolist()[:2]
    assert json.loads(json.dumps(found.to_json()))["networks"][0]["network"] == "6 units"
    for kind in ("png", "svg", "html"):
        start = {"png": b"\x89PNG", "svg": b"<svg", "html": b"<!"}[kind]
        assert found.report(tmp_path / f"t.{kind}").read_bytes().startswith(start)
    drawn = (tmp_path / "t.svg").read_text(encoding="utf-8")
    assert "6 units: keep_prob" in drawn
    assert "20/units: l2" in drawn
    with pytest.raises(PlanError, match=r"ends in .html, .txt.*\[results-report-kind\]"):
        found.report(tmp_path / "t.pdf")
    assert found.report(tmp_path / "t.txt").read_text(encoding="utf-8") == str(found) + "\n"


def test_few_seeds_are_undecided():
    few = ridge(seeds=5)
    assert list(few.decisions.values()) == ["undecided"]
    assert "fewer than ten seeds" in str(few)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(PlanError, match=r"knobs must be two.*\[plan-knob\]"):
        ridge(knobs=["l2"], doses=None)
    with pytest.raises(PlanError, match=r"one list for each.*\[plan-doses\]"):
        ridge(doses=[0.5, 1.0, 0.3])
    with pytest.raises(PlanError, match=r"mapping from names to functions.*\[plan-tunability-builds\]"):
        hunch.tunability({}, "digits", progress=False)
