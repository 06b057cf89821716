"""Which engine trains, and that it is only native where native gives the right numbers."""

import numpy as np
import pytest
import torch
from torch import nn

import hunch
from hunch.data import load
from hunch.engine import NativeEngine, choose
from hunch.engine.native_extension import native_absence

needs_native = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")


class Doubling(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def chain(first=nn.Linear):
    return nn.Sequential(first(64, 8), nn.ReLU(), nn.Linear(8, 10))


def hooked():
    network = chain()
    network[1].register_forward_hook(lambda module, inputs, output: output + 1)
    return network


def tied():
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    network[2].weight = network[0].weight
    return network


@needs_native
def test_a_plain_chain_is_trained_by_the_native_engine():
    choice = choose(chain(), load("digits"))
    assert isinstance(choice.engine, NativeEngine)
    assert choice.sentence == "Engine: native (the network is a chain, and the device is the CPU)."


@needs_native
@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: chain(Doubling), "`0` is a Doubling"),
        (hooked, "`1` has a hook"),
        (tied, "`2` shares its weight"),
    ],
    ids=["own forward", "hook", "tied weights"],
)
def test_what_only_pytorch_trains_rightly_goes_to_fleets_and_the_reason_names_the_module(build, named):
    choice = choose(build(), load("digits"))
    assert choice.engine.name == "batched"
    assert named in choice.reason
    with pytest.raises(hunch.UnsupportedError, match=named):
        choose(build(), load("digits"), "native")


@needs_native
@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("auto", "Engine: native (the network is a chain"),
        ("native", "Engine: native (asked for)"),
        ("loop", "Engine: loop (asked for)"),
    ],
)
def test_the_first_training_says_which_engine_trains_and_why(engine, words, capsys):
    hunch.train(hunch.mlp([64, 4, 10]), "digits", seeds=1, budget=2, lr=0.1, engine=engine)
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""


@needs_native
def test_a_network_that_native_declines_is_trained_in_fleets_which_says_why(capsys):
    runs = hunch.train(lambda: chain(Doubling), "digits", seeds=1, budget=2, lr=0.1)
    assert "Engine: batched (native declined: `0` is a Doubling" in capsys.readouterr().err
    assert np.isfinite(runs.frame()["cost"]).all()


def test_without_the_extension_the_loop_serves_and_says_so(monkeypatch, capsys):
    monkeypatch.setenv("HUNCH_NO_NATIVE", "1")
    hunch.train(hunch.mlp([64, 4, 10]), "digits", seeds=1, budget=2, lr=0.1)
    assert "Engine: loop (native declined: HUNCH_NO_NATIVE is set" in capsys.readouterr().err
    for engine in ("native", "batched"):  # fleets take the extension's kernels, which round alike at any size
        with pytest.raises(hunch.UnsupportedError, match="HUNCH_NO_NATIVE is set"):
            choose(chain(), load("digits"), engine)


@needs_native
def test_a_build_that_fails_at_one_seed_is_a_failed_run_and_hurts_no_other():
    plain = hunch.mlp([64, 4, 10])

    def build():
        if torch.initial_seed() == 2:
            raise OSError("no such file")
        return plain()

    with pytest.raises(hunch.EngineError, match="no such file"):
        hunch.train(build, "digits", seeds=[1, 2, 3], budget=5, lr=0.1, engine="native", progress=False)
    whole = hunch.train(build, "digits", seeds=[1, 3], budget=5, lr=0.1, engine="native", progress=False)
    assert np.isfinite(whole.frame()["cost"]).all()
