import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "traces"))

from made_study import all_traces, freeze, make_facts, make_plan, make_provenance, make_trace

from hunch.results import Study
from hunch.traces import RunTable, open_or_create

N_SEEDS = 12


@pytest.fixture
def plan():
    return freeze(make_plan(N_SEEDS), target=0.3)


@pytest.fixture
def make_study(plan):
    """A study of these runs, by default every run of the plan."""

    def make(traces=None, plan=plan, **facts):
        traces = all_traces(plan) if traces is None else traces
        facts = make_facts(**facts)
        return Study(plan, facts, make_provenance(), RunTable(facts, traces))

    return make


@pytest.fixture
def mixed(plan, make_study):
    """A study with every outcome: seed 0 fails, 1 diverges early, 2 after reaching, 3 never reaches."""
    special = {
        0: {"failed": "RuntimeError: no"},
        1: {"diverged_at": 20},
        2: {"diverged_at": 190},
        3: {"noise": 0.0},
    }
    traces = [
        make_trace(arm.name, seed, **(special.get(seed, {}) if arm.name == "none" else {}))
        for seed in plan.seeds
        for arm in plan.arms
    ]
    slow = next(t for t in traces if (t.key.arm, t.key.seed) == ("none", 3))
    slow.cost[:] = 1.0
    return make_study([*reversed(traces), *(t for t in all_traces(plan) if t.key.stage == "pilot")])


@pytest.fixture
def stored(tmp_path, plan):
    path = tmp_path / "study.hunch"
    with open_or_create(path, plan, make_facts(), make_provenance()) as file:
        file.freeze(plan)
        file.append_many(all_traces(plan))
    return path
