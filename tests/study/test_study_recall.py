"""Runs that studies have in common are trained once, and are the runs that training would give."""

from dataclasses import replace

import pytest

import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, Setting
from hunch.network import mlp
from hunch.plan import CONFIRM, Arm
from hunch.study.recall import recalling, sharing_runs
from hunch.traces import RunKey

BASE = Arm("base", lr=0.5, batch_size=16)
ASKED = {"base": BASE, "budget": 12, "target": 0.9, "seeds": 5, "progress": False}


def asked(blobs, *arms):
    claim = hunch.lower_cost(arms[1].name, than=arms[0].name)
    return hunch.compare(mlp([8, 6, 3], "relu"), blobs, arms=arms, claims=[claim], **ASKED)


def test_a_study_that_shares_runs_is_the_study_alone(blobs):
    none, half, l2 = Arm("none"), Arm("half", keep_prob=0.5), Arm("l2", l2=0.01)
    alone = asked(blobs, Arm("plain"), l2)
    with sharing_runs() as memory:
        asked(blobs, none, half)
        before = len(memory)
        shared = asked(blobs, Arm("plain"), l2)
        added = len(memory) - before
    assert [str(v) for v in shared.verdicts] == [str(v) for v in alone.verdicts]
    assert shared.frame("all").drop(columns="wall_s").equals(alone.frame("all").drop(columns="wall_s"))
    assert 0 < added < before, "the runs of the arm that both have were not trained again"


def test_outside_the_block_nothing_is_remembered():
    engine = LoopEngine()
    assert recalling(engine, "a") is engine
    with sharing_runs():
        assert recalling(engine, "a") is not engine
        assert recalling(engine, "a").name == engine.name
        assert recalling(engine, "a").detail() == engine.detail()
    assert recalling(engine, "a") is engine


class Counting:
    """An engine that counts its jobs."""

    name = "counting"

    def __init__(self):
        self.jobs = []
        self.engine = LoopEngine()

    def detail(self):
        return "as loop"

    def train(self, setting, jobs, *, keep_networks=False):
        self.jobs += jobs
        return self.engine.train(setting, jobs, keep_networks=keep_networks)


@pytest.fixture
def parts(blobs):
    """(setting, job)."""
    data = load(blobs)
    arm = Arm("none", lr=0.5, batch_size=16).resolved(100)
    setting = Setting(mlp([8, 4, 3]), data, "cross_entropy", 4, (), readings=False)
    return setting, Job(RunKey(CONFIRM, "none", 1, 0.5, 4), arm, 1)


def test_what_only_is_called_otherwise_is_the_same_run(parts):
    setting, job = parts
    counting = Counting()
    with sharing_runs():
        engine = recalling(counting, "net")
        [first] = engine.train(setting, [job])
        renamed = replace(job, key=replace(job.key, arm="other"), arm=replace(job.arm, name="other"))
        [second] = engine.train(setting, [renamed])
    assert len(counting.jobs) == 1
    assert second.trace.key.arm == "other"
    assert second.job is renamed
    assert (second.trace.cost == first.trace.cost).all()


@pytest.mark.parametrize(
    "change",
    [
        {"job": {"stream_seed": 2}},
        {"arm": {"l2": 0.1}},
        {"key": {"lr": 0.1}},
        {"key": {"seed": 2}},
        {"setting": {"budget": 5}},
        {"setting": {"metric": "held_out"}},
        {"setting": {"stop_at": 0.1}},
        {"network": "another"},
    ],
    ids=str,
)
def test_what_differs_in_anything_else_is_another_run(parts, change):
    setting, job = parts
    counting = Counting()
    with sharing_runs():
        list(recalling(counting, "net").train(setting, [job]))
        other = replace(
            job,
            key=replace(job.key, **change.get("key", {})),
            arm=replace(job.arm, **change.get("arm", {})),
            **change.get("job", {}),
        )
        changed = replace(setting, **change.get("setting", {}))
        list(recalling(counting, change.get("network", "net")).train(changed, [other]))
    assert len(counting.jobs) == 2


def test_networks_that_are_to_be_kept_are_trained(parts):
    setting, job = parts
    counting = Counting()
    with sharing_runs():
        engine = recalling(counting, "net")
        list(engine.train(setting, [job]))
        [kept] = engine.train(setting, [job], keep_networks=True)
    assert kept.state is not None
    assert len(counting.jobs) == 2
