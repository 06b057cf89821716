"""Blocks: own tuning for every arm, one confirm seed shared; rates that follow from stored runs alone."""

import json
import sys

import numpy as np
import pytest

import hunch
from hunch.data import load, validation_split
from hunch.engine import LoopEngine, NativeEngine
from hunch.evidence import block_rate, confirm_runs, decide, tuning_keys
from hunch.plan import CONFIRM, TUNE, TUNE_HELD
from hunch.traces import RunTable, read_study


@pytest.fixture
def tuned(small):
    """Keywords of a comparison whose arms are tuned anew in every block."""
    return {**small, "base": hunch.Arm("base", batch_size=16), "tuning": "replicated", "seeds": 6}


def test_every_arm_and_block_has_tuning_runs_on_a_seed_of_its_own_and_one_shared_confirm_seed(
    blobs, tuned, build
):
    study = hunch.compare(build, blobs, **tuned)
    every = study.frame("all")
    tune, confirm = (every.loc[every["stage"] == stage] for stage in (TUNE, CONFIRM))
    grid = study.plan.grid("none")
    assert len(grid) >= 7
    assert len(tune) == 6 * 2 * len(grid)
    assert len(confirm) == 6 * 2
    by_arm = tune.groupby("arm")["seed"].unique()
    assert sorted([*by_arm["none"], *by_arm["before"]]) == list(range(400_000, 400_012))
    assert set(by_arm["none"]) & set(by_arm["before"]) == set()
    assert set(confirm.groupby("arm")["seed"].apply(tuple)) == {tuple(range(6))}
    assert "learning rates" not in str(study)
    assert study.is_complete


def test_a_rate_is_the_best_of_the_blocks_own_tuning_runs(blobs, tuned, build):
    study = hunch.compare(build, blobs, **tuned)
    (claim,) = study.plan.claims
    tune = study.frame(TUNE)
    runs = study.frame().set_index(["arm", "seed"])
    for arm in ("none", "before"):
        for block, seed in enumerate(study.plan.seeds):
            tried = tune.loc[(tune["arm"] == arm) & (tune["seed"] == study.plan.tune_seed(arm, block))]
            times = tried["iterations"].astype(float).fillna(study.plan.budget)
            times[tried["outcome"] == "diverged"] = float("inf")
            chosen = tried.loc[tried["lr"] == block_rate(study.plan, study.table, claim, arm, block)]
            assert times[chosen.index[0]] == times.min()
            assert runs.loc[(arm, seed), "lr"] == chosen["lr"].item()


def test_no_tuning_seed_is_a_confirm_or_pilot_seed_or_another_studys(blobs, tuned, build):
    one = hunch.compare(build, blobs, **{**tuned, "seeds": 2}).frame("all")
    two = hunch.compare(build, blobs, **{**tuned, "seeds": 2, "seed": 1}).frame("all")
    for every in (one, two):
        stages = every.groupby("stage")["seed"].apply(set)
        assert not stages[TUNE] & stages[CONFIRM]
        assert not stages[TUNE] & stages["pilot"]
    assert not set(one["seed"]) & set(two["seed"])


def test_an_arm_with_a_given_rate_is_never_tuned(blobs, tuned, build):
    arms = [hunch.Arm("none", lr=0.25), hunch.Arm("before", norm="batch")]
    study = hunch.compare(build, blobs, **{**tuned, "arms": arms, "seeds": 2})
    assert set(study.frame(TUNE)["arm"]) == {"before"}
    frame = study.frame()
    assert set(frame.loc[frame["arm"] == "none", "lr"]) == {0.25}


def test_claims_about_different_outcomes_have_their_own_rates_and_share_equal_runs(blobs, tuned, build):
    claims = [hunch.faster("before", than="none"), hunch.lower_cost("before", than="none")]
    study = hunch.compare(build, blobs, **{**tuned, "claims": claims})
    frame = study.frame()
    n_different = 0
    for arm in ("none", "before"):
        rates = [
            [block_rate(study.plan, study.table, claim, arm, b) for b in range(6)]
            for claim in study.plan.claims
        ]
        n_different += sum(a != b for a, b in zip(*rates, strict=True))
        for claim, chosen in zip(study.plan.claims, rates, strict=True):
            runs = confirm_runs(study.plan, study.table, arm, claim)
            assert [t.key.lr for t in runs.values()] == chosen
    assert len(frame) == 12 + n_different
    assert not frame.duplicated(["arm", "seed", "lr"]).any()
    assert n_different > 0
    for outcome in ("iterations", "cost"):
        chosen_for = frame[frame["tuned_for"].str.split(", ").apply(lambda found, o=outcome: o in found)]
        assert len(chosen_for) == 12
        assert not chosen_for.duplicated(["arm", "seed"]).any()
    # The tuning runs serve both claims: nothing was tuned twice.
    assert len(study.frame(TUNE)) == 12 * len(study.plan.grid("none"))


def test_held_out_claims_tune_on_four_fifths_and_confirm_on_the_whole_training_part(
    blobs, tuned, build, monkeypatch
):
    seen = {}

    def spy(engine):
        real = engine.train

        def train(self, setting, jobs, **more):
            jobs = list(jobs)
            seen.setdefault(jobs[0].key.stage, set()).add((setting.data.n, setting.data.hash))
            return real(self, setting, jobs, **more)

        monkeypatch.setattr(engine, "train", train)

    spy(LoopEngine)
    spy(NativeEngine)
    claims = [hunch.faster("before", than="none"), hunch.lower_error("before", than="none")]
    study = hunch.compare(build, blobs, **{**tuned, "claims": claims, "seeds": 2})
    whole = load(blobs)
    fifth = validation_split(whole)
    assert seen[TUNE] == seen[CONFIRM] == {(whole.n, whole.hash)}
    assert seen[TUNE_HELD] == {(fifth.n, fifth.hash)}
    assert fifth.n == pytest.approx(0.8 * whole.n, abs=3)
    (held,) = [c for c in study.plan.claims if c.outcome == "held_out_error"]
    assert all(key.stage == TUNE_HELD for key in tuning_keys(study.plan, held, "none", 0))


def test_the_same_file_gives_the_same_verdicts_byte_for_byte_whoever_decides(blobs, tuned, build, tmp_path):
    study = hunch.compare(build, blobs, **tuned, store=tmp_path / "s.hunch")
    stored = read_study(tmp_path / "s.hunch")
    assert repr(decide(stored.plan, stored.table)) == repr(study.verdicts)
    turned = RunTable(stored.table.facts, list(stored.table)[::-1])
    assert repr(decide(stored.plan, turned)) == repr(study.verdicts)


@pytest.mark.parametrize("stop_after", [30, 60, 100])
def test_a_study_that_was_cut_short_tunes_on_to_the_same_verdicts(
    blobs, tuned, build, tmp_path, monkeypatch, stop_after
):
    tuned = {**tuned, "engine": "loop", "seeds": 6}
    whole = hunch.compare(build, blobs, **tuned)
    import hunch.engine.loop as loop

    monkeypatch.setattr(
        sys.modules["hunch.engine.choose"], "usable_cores", lambda: 1
    )  # counted in this process

    real, calls = loop._train_one, []

    def stop(*args):
        calls.append(1)
        if len(calls) > stop_after:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(loop, "_train_one", stop)
    with pytest.raises(KeyboardInterrupt):
        hunch.compare(build, blobs, **tuned, store=tmp_path / "cut.hunch")
    cut = hunch.open(tmp_path / "cut.hunch")
    assert not cut.is_complete
    assert [v.decision for v in cut.verdicts] == ["undecided"]
    monkeypatch.setattr(loop, "_train_one", real)
    resumed = hunch.compare(build, blobs, **tuned, store=tmp_path / "cut.hunch")
    left, right = (json.dumps(s.to_json()["verdicts"], sort_keys=True) for s in (whole, resumed))
    assert left == right


def test_the_plan_is_frozen_and_on_disk_before_the_first_confirm_or_tuning_run(
    blobs, tuned, build, tmp_path, monkeypatch
):
    from hunch.traces import StudyFile

    real, frozen = StudyFile.append, []

    def append(self, trace):
        if trace.key.stage != "pilot":
            frozen.append(self.plan.is_frozen)
        real(self, trace)

    monkeypatch.setattr(StudyFile, "append", append)
    hunch.compare(build, blobs, **{**tuned, "seeds": 2}, store=tmp_path / "s.hunch")
    assert frozen
    assert all(frozen)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"claims": [hunch.faster("none", than="before")]}, "claims differ"),
        ({"claims": [hunch.faster("before", than="none", margin=1.5)]}, "claims differ"),
        ({"alpha": 0.1}, "alpha differs: 0.05 in the file and 0.1"),
        ({"tuning": "once"}, "tuning differs"),
        ({"seeds": 5}, "seeds differ"),
    ],
)
def test_what_was_fixed_beforehand_cannot_be_changed_afterwards(blobs, tuned, build, tmp_path, change, match):
    path = tmp_path / "s.hunch"
    hunch.compare(build, blobs, **tuned, store=path)
    before = path.read_bytes()
    with pytest.raises(hunch.PlanError, match=match):
        hunch.compare(build, blobs, **{**tuned, **change}, store=path)
    assert path.read_bytes() == before


def test_auto_tunes_anew_only_where_a_fast_engine_serves(blobs, tuned, build, capsys):
    study = hunch.compare(
        build, blobs, **{**tuned, "tuning": "auto", "engine": "loop", "seeds": 2, "progress": True}
    )
    assert study.plan.tuning == "once"
    assert "tuned once, because only the slow engine serves" in capsys.readouterr().err


def test_the_price_is_said_before_the_blocks_and_once_is_suggested_to_the_slow(blobs, tuned, build, capsys):
    study = hunch.compare(build, blobs, **{**tuned, "engine": "loop", "seeds": 2, "progress": True})
    n = len(study.plan.grid("none"))
    said = " ".join(capsys.readouterr().err.split())
    assert (
        f"A block is {2 * n + 2} runs of 40 iterations: every arm at {n} learning rates, then once more; 2 "
        f"blocks" in said
    )
    assert "2 blocks, about " in said
    assert " second" in said
    assert 'tuning="once" would train 2 runs a block instead' in said


def test_unpaired_arms_share_no_stream_in_any_stage(blobs, tuned, build, monkeypatch):
    streams = []
    real = LoopEngine.train

    def train(self, setting, jobs, **more):
        jobs = list(jobs)
        streams.extend((job.key.arm, job.stream_seed) for job in jobs)
        return real(self, setting, jobs, **more)

    monkeypatch.setattr(LoopEngine, "train", train)
    hunch.compare(build, blobs, **{**tuned, "paired": False, "engine": "loop", "seeds": 2})
    by_arm = {name: {s for arm, s in streams if arm == name} for name in ("none", "before")}
    assert not by_arm["none"] & by_arm["before"]


@pytest.mark.parametrize("engine", ["loop", "auto"])
def test_an_error_claim_records_which_held_out_examples_were_right(blobs, tuned, build, engine, tmp_path):
    claims = [hunch.lower_error("before", than="none")]
    settings = {**tuned, "claims": claims, "tuning": "once", "engine": engine, "budget": 60}
    study = hunch.compare(build, blobs, **settings, store=tmp_path / "s.hunch")
    table = hunch.open(tmp_path / "s.hunch").table
    confirm = table.select(CONFIRM)
    n_held = study.facts.n_held
    for trace in confirm:
        right = np.unpackbits(trace.held_correct, count=n_held)
        assert 1 - right.mean() == pytest.approx(trace.held_error[-1])
    assert all(t.held_correct is None for t in table.select("pilot"))
    (verdict,) = study.verdicts
    assert verdict.new_data is not None
    assert verdict.new_data[0] <= verdict.low
    assert verdict.new_data[1] >= verdict.high
    assert study.to_json()["verdicts"][0]["new_data"] == list(verdict.new_data)
