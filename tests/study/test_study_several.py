"""The verbs on data of several inputs."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import any_networks as nets
import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, Setting
from hunch.engine.batched import BatchedEngine
from hunch.network import build_network, inspect_network
from hunch.traces import RunKey

RNG = np.random.default_rng(0)
CATEGORIES = np.stack([RNG.integers(0, 5, 120), RNG.integers(0, 7, 120)], axis=1)
NUMBERS = RNG.normal(size=(120, 6)).astype(np.float32)
Y = (NUMBERS[:, 0] + CATEGORIES[:, 0] > 2).astype(int)
BY_NAME = ({"numbers": NUMBERS, "categories": CATEGORIES}, Y)
IN_ORDER = ((CATEGORIES, NUMBERS), Y)
ARMS = [hunch.Arm("none"), hunch.Arm("both", norm="batch", keep_prob=0.8)]
SETTINGS = {"base": hunch.Arm("base", lr=0.1, batch_size=16), "budget": 6, "progress": False}


def compared(data, **settings):
    return hunch.compare(
        nets.Tabular, data, **{"arms": ARMS, "claims": [], "seeds": 2, **SETTINGS, **settings}
    )


class Items(Dataset):
    def __len__(self):
        return 120

    def __getitem__(self, k):
        return {"numbers": torch.tensor(NUMBERS[k]), "categories": torch.tensor(CATEGORIES[k])}, int(Y[k])


@pytest.mark.parametrize("data", [BY_NAME, IN_ORDER], ids=["by name", "in order"])
def test_a_study_on_two_inputs_is_stored_and_resumed(data, tmp_path):
    path = tmp_path / "two.hunch"
    study = compared(data, store=path, claims=["both lower cost than none"])
    assert np.isfinite(study.frame()["cost"]).all()
    assert "native declined: the data are several inputs" in study.facts.engine_reason
    assert any(note.startswith("The network gets 2 inputs") for note in study.facts.data_notes)
    again = compared(data, store=path, claims=["both lower cost than none"])
    assert again.frame().drop(columns="wall_s").equals(study.frame().drop(columns="wall_s"))
    other = NUMBERS.copy()
    other[3, 1] += 1
    x = {"numbers": other, "categories": CATEGORIES} if data is BY_NAME else (CATEGORIES, other)
    with pytest.raises(hunch.HunchError, match="the data differ"):
        compared((x, Y), store=path, claims=["both lower cost than none"])


def test_a_loader_of_dicts_gives_the_runs_that_arrays_give():
    frames = [
        compared(d).frame().drop(columns="wall_s") for d in (BY_NAME, DataLoader(Items(), batch_size=8))
    ]
    assert frames[0].equals(frames[1])


def test_native_says_why_it_declines():
    with pytest.raises(hunch.HunchError, match="several inputs, or inputs by name; it takes one array"):
        compared(BY_NAME, engine="native")


def test_the_other_verbs_take_two_inputs():
    runs = hunch.train(nets.Tabular, BY_NAME, seeds=2, budget=4, lr=0.1, progress=False)
    network = runs.network(0)
    assert network(torch.tensor(CATEGORIES), torch.tensor(NUMBERS)).shape == (120, 2)
    found = hunch.tune(
        nets.Tabular, IN_ORDER, knob="keep_prob", doses=[0.5, 1.0], seeds=2, fresh=0, budget=4,
        arm=hunch.Arm("x", lr=0.1, batch_size=16), progress=False,
    )  # fmt: skip
    assert len(found.frame()) == 4


class WithLogits(nets.Tabular):
    """Answers with an object, as networks of the transformers library do."""

    def forward(self, categories, numbers):
        return SimpleNamespace(logits=super().forward(categories, numbers), hidden=numbers)


@pytest.mark.parametrize("build", [nets.Tabular, WithLogits], ids=["a tensor", "logits"])
@pytest.mark.parametrize("data", [BY_NAME, IN_ORDER], ids=["by name", "in order"])
def test_fleets_do_with_two_inputs_what_the_loop_does(data, build):
    loaded = load(data)
    sites = inspect_network(build_network(build, 0), loaded.x).sites
    setting = Setting(build, loaded, "cross_entropy", 6, sites, dtype=torch.float64)
    arm = hunch.Arm("x", lr=0.1, batch_size=16, keep_prob=0.8).resolved(loaded.n)
    jobs = [Job(RunKey("confirm", "x", seed, 0.1, 6), arm, seed) for seed in (1, 2, 3)]
    loop = {r.job.key: r.trace for r in LoopEngine().train(setting, jobs)}
    for result in BatchedEngine(workers=1).train(setting, jobs):
        assert result.trace.failed is None
        np.testing.assert_allclose(result.trace.cost, loop[result.job.key].cost, rtol=1e-10)
        np.testing.assert_allclose(result.trace.held_cost, loop[result.job.key].held_cost, rtol=1e-10)
    assert len({tuple(trace.cost) for trace in loop.values()}) == 3
