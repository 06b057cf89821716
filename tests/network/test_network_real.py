"""Held against networks as their libraries have them: sites checked by hand, placement, and training."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import hunch
from hunch.data import load
from hunch.engine import Job, LoopEngine, Setting
from hunch.engine.batched import BatchedEngine
from hunch.errors import HunchWarning, PlacementError
from hunch.network import build_network, decayed_parameters, find_sites, inspect_network, place, place_arm
from hunch.plan import RECORDED
from hunch.traces import RunKey
from real_networks import REAL, Real

EVERY = pytest.mark.parametrize("case", REAL, ids=[case.name for case in REAL])
NORMS = ("batch", "layer", "rms", "group")


def made(case: Real) -> nn.Module:
    """The network at seed 0; skips where its library is not installed."""
    if case.needs:
        pytest.importorskip(case.needs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own
        return build_network(case.build, 0)


def placed(network, **settings):
    """`place`, quietly where a forward is rewritten or a site left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HunchWarning)
        return place(network, **settings)


def no_tokens(norm: str, case: Real) -> bool:
    """Whether that norm cannot stand at any site: batch and group norm where all values are tokens, units last."""
    return norm in ("batch", "group") and case.name in ("GPT-2", "ViT")


# ---- the sites, read off the libraries' sources by hand

SITES = {
    "LeNet": {"conv1": "relu", "conv2": "relu", "fc1": "relu", "fc2": None},
    # The second convolution of each block ends in the sum; relu comes behind it.
    "ResNet-20": {
        "conv": "relu",
        **{
            f"stages.{s}.{b}.{which}": act
            for s in range(3)
            for b in range(3)
            for which, act in [("conv1", "relu"), ("conv2", None)]
        },
        "head": None,
    },
    # Query, key and value go into attention, the outputs of a block into its residual sum; the pooler has a tanh.
    "BERT": {
        **{f"model.bert.embeddings.{kind}_embeddings": None for kind in ("word", "token_type", "position")},
        **{
            f"model.bert.encoder.layer.{k}.{which}": act
            for k in range(2)
            for which, act in [
                *[(f"attention.self.{name}", None) for name in ("query", "key", "value")],
                ("attention.output.dense", None),
                ("intermediate.dense", "gelu"),
                ("output.dense", None),
            ]
        },
        "model.bert.pooler.dense": "tanh",
        "model.classifier": None,
    },
    # All layers are Conv1D; c_fc is followed by gelu_new, the tanh form.
    "GPT-2": {
        "model.transformer.wte": None,
        "model.transformer.wpe": None,
        **{
            f"model.transformer.h.{k}.{which}": act
            for k in range(2)
            for which, act in [
                ("attn.c_attn", None),
                ("attn.c_proj", None),
                ("mlp.c_fc", "gelu_tanh"),
                ("mlp.c_proj", None),
            ]
        },
        "model.score": None,
    },
    # Down, bottom, up; a residual convolution beside each unit; PReLU, which the catalogue does not have.
    "U-Net": {
        "model.model.0.residual": None,
        "model.model.0.conv.unit0.conv": "prelu",
        "model.model.1.submodule.residual": None,
        "model.model.1.submodule.conv.unit0.conv": "prelu",
        "model.model.2.0.conv": "prelu",
        "model.model.2.1.conv.unit0.conv": None,
    },
    # Squeeze and excitation: reduced with swish, expanded with sigmoid; the projection is linear.
    "EfficientNet": {
        "_conv_stem": "silu",
        "_blocks.0.0._depthwise_conv": "silu",
        "_blocks.0.0._se_reduce": "silu",
        "_blocks.0.0._se_expand": "sigmoid",
        "_blocks.0.0._project_conv": None,
        "_blocks.1.1._expand_conv": "silu",
        "_blocks.1.1._depthwise_conv": "silu",
        "_blocks.1.1._se_reduce": "silu",
        "_blocks.1.1._se_expand": "sigmoid",
        "_blocks.1.1._project_conv": None,
        "_conv_head": "silu",
        "_fc": None,
    },
}
BY_HAND = [case for case in REAL if case.name in SITES]


@pytest.mark.parametrize("case", BY_HAND, ids=[case.name for case in BY_HAND])
def test_the_sites_are_those_that_were_read_off_by_hand(case):
    network = made(case)
    layout = find_sites(network, case.inputs(2))
    found = {
        s.name: "prelu"
        if s.activation and isinstance(s.activation.module, nn.PReLU)
        else s.activation and s.activation.kind
        for s in layout.sites
    }
    assert list(found.items()) == list(SITES[case.name].items())
    assert [s.name for s in layout.hidden] == [n for n, act in SITES[case.name].items() if act]
    assert layout.unseen == ()


@EVERY
def test_every_layer_of_the_network_is_a_site_or_said_not_to_be(case):
    network = made(case)
    layout = find_sites(network, case.inputs(2))
    kinds = (nn.Linear, nn.modules.conv._ConvNd, nn.Embedding)
    layers = {
        name for name, m in network.named_modules() if isinstance(m, kinds) or type(m).__name__ == "Conv1D"
    }
    said = {name for name in layers if any(f"`{name}`" in text for text in layout.unseen)}
    assert {s.name for s in layout.sites} | said == layers
    assert layout.sites[-1].is_last
    assert [s.name for s in layout.sites if not s.refusal and s.activation is None] == []


# ---- placing


@EVERY
@pytest.mark.parametrize("norm", NORMS)
def test_norm_and_dropout_are_placed_at_every_site_that_can_have_them_and_the_network_trains(case, norm):
    network, x = made(case), case.inputs(4)
    if no_tokens(norm, case):
        with pytest.raises(PlacementError, match=f"units last, where {norm} norm would take the second"):
            place(network, norm=norm, keep_prob=0.8, inputs=x[:2])
        return
    done = placed(network, norm=norm, keep_prob=0.8, inputs=x[:2])
    sites = {s.name: s for s in find_sites(done, x[:2]).hidden}
    assert list(sites) == [s.name for s in find_sites(network, x[:2]).hidden]
    for site in sites.values():
        if norm in ("batch", "group") and not site.is_map and site.ndim != 2:
            continue
        assert site.dropout.keep == 0.8
        is_there = {
            "batch": nn.modules.batchnorm._BatchNorm,
            "layer": nn.GroupNorm if site.is_map else nn.LayerNorm,
            "rms": nn.Module,
            "group": nn.GroupNorm,
        }
        assert isinstance(site.norm.module, is_there[norm]), site.name
        assert norm != "rms" or "RMSNorm" in type(site.norm.module).__name__
    torch.manual_seed(0)
    out = done.train()(x)
    out.square().sum().backward()
    assert torch.isfinite(out).all()
    trained = [n for n, p in done.named_parameters() if p.grad is not None and torch.isfinite(p.grad).all()]
    assert set(trained) >= {n for n, p in network.named_parameters() if p.requires_grad and n in trained}
    assert {n for n, p in done.named_parameters() if p.grad is None} == unused(network, x)


def unused(network, x):
    """Parameters that have no gradient in the network as it is either."""
    torch.manual_seed(0)
    network.train()(x).square().sum().backward()
    without = {n for n, p in network.named_parameters() if p.grad is None}
    network.zero_grad()
    return without


@EVERY
@pytest.mark.parametrize("at", ["before_activation", "after_activation"])
def test_a_fresh_batch_norm_changes_the_eval_output_by_no_more_than_its_eps_and_other_norms_change_it(
    case, at
):
    network, x = made(case).double().eval(), case.inputs(8).double()
    bare = placed(network, norm="none", inputs=x[:2])
    with torch.no_grad():
        before = bare(x)
        for norm in NORMS:
            if no_tokens(norm, case):
                continue
            done = placed(bare, norm=norm, norm_at=at, inputs=x[:2])
            n = len(list(done.modules())) - len(list(bare.modules()))
            change = (done(x) - before).abs().max().item()
            if norm == "batch":
                assert n >= 1
                assert 0 < change <= 1e-5 * n, (norm, n)
            else:
                assert change > 1e-5 * n, (norm, n)


# ---- training


def digits_of(case: Real, n: int = 40):
    """Inputs as the network takes them, with three classes (ten for LeNet and ResNet-20)."""
    x = case.inputs(n + 12).numpy()
    y = (np.arange(n + 12) % 3).astype(np.int64)
    return load((x[:n], y[:n], x[n:], y[n:]))


@EVERY
@pytest.mark.parametrize(
    "arm", [{}, {"norm": "layer", "keep_prob": 0.8, "init_std": 0.3}], ids=["as it is", "changed"]
)
def test_the_loop_engine_trains_it(case, arm):
    network, data = made(case), digits_of(case)
    sites = inspect_network(network, data.x).sites
    setting = Setting(case.build, data, "cross_entropy", 2, sites)
    full = hunch.Arm("x", batch_size=8, optimizer="adam", **arm).resolved(data.n)
    job = Job(RunKey("confirm", "x", 5, 0.01, 2), full, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = next(LoopEngine().train(setting, [job], keep_networks=True))
    trace = result.trace
    assert trace.failed is None
    assert np.isfinite(trace.cost).all()
    assert np.isfinite(trace.held_cost).any()
    assert trace.cost[-1] != trace.cost[0]
    moved = trace.readings[:, RECORDED.index("update_weight")]
    gets = [p.grad is not None for p in gradients_of(network, data.x, [s.name for s in sites])]
    assert (moved[-1][gets] > 0).all()
    assert sum(gets) >= len(sites) - 1


def gradients_of(network, x, names):
    network.train()(torch.from_numpy(x[:8])).square().sum().backward()
    return [network.get_submodule(name).weight for name in names]


@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_an_arm_puts_another_activation_in_the_place_of_a_librarys_own(kind):
    case = next(c for c in REAL if c.name == "GPT-2")
    network = made(case)
    done = place_arm(network, hunch.Arm("x", activation=kind), inputs=case.inputs(2))
    assert {s.activation.kind for s in find_sites(done, case.inputs(2)).hidden} == {kind}


def test_the_weights_of_gpt_2_decay_and_its_biases_and_norms_do_not():
    network = made(next(c for c in REAL if c.name == "GPT-2"))
    names = decayed_parameters(network)
    assert names == {n for n, p in network.named_parameters() if p.ndim == 2}
    assert {"model.transformer.h.0.attn.c_attn.weight", "model.transformer.wpe.weight"} <= names


IN_FLEETS = [case for case in REAL if case.fleets]


@pytest.mark.parametrize("case", IN_FLEETS, ids=[case.name for case in IN_FLEETS])
def test_the_batched_engine_trains_it_as_the_loop_does(case):
    network, data = made(case), digits_of(case)
    setting = Setting(
        case.build, data, "cross_entropy", 2, inspect_network(network, data.x).sites, readings=False
    )
    full = hunch.Arm("x", batch_size=8, norm="layer", keep_prob=0.8).resolved(data.n)
    jobs = [Job(RunKey("confirm", "x", seed, 0.01, 2), full, seed) for seed in (5, 6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fleet = {r.job.key.seed: r.trace for r in BatchedEngine(workers=1).train(setting, jobs)}
        plain = {r.job.key.seed: r.trace for r in LoopEngine().train(setting, jobs)}
    for seed in (5, 6):
        assert (fleet[seed].failed, plain[seed].failed) == (None, None)
        np.testing.assert_allclose(fleet[seed].cost, plain[seed].cost, rtol=1e-5)
        assert len(set(plain[seed].cost)) > 1


def test_gpt_2_trains_as_the_library_has_it_on_whole_numbers():
    case = next(c for c in REAL if c.name == "GPT-2")
    made(case)
    x, y = case.inputs(60).numpy().astype(np.int64), np.arange(60) % 3
    runs = hunch.train(
        lambda: case.build().model, ({"input_ids": x}, y), arm=hunch.Arm("x", keep_prob=0.9, batch_size=8),
        seeds=1, budget=2, lr=0.01, progress=False,
    )  # fmt: skip
    assert np.isfinite(runs.frame()["cost"]).all()
