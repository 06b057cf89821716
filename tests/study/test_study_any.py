"""The verbs on networks that are no chains."""

import numpy as np
import pytest
import torch

import any_networks as nets
import hunch
from hunch.data import load


@pytest.fixture(scope="module")
def images():
    digits = load("digits")
    return digits.x[:200].reshape(-1, 1, 8, 8), digits.y[:200]


COMMON = {"budget": 6, "seeds": 3, "progress": False}
BASE = hunch.Arm("base", lr=0.1, batch_size=16)


def compared(build, data, arms, claims=(), **settings):
    wanted = {"arms": arms, "claims": list(claims), "base": BASE, "target": 1.0, **COMMON, **settings}
    return hunch.compare(build, data, **wanted)


def test_compare_works_on_a_small_cnn_from_end_to_end(images, tmp_path):
    arms = [hunch.Arm("none", norm="none"), hunch.Arm("before", norm="batch")]
    claims = [
        hunch.faster("before", than="none"),
        hunch.lower("inactive", "before", than="none", site="conv2"),
    ]
    path = tmp_path / "cnn.hunch"
    study = compared(nets.SmallCNN, images, arms, claims, store=path)
    assert len(study.frame()) == 6
    assert np.isfinite(study.frame()["cost"]).all()
    assert len(study.verdicts) == 2
    again = compared(nets.SmallCNN, images, arms, claims, store=path)
    assert again.frame().drop(columns="wall_s").equals(study.frame().drop(columns="wall_s"))
    assert "native declined: the network is a SmallCNN" in hunch.open(path).facts.engine_reason
    study.report(tmp_path / "cnn.html")
    assert "conv2" in (tmp_path / "cnn.html").read_text()


@pytest.mark.parametrize("build", [nets.ResidualMLP, nets.FunctionalMLP, nets.Tied, nets.DataDependent])
def test_compare_works_on_networks_with_a_forward_of_their_own(build, images):
    data = (images[0].reshape(-1, 64), images[1])
    arms = [hunch.Arm("none"), hunch.Arm("both", norm="batch", keep_prob=0.8)]
    frame = compared(build, data, arms).frame()
    assert np.isfinite(frame["cost"]).all()
    pairs = frame.pivot(index="seed", columns="arm", values="cost")
    assert (pairs["none"] != pairs["both"]).all()


def test_arms_that_differ_in_nothing_are_equal_to_the_bit(images):
    arms = [hunch.Arm("a", keep_prob=0.8), hunch.Arm("b", keep_prob=0.8)]
    pairs = compared(nets.LeNet, images, arms).frame().pivot(index="seed", columns="arm", values="cost")
    assert (pairs["a"] == pairs["b"]).all()


def test_arms_share_initial_weights_whatever_is_placed(images):
    def at_start(**arm):
        runs = hunch.train(
            nets.SmallCNN, images, arm=hunch.Arm("x", init_std=0.1, batch_size=16, **arm), seeds=1, budget=1, lr=1e-30,
            progress=False,
        )  # fmt: skip
        return runs.network(0).state_dict()

    plain, placed = at_start(), at_start(norm="group", keep_prob=0.5)
    for name in ("conv1.weight", "conv2.weight", "fc.weight", "head.weight"):
        assert torch.equal(plain[name], placed[name]), name


def test_what_is_rewritten_or_left_out_is_said_before_the_start(images, capsys):
    data = (images[0].reshape(-1, 64), images[1])
    compared(nets.FunctionalMLP, data, [hunch.Arm("none"), hunch.Arm("drop", keep_prob=0.5)], progress=True)
    told = capsys.readouterr().err
    assert 'Arm "drop": the forward of FunctionalMLP was rewritten by torch.fx' in told.replace("\n", " ")


def test_train_hands_back_the_users_own_network(images):
    runs = hunch.train(
        nets.SmallCNN,
        images,
        arm=hunch.Arm("x", norm="batch", batch_size=16),
        seeds=2,
        budget=4,
        lr=0.1,
        progress=False,
    )
    network = runs.network(0)
    assert type(network) is nets.SmallCNN
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_tune_finds_the_sites_and_the_default_of_any_network(images):
    response = hunch.tune(
        nets.SmallCNN, images, knob="keep_prob at conv2", doses=[0.5, 1.0],
        arm=hunch.Arm("base", lr=0.1, batch_size=16), budget=4, seeds=2, fresh=0, progress=False,
    )  # fmt: skip
    assert sorted(set(response.frame()["dose"])) == [0.5, 1.0]


@pytest.mark.parametrize(
    ("build", "arm", "error", "message"),
    [
        (nets.ResNet, {"keep_prob": {"head": 0.5}}, hunch.PlacementError, "it is the last layer"),
        (nets.Recursive, {"keep_prob": {"again": 0.5}}, hunch.PlacementError, "called at 2 places"),
        (nets.Transformer, {"norm": "batch"}, hunch.PlacementError, "has 3 axes with the units last"),
    ],
)
def test_arms_that_do_not_fit_are_refused_before_anything_is_trained(build, arm, error, message, images):
    data = images if build is nets.ResNet else (images[0].reshape(-1, 64), images[1])
    with pytest.raises(error, match=message):
        compared(build, data, [hunch.Arm("none"), hunch.Arm("x", **arm)])


def test_batch_norm_of_one_example_is_refused_for_rows_and_not_for_maps(images):
    with pytest.raises(hunch.PlanError, match=r"\[plan-batch-norm-of-one\]"):
        compared(nets.SmallCNN, images, [hunch.Arm("x", norm="batch", batch_size=1)])
    frame = compared(nets.SmallCNN, images, [hunch.Arm("x", batch_size=1)], seeds=2).frame()
    assert np.isfinite(frame["cost"]).all()
