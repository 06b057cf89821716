"""What the native engine is held against the loop with: made data, and a pairwise cover of all that an arm can be."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch

import hunch
import hunch.engine.loop as loop
import hunch.engine.masks as masks
from hunch.data import Data, load
from hunch.engine import Job, LoopEngine, Result, Setting
from hunch.network import build_network, inspect_network
from hunch.plan import ACTIVATIONS, CONFIRM, SCHEDULES, Arm
from hunch.traces import RunKey

FACTORS: dict[str, tuple] = {
    "norm": ("none", "batch", "layer", "rms", "group"),
    "norm_at": ("before_activation", "after_activation"),
    "activation": ACTIVATIONS,
    "dropout": (None, "bernoulli", "gaussian", "exact"),
    "cost": ("cross_entropy", "binary_cross_entropy", "mean_squared_error", "huber"),
    "optimizer": ("sgd", "momentum", "nesterov", "adam", "adamw"),
    "schedule": SCHEDULES,
    "decay": (None, "l2", "weight_decay", "l2 on norms too"),
    "batch_size": (50, 7),
}


def pairwise() -> list[dict]:
    """Few combinations in which every two settings of two factors meet, chosen greedily; always the same."""
    names = list(FACTORS)
    open_pairs = {
        ((a, x), (b, y)) for a, b in itertools.combinations(names, 2) for x in FACTORS[a] for y in FACTORS[b]
    }
    rng = np.random.default_rng(11)
    cases: list[dict] = []
    while open_pairs:
        best, most = {}, -1
        for _ in range(60):
            (a, x), (b, y) = sorted(open_pairs, key=repr)[rng.integers(len(open_pairs))]
            case = {n: FACTORS[n][rng.integers(len(FACTORS[n]))] for n in names} | {a: x, b: y}
            met = sum(p in open_pairs for p in _pairs(case, names))
            if met > most:
                best, most = case, met
        cases.append(best)
        open_pairs -= set(_pairs(best, names))
    return cases


def _pairs(case: dict, names: list[str]) -> list[tuple]:
    return [((a, case[a]), (b, case[b])) for a, b in itertools.combinations(names, 2)]


def name_of(case: dict) -> str:
    """A readable id of a case."""
    return "-".join(str(v) for v in case.values())


def made_data(cost: str = "cross_entropy", n: int = 300, n_held: int = 83, n_features: int = 9) -> Data:
    """Examples with something to learn in them; 83 held out, which no chunk divides."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n + n_held, n_features)).astype(np.float32)
    score = x[:, 0] - x[:, 1] * x[:, 2]
    if cost == "cross_entropy":
        y: np.ndarray = np.digitize(score, [-0.7, 0.7])
    elif cost == "binary_cross_entropy":
        y = (score > 0).astype(int)
    else:
        y = (3 * score + 1).astype(np.float32)
    return load((x[:n], y[:n], x[n:], y[n:]))


@dataclass(frozen=True)
class Made:
    """A setting and a job that fit together."""

    setting: Setting
    arm: Arm

    def job(self, seed: int = 1, lr: float | None = None) -> Job:
        rate = self.arm.lr if lr is None else lr
        assert rate is not None
        return Job(RunKey(CONFIRM, self.arm.name, seed, rate, self.setting.budget), self.arm, seed)


def made(
    build=None,
    arm: Arm | None = None,
    cost="cross_entropy",
    budget=50,
    dtype=torch.float64,
    data=None,
    **other,
) -> Made:
    """A setting on made data, and an arm of it; `build` defaults to a chain that fits."""
    data = data or made_data(cost)
    n_in, n_out = data.x.shape[1], data.n_classes if cost == "cross_entropy" else 1
    build = build or hunch.mlp([n_in, 24, 17, n_out], "tanh")
    sites = inspect_network(build_network(build, 0), data.x).sites
    setting = Setting(build, data, cost, budget, sites, dtype=dtype, **other)
    arm = (arm or Arm("x")).over(Arm("base", lr=0.05, batch_size=50)).resolved(data.n)
    return Made(setting, arm)


def made_case(case: dict, **other) -> Made:
    """A case of the pairwise cover."""
    adaptive = case["optimizer"] in ("adam", "adamw")
    settings = {
        "norm": case["norm"],
        "optimizer": case["optimizer"],
        "schedule": case["schedule"],
        "batch_size": case["batch_size"],
        "lr": 0.003 if adaptive else 0.02,
    }
    if case["norm"] != "none":
        settings["norm_at"] = case["norm_at"]
    if case["dropout"]:
        settings |= {"keep_prob": 0.7, "dropout": case["dropout"]}
    if case["decay"]:
        settings["weight_decay" if case["decay"] == "weight_decay" else "l2"] = 0.02
        settings["decay_norm"] = case["decay"] == "l2 on norms too"
    n_out = 3 if case["cost"] == "cross_entropy" else 1
    build = hunch.mlp([9, 24, 17, n_out], case["activation"])
    return made(build, Arm("x", **settings), case["cost"], **other)


def one(engine, what: Made, seed: int = 1, lr: float | None = None) -> Result:
    """The result of one run, its network kept."""
    (result,) = engine.train(what.setting, [what.job(seed, lr)], keep_networks=True)
    assert result.trace.failed is None, result.trace.failed
    return result


def turned(what: Made, monkeypatch) -> Result:
    """The loop's run with the examples of every batch, and the rows of every mask, in reverse."""
    batches, mask = loop.batches, masks.mask
    with monkeypatch.context() as patch:
        patch.setattr(loop, "batches", lambda *a: np.ascontiguousarray(batches(*a)[:, ::-1]))
        patch.setattr(masks, "mask", lambda *a: np.ascontiguousarray(mask(*a)[::-1]))
        return one(LoopEngine(), what)


MEASURED = ("cost", "held_cost", "held_error", "readings")


def largest_difference(a: Result, b: Result) -> float:
    """Between two runs, in all that was measured and in the trained network, relative to 1 + size.

    Infinite where one has a number and the other has none.
    """
    worst = 0.0
    pairs = [(getattr(a.trace, f), getattr(b.trace, f)) for f in MEASURED]
    assert a.state is not None
    assert b.state is not None
    assert a.state.keys() == b.state.keys()
    pairs += [(a.state[k].double().numpy(), b.state[k].double().numpy()) for k in a.state]
    for left, right in pairs:
        left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
        if not np.array_equal(np.isnan(left), np.isnan(right)):
            return float("inf")
        known = ~np.isnan(left) & (left != right)
        gaps = np.abs(left[known] - right[known]) / (1 + np.abs(right[known]))
        worst = max(worst, float(gaps.max(initial=0.0)))
    return worst


def same_bits(a: Result, b: Result) -> bool:
    """Whether two runs agree in every bit that was measured or trained."""
    assert a.state is not None
    assert b.state is not None
    return (
        all(np.array_equal(getattr(a.trace, f), getattr(b.trace, f), equal_nan=True) for f in MEASURED)
        and a.trace.diverged_at == b.trace.diverged_at
        and all(torch.equal(a.state[k], b.state[k]) for k in a.state)
    )
