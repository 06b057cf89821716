"""What a study keeps of single held-out examples: for claims that new examples would change, and for no others."""

import json

import numpy as np
import pytest

import hunch
from hunch.data import load
from hunch.engine import LoopEngine
from hunch.plan import CONFIRM, contrast

HELD = contrast("held_out_cost", {"none": 1, "before": -1})
GAP = hunch.lower("gap", "before", than="none")
ERROR = hunch.lower_error("before", than="none")


@pytest.fixture
def blobs(rng):
    """Three classes that overlap, so that some examples are answered wrongly."""
    centres = rng.normal(size=(3, 8))
    y = np.arange(240) % 3
    x = centres[y] + 1.5 * rng.normal(size=(240, 8))
    return x.astype(np.float32), y


@pytest.fixture
def settings(small, engine):
    """Rates given, on every engine."""
    return {**small, "engine": engine.name, "budget": 60}


def test_losses_and_answers_are_kept_of_confirm_runs_and_widen_every_held_out_claim(
    blobs, settings, build, tmp_path
):
    claims = [HELD, GAP, ERROR]
    study = hunch.compare(build, blobs, **{**settings, "claims": claims}, store=tmp_path / "s.hunch")
    for trace in study.table.select(CONFIRM):
        right = np.unpackbits(trace.held_correct, count=study.facts.n_held)
        assert 1 - right.mean() == pytest.approx(trace.held_error[-1])
        assert trace.held_losses.mean() == pytest.approx(trace.held_cost[-1], rel=1e-5)
    others = [t for t in study.table if t.key.stage != CONFIRM]
    assert others and all(t.held_losses is None and t.held_correct is None for t in others)
    for verdict in study.verdicts:
        low, high = verdict.new_data
        assert low <= verdict.low < verdict.high <= high
        assert low < verdict.low or verdict.high < high
        assert "on new data from the same source" in str(study).splitlines()[study.verdicts.index(verdict)]
    again = hunch.open(tmp_path / "s.hunch")
    assert again.verdicts == study.verdicts
    assert json.dumps(again.to_json()) == json.dumps(study.to_json())


def test_the_facts_hold_what_a_constant_does_on_every_example_and_json_leaves_it_out(blobs, settings, build):
    study = hunch.compare(build, blobs, **{**settings, "claims": [HELD, ERROR]})
    facts = study.facts
    assert len(facts.constant_losses) == len(facts.constant_right) == facts.n_held
    assert np.mean(facts.constant_losses) == pytest.approx(facts.c0_held)
    assert 1 - np.mean(facts.constant_right) == pytest.approx(facts.error0)
    assert not {"constant_losses", "constant_right"} & set(study.to_json()["facts"])
    assert study.to_json()["facts"]["n_held"] == facts.n_held


def test_nothing_is_kept_for_claims_that_no_other_held_out_examples_would_change(blobs, settings, build):
    claims = [hunch.lower_cost("before", than="none"), hunch.faster("before", than="none")]
    study = hunch.compare(build, blobs, **{**settings, "claims": claims})
    assert all(t.held_losses is None and t.held_correct is None for t in study.table)
    assert study.facts.constant_losses == study.facts.constant_right == ()
    assert all(verdict.new_data is None for verdict in study.verdicts)
    held = hunch.compare(build, blobs, **{**settings, "claims": claims[:1], "metric": "held_out"})
    assert all(t.held_losses is not None for t in held.table.select(CONFIRM))
    assert held.verdicts[0].new_data is not None


def test_an_arm_that_diverges_counts_as_the_constant_and_the_second_interval_stays(settings, rng):
    x = rng.normal(size=(200, 4)).astype(np.float32)
    data = load((x, (x[:, 0] * 3 + 1 + 0.1 * rng.normal(size=200)).astype(np.float32)))
    arms = [hunch.Arm("none"), hunch.Arm("wild", lr=1e4)]
    claims = [contrast("held_out_cost", {"none": -1, "wild": 1}), hunch.lower_error("none", than="wild")]
    base = hunch.Arm("base", lr=0.05, batch_size=16)
    build = hunch.mlp([4, 6, 1], "relu")
    study = hunch.compare(
        build, data, **{**settings, "arms": arms, "claims": claims, "base": base, "seeds": 8}
    )
    assert all(t.diverged_at is not None for t in study.table.select(CONFIRM, "wild"))
    cost, error = study.verdicts
    assert cost.decision == "supported"
    kept = np.mean([t.held_losses for t in study.table.select(CONFIRM, "none")])
    assert cost.effect == pytest.approx(study.facts.c0_held - kept, rel=1e-5)
    assert cost.new_data[0] < cost.low < cost.high < cost.new_data[1]
    # The root mean square error of regression is no mean over examples.
    assert error.new_data is None
    assert study.facts.constant_right == ()


def test_an_audit_keeps_no_single_examples(blobs, small, build, monkeypatch):
    kept = []
    real = LoopEngine.train

    def train(self, setting, jobs, **more):
        kept.append((setting.answers, setting.losses))
        return real(self, setting, jobs, **more)

    monkeypatch.setattr(LoopEngine, "train", train)
    options = {"budget": 20, "engine": "loop", "studies": 2, "progress": False, "seeds": 5}
    hunch.audit(build, blobs, arm=hunch.Arm("x", lr=0.5, batch_size=16), of="held_out_error", **options)
    assert kept and set(kept) == {(False, False)}
