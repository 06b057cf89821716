"""Blocks are bought look by look, and no more of them than the claims need."""

import json
import sys

import pytest

import hunch
from hunch.evidence import NO_MEANINGFUL_DIFFERENCE, SUPPORTED, UNDECIDED, decide
from hunch.traces import read_study


@pytest.fixture
def looking(small):
    """Keywords of a comparison that looks at 5, 10 and 20 blocks."""
    return {**small, "seeds": None, "max_seeds": 20, "target": 0.9}


SLOW = hunch.Arm("slow", lr=0.02)  # so slow that any look shows it
BEATS_SLOW = hunch.lower_cost("none", than="slow")


def test_a_study_ends_at_the_look_that_decides_it(blobs, looking, build):
    arms = [hunch.Arm("none"), SLOW]
    study = hunch.compare(build, blobs, **{**looking, "arms": arms, "claims": [BEATS_SLOW]})
    (verdict,) = study.verdicts
    assert study.plan.looks == (5, 10, 20)
    assert len(study.plan.seeds) == 20
    assert verdict.decision == SUPPORTED
    assert verdict.looks == (5, 10), "five pairs are too few for the sign-flip"
    assert set(study.frame()["seed"]) == set(range(verdict.looks[-1]))
    assert study.is_complete
    assert "blocks so far" not in str(study)


def test_an_arm_is_trained_no_more_when_all_its_claims_are_decided(blobs, looking, build):
    arms = [*looking["arms"], SLOW, hunch.Arm("idle", l2=0.1)]
    claims = [BEATS_SLOW, hunch.same("before", "none", of="gap", margin=1e-6)]
    looking |= {"arms": arms, "claims": claims, "max_seeds": 40, "looks": [10, 20, 40]}
    study = hunch.compare(build, blobs, **looking)
    first, second = study.verdicts
    counts = study.frame().groupby("arm").size()
    assert first.looks[-1] < second.looks[-1] == counts["before"] == counts["none"]
    assert counts["slow"] == first.looks[-1]
    assert counts["idle"] == counts["before"], "an arm of no claim comes along for the eye"
    assert study.is_complete


def test_given_seeds_are_a_fixed_design_with_one_look(blobs, small, build):
    for seeds in (7, [3, 1, 4, 15, 9, 2, 6]):
        study = hunch.compare(build, blobs, **{**small, "seeds": seeds})
        assert study.plan.look_counts == (7,)
        assert len(study.frame()) == 14


@pytest.mark.parametrize(
    ("settings", "looks", "sequence"),
    [
        ({"looks": "anytime", "max_seeds": 8}, (5, 6, 7, 8), "anytime"),
        ({"looks": [6, 12]}, (6, 12), "planned"),
        ({"looks": [6, 12], "seeds": 12}, (6, 12), "planned"),
        ({"max_seeds": 16}, (8, 16), "planned"),
        ({"max_seeds": 4}, (4,), "planned"),
    ],
)
def test_looks_can_be_chosen_beforehand(blobs, looking, build, settings, looks, sequence):
    settings = {**looking, "claims": [hunch.same("before", "none", of="gap", margin=1e-9)], **settings}
    plan = hunch.compare(build, blobs, **settings).plan
    assert (plan.looks, plan.sequence) == (looks, sequence)


def test_a_robust_study_says_its_price_and_decides_by_bets(blobs, looking, build, capsys):
    settings = {**looking, "claims": [hunch.lower_cost("before", than="none", margin=2.0)], "robust": True}
    study = hunch.compare(build, blobs, **{**settings, "target": None, "progress": True})
    said = " ".join(capsys.readouterr().err.split())
    assert "robust=True bets on an effect between −1.1 and 1.1 a block" in said
    assert "blocks" in said
    assert study.verdicts[0].decision in (SUPPORTED, UNDECIDED, NO_MEANINGFUL_DIFFERENCE)
    assert study.verdicts[0].low >= -1.1


def test_the_price_of_equality_is_said_before_the_blocks(blobs, looking, build, capsys):
    settings = {**looking, "claims": [hunch.same("before", "none", of="cost", margin=1e-6)], "max_seeds": 6}
    hunch.compare(build, blobs, **{**settings, "budget": None, "target": None, "progress": True})
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "by the 5 pilot pairs it takes more than 10,000 blocks to call arms equal within the margin of 1e-6"
        in said
    )


def test_a_sequential_study_cut_short_goes_on_to_the_same_verdicts(
    blobs, looking, build, tmp_path, monkeypatch
):
    looking = {
        **looking,
        "engine": "loop",
        "arms": [hunch.Arm("none"), SLOW],
        "claims": [BEATS_SLOW, hunch.same("none", "slow", of="gap", margin=0.001)],
        "target": None,
    }
    whole = hunch.compare(build, blobs, **looking, store=tmp_path / "whole.hunch")
    import hunch.engine.loop as loop

    monkeypatch.setattr(
        sys.modules["hunch.engine.choose"], "usable_cores", lambda: 1
    )  # counted in this process

    real, n_pilot = loop._train_one, len(whole.frame("pilot"))
    for stop_after in (3, 12, 17):
        calls = []

        def stop(*args, calls=calls, stop_after=stop_after):
            calls.append(1)
            if len(calls) > n_pilot + stop_after:
                raise KeyboardInterrupt
            return real(*args)

        monkeypatch.setattr(loop, "_train_one", stop)
        path = tmp_path / f"cut{stop_after}.hunch"
        with pytest.raises(KeyboardInterrupt):
            hunch.compare(build, blobs, **looking, store=path)
        assert not hunch.open(path).is_complete
        assert "blocks so far" in str(hunch.open(path))
        monkeypatch.setattr(loop, "_train_one", real)
        resumed = hunch.compare(build, blobs, **looking, store=path)
        left, right = (json.dumps(s.to_json()["verdicts"], sort_keys=True) for s in (whole, resumed))
        assert left == right
    stored = read_study(tmp_path / "whole.hunch")
    assert repr(decide(stored.plan, stored.table)) == repr(whole.verdicts)


def test_a_study_without_claims_is_measured_once(blobs, looking, build):
    study = hunch.compare(build, blobs, **{**looking, "claims": []})
    assert study.plan.look_counts == (20,)
    assert len(study.frame()) == 40


def test_an_arm_that_diverges_at_every_rate_is_named(rng, looking):
    x = (1e25 * rng.normal(size=(100, 4))).astype("float32")
    settings = {
        **looking,
        "base": hunch.Arm("base", batch_size=16),
        "arms": [hunch.Arm("none"), hunch.Arm("wild", l2=0.1)],
        "claims": [hunch.lower_cost("wild", than="none")],
        "target": None,
        "budget": 4,
        "max_seeds": 5,
    }
    study = hunch.compare(hunch.mlp([4, 6, 1]), (x, x[:, 0]), **settings)
    assert any("Every pilot run of wild diverged" in note for note in study.plan.notes)
    (verdict,) = study.verdicts
    assert verdict.decision == UNDECIDED
    assert '"wild" and "none" diverged in every tuning run, at learning rates from' in verdict.reason
    assert "give the arm a smaller lr=" in verdict.reason
