"""Every message that bad input gets, held in one gold file: tests/gold/messages.txt.

Accept a change with `make gold`, and read the diff: a message is part of the product.
"""

import contextlib
import functools
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import hunch

GOLD = Path(__file__).parent / "gold" / "messages.txt"

X = np.linspace(0, 1, 160, dtype=np.float32).reshape(40, 4)
Y = np.arange(40) % 2
NONE, BEFORE = hunch.Arm("none"), hunch.Arm("before", norm="batch")
CLAIM = hunch.faster("before", than="none")


def compare(build=None, data=(X, Y), **settings):
    """A call that would train for a moment if nothing refused it."""
    return hunch.compare(
        build or hunch.mlp([4, 3, 2]),
        data,
        **{
            "arms": [NONE, BEFORE],
            "claims": [CLAIM],
            "base": hunch.Arm("base", lr=0.1, batch_size=8),
            "budget": 4,
            "seeds": 2,
            "progress": False,
            **settings,
        },
    )


def audit(**settings):
    """A call that would audit for a moment."""
    return hunch.audit(
        hunch.mlp([4, 3, 2]),
        (X, Y),
        **{
            "studies": 2,
            "base": hunch.Arm("base", lr=0.1, batch_size=8),
            "budget": 4,
            "seeds": 2,
            "progress": False,
            **settings,
        },
    )


def tune(doses=(0.0, 0.1), knob="l2", **settings):
    """A call that would train a curve for a moment."""
    return hunch.tune(
        hunch.mlp([4, 3, 2]),
        (X, Y),
        knob=knob,
        doses=doses,
        **{
            "arm": hunch.Arm("base", lr=0.1, batch_size=8),
            "budget": 4,
            "seeds": 2,
            "fresh": 0,
            "progress": False,
            **settings,
        },
    )


def with_value(array, value, *at):
    out = np.array(array)
    out[at] = value
    return out


def raises():
    raise RuntimeError("no such layer")


def csv(folder, text):
    path = folder / "d.csv"
    path.write_text(text)
    return str(path)


def newer_study(folder):
    path = folder / "s.hunch"
    compare(store=path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    return path


def text_file(folder):
    path = folder / "notes.hunch"
    path.write_text("no study\n" * 100)
    return path


def damaged_study(folder):
    path = folder / "s.hunch"
    compare(store=path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


CASES = {
    "unknown arm in a claim": lambda _: compare(claims=[hunch.faster("beefore", than="none")]),
    "two arms of one name": lambda _: compare(arms=[NONE, hunch.Arm("none", l2=0.1)], claims=[]),
    "no arms": lambda _: compare(arms=[], claims=[]),
    "keep_prob of 0": lambda _: hunch.Arm("dropout", keep_prob=0),
    "keep_prob of 20": lambda _: hunch.Arm("dropout", keep_prob=20),
    "keep_prob of NaN": lambda _: hunch.Arm("dropout", keep_prob=float("nan")),
    "keep_prob for no site": lambda _: compare(arms=[NONE, hunch.Arm("before", keep_prob={"7": 0.5})]),
    "keep_prob at the last layer": lambda _: compare(arms=[NONE, hunch.Arm("before", keep_prob={"2": 0.5})]),
    "a law of no units": lambda _: hunch.dropout_law(0, 0.8),
    "a law with its arguments swapped": lambda _: hunch.dropout_law(0.8, 12),
    "a law of keep_prob 20": lambda _: hunch.dropout_law(12, 20),
    "a law of keep_prob 0": lambda _: hunch.dropout_law(12, 0),
    "a law of unknown dropout": lambda _: hunch.dropout_law(12, 0.8, 0.2),
    "half a kept unit": lambda _: hunch.dropout_law(12, 0.8).probability(11.5),
    "kept units of gaussian dropout": lambda _: hunch.dropout_law(12, 0.8, "gaussian").frame(),
    "several problems of one arm": lambda _: hunch.Arm("x", norm="bach", l2=-1, lr=0, betas=(1, 2)),
    "a claim in no form": lambda _: hunch.plan.parse_claim("before beats none"),
    "a margin that is no ratio": lambda _: hunch.faster("a", than="b", margin=0.1),
    "a claim about one arm": lambda _: hunch.faster("a", than="a"),
    "a claim about an unknown reading": lambda _: hunch.lower("saturations", "a", than="b"),
    "batch norm with batch size 1": lambda _: compare(
        arms=[NONE, hunch.Arm("before", norm="batch", batch_size=1)]
    ),
    "batch norm of the network with batch size 1": lambda _: compare(
        build=lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)),
        base=hunch.Arm("base", lr=0.1, batch_size=1),
        arms=[NONE, hunch.Arm("before", l2=0.1)],
    ),
    "a batch larger than the data": lambda _: compare(base=hunch.Arm("base", lr=0.1, batch_size=1000)),
    "no seeds": lambda _: compare(seeds=[]),
    "seeds twice": lambda _: compare(seeds=[1, 2, 1]),
    "alpha of 5": lambda _: compare(alpha=5),
    "budget of 0": lambda _: compare(budget=0),
    "a claim made twice": lambda _: compare(
        claims=[hunch.faster("before", than="none"), "before faster than none"]
    ),
    "claims that are no list": lambda _: compare(claims="before faster than none"),
    "paired in words": lambda _: compare(paired="no"),
    "a budget beyond reason": lambda _: compare(budget=10**12),
    "an unknown way of tuning": lambda _: compare(tuning="thrice"),
    "seeds that are tuning seeds": lambda _: compare(
        tuning="replicated", base=hunch.Arm("base", batch_size=8), seeds=[400_001, 7]
    ),
    "more blocks than tuning seeds": lambda _: compare(
        tuning="replicated",
        base=hunch.Arm("base", batch_size=8),
        arms=[hunch.Arm(f"a{k}") for k in range(6)],
        claims=[hunch.faster("a1", than="a0")],
        seeds=70_000,
    ),
    "unpaired seeds far apart": lambda _: compare(paired=False, seeds=[1, 20_001]),
    "a target that is met before training": lambda _: compare(target=5),
    "looks of another kind": lambda _: compare(looks="often"),
    "looks that fall": lambda _: compare(seeds=None, max_seeds=40, looks=[20, 10, 40]),
    "looks too early": lambda _: compare(seeds=None, looks=[2, 10]),
    "looks that do not end with the seeds": lambda _: compare(seeds=30, looks=[10, 20]),
    "looks beyond max_seeds": lambda _: compare(seeds=None, max_seeds=20, looks=[10, 40]),
    "bets on an outcome without bounds": lambda _: compare(
        robust=True, claims=[hunch.lower("gradient_norm", "before", than="none")]
    ),
    "bets on an error in the target's own unit": lambda _: compare(
        build=hunch.mlp([4, 3, 1]),
        data=(X, X[:, 0]),
        robust=True,
        claims=[hunch.lower_error("before", than="none")],
    ),
    "alpha, looks, seeds and budget at once": lambda _: compare(
        alpha=2, looks=[10, 5], max_seeds=0, seeds=None, budget=-1
    ),
    "stopping at the target with a claim about cost": lambda _: compare(
        claims=[hunch.lower_cost("before", than="none")], stop_at_target=True
    ),
    "rates missing": lambda _: compare(tuning="none", base=None),
    "float labels with several outputs": lambda _: compare(data=(X, Y.astype(np.float32))),
    "labels out of range": lambda _: compare(data=(X, np.arange(40) % 3)),
    "negative labels": lambda _: compare(data=(X, Y - 1)),
    "NaN in X": lambda _: compare(data=(with_value(X, np.nan, 3, 2), Y)),
    "infinity in X": lambda _: compare(data=(with_value(X, np.inf, 5, 0), Y)),
    "NaN in y": lambda _: compare(
        build=hunch.mlp([4, 3, 1]), data=(X, with_value(Y.astype(np.float32), np.nan, 7))
    ),
    "X and y of different length": lambda _: compare(data=(X, Y[:-1])),
    "empty data": lambda _: compare(data=(X[:0], Y[:0])),
    "a constant target": lambda _: compare(data=(X, np.zeros(40, dtype=int))),
    "an unknown data set": lambda _: compare(data="mnist"),
    "a file that is not there": lambda _: compare(data="nowhere.csv", y="t"),
    "a csv without the column": lambda f: compare(data=csv(f, "a,b,target\n1,2,0\n2,3,1\n"), y="targe"),
    "a csv without y=": lambda f: compare(data=csv(f, "a,b,target\n1,2,0\n2,3,1\n")),
    "an empty target column": lambda f: compare(data=csv(f, "a,t\n1,\n2,\n3,\n"), y="t"),
    "a constant target column": lambda f: compare(data=csv(f, "a,t\n1,5\n2,5\n3,5\n"), y="t"),
    "a missing value": lambda f: compare(data=csv(f, "a,t\n1,0\n,1\n" + "3,0\n4,1\n" * 10), y="t"),
    "build is a network": lambda _: compare(build=nn.Sequential(nn.Linear(4, 2))),
    "build is no function": lambda _: compare(build=3),
    "build raises": lambda _: compare(build=raises),
    "build returns no module": lambda _: compare(build=lambda: None),
    "a network with other inputs": lambda _: compare(build=hunch.mlp([5, 3, 2])),
    "a network whose layers do not fit": lambda _: compare(
        build=lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(5, 2))
    ),
    "a network with too few outputs": lambda _: compare(
        data=(X, np.arange(40) % 3), build=hunch.mlp([4, 3, 2])
    ),
    "a network that ends in softmax": lambda _: compare(
        build=lambda: nn.Sequential(nn.Linear(4, 2), nn.Softmax(1))
    ),
    "a network that is no chain": lambda _: compare(
        build=lambda: nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 2, 2))
    ),
    "a network that is no Sequential": lambda _: compare(build=lambda: nn.Bilinear(2, 2, 2)),
    "a network without a hidden layer": lambda _: compare(build=hunch.mlp([4, 2])),
    "an engine that is not there": lambda _: compare(engine="warp"),
    "a device that is not there": lambda _: compare(device="tpu"),
    "a site that is not there": lambda _: compare(
        claims=[hunch.lower("slope", "before", than="none", site="conv1")]
    ),
    "a study file that is none": lambda f: hunch.open(text_file(f)),
    "a study file that is not there": lambda f: hunch.open(f / "gone.hunch"),
    "a study file of a newer version": lambda f: hunch.open(newer_study(f)),
    "a damaged study file": lambda f: hunch.open(damaged_study(f)),
    "another plan on the same file": lambda f: (
        compare(store=f / "s.hunch"),
        compare(store=f / "s.hunch", arms=[NONE, hunch.Arm("before", norm="layer")]),
    ),
    "an audit of paired arms": lambda _: audit(paired=True),
    "an audit with claims": lambda _: audit(claims=[CLAIM]),
    "an audit of something compare does not know": lambda _: audit(seedz=3),
    "an audit with a study file": lambda f: audit(store=f / "a.hunch"),
    "an audit of given seeds": lambda _: audit(seeds=[1, 2]),
    "an audit of no study": lambda _: audit(studies=0),
    "an audit of another outcome": lambda _: audit(of="slope"),
    "an audit that plants nothing": lambda _: audit(planted=1),
    "an unknown knob": lambda _: tune(knob="dropout"),
    "no knob": lambda _: tune(knob=None),
    "the site of another knob than keep_prob": lambda _: tune(knob="l2 at 0"),
    "a knob twice": lambda _: tune(knob=["l2", "l2"]),
    "three knobs": lambda _: tune(knob=["keep_prob", "l2", "lr"]),
    "a knob at a site that is not there": lambda _: tune(knob="keep_prob at 7", doses=None),
    "a knob at the last layer": lambda _: tune(knob="keep_prob at 2"),
    "one dose": lambda _: tune(doses=[0.1]),
    "doses that are no numbers": lambda _: tune(doses=["small", "large"]),
    "doses for one of two knobs": lambda _: tune(knob=["keep_prob", "l2"], doses=[[0.5, 1.0]]),
    "doses of keep_prob of 20 and 0": lambda _: tune(knob="keep_prob", doses=[0, 20]),
    "a dose of l2 of -1": lambda _: tune(doses=[-1, 0]),
    "a default that is no dose": lambda _: tune(default="much"),
    "a default for one of two knobs": lambda _: tune(knob=["keep_prob", "l2"], doses=None, default=0.8),
    "a curve of one seed": lambda _: tune(seeds=1),
    "a curve of one listed seed": lambda _: tune(seeds=[7]),
    "fresh seeds of -1": lambda _: tune(fresh=-1),
    "an outcome that no curve has": lambda _: tune(outcome="accuracy"),
    "a margin of 0 for a curve": lambda _: tune(margin=0),
    "a margin that is no ratio for a curve": lambda _: tune(margin=1, outcome="iterations"),
    "an arm for a curve that is none": lambda _: tune(arm="bn"),
    "one rate for Adam and SGD": lambda _: compare(
        tuning="shared",
        base=hunch.Arm("base", batch_size=8),
        arms=[NONE, hunch.Arm("before", optimizer="adam")],
    ),
    "an unknown hunch": lambda _: hunch.test("bn-fewer-iteration"),
    "a hunch about several networks on one": lambda _: hunch.test(
        "same-expected-units-same-result", hunch.mlp([4, 3, 2]), (X, Y)
    ),
    "claims for a hunch that brings its own": lambda _: hunch.test("dropout-needs-width", claims=[CLAIM]),
    "looks at two knobs": lambda _: hunch.test("l2-tunes-finer-than-dropout", looks=[5, 10], paired=False),
    "one file for several regimes": lambda f: hunch.test("dropout-needs-width", store=text_file(f)),
    "claims for all hunches": lambda _: hunch.test_all(claims=[CLAIM]),
    "one file for many hunches": lambda f: hunch.test_all(store=text_file(f)),
    "a picture of all hunches": lambda f: hunch.HunchAnswers((), {}).report(f / "all.png"),
    "a cost that is a mean": lambda _: compare(cost=torch.nn.functional.cross_entropy),
    "a cost that is a class": lambda _: compare(cost=nn.CrossEntropyLoss),
    "a cost of every output": lambda _: compare(cost=lambda o, t: o.square()),
    "a cost that is no tensor": lambda _: compare(cost=lambda o, t: 3.0),
    "a cost in whole numbers": lambda _: compare(cost=lambda o, t: o.argmax(dim=1)),
    "a cost that raises": lambda _: compare(cost=lambda o, t: o.nope),
    "a cost that is not finite": lambda _: compare(cost=lambda o, t: (-o[:, 0].abs()).log()),
    "a cost without a gradient": lambda _: compare(cost=lambda o, t: (o.argmax(dim=1) == t).float()),
    "a cost with an endless gradient": lambda _: compare(cost=lambda o, t: (o[:, 0] * 0).sqrt()),
    "a cost that draws": lambda _: compare(cost=lambda o, t: o[:, 0].square() + torch.rand(len(o))),
    "a cost of the whole batch": lambda _: compare(cost=lambda o, t: o[:, 0].square() + len(o)),
    "a cost without end": lambda _: compare(cost=lambda o, t: o[:, 0]),
    "a cost that no constant has": lambda _: compare(
        cost=lambda o, t: o[:, 0].square() + (torch.inf if o.std(dim=0).max() == 0 else 0.0)
    ),
    "a cost of amounts with other outputs": lambda _: compare(
        data=(X, X[:, :1] * 2), cost=lambda o, t: o[:, 0].square()
    ),
    "batches larger than the data": lambda _: hunch.batches(0, 10, 11, 5),
    "a place that is not there": lambda _: hunch.place(
        nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), norm="batch", sites=["9"]
    ),
}


def message_of(case, folder):
    try:
        with contextlib.chdir(folder):  # some messages name the current folder
            CASES[case](folder)
    except hunch.HunchError as error:
        text = f"{type(error).__name__}: {error}".replace(str(folder), "FOLDER")
        return text.replace(torch.__version__, "TORCH")
    raise AssertionError(f"{case}: nothing refused it")


def read_gold():
    parts = GOLD.read_text().split("\n## ")[1:]
    return dict(part.split("\n", 1) for part in parts)


@pytest.mark.parametrize("case", CASES)
def test_gold_message(case, tmp_path):
    text = message_of(case, tmp_path)
    if os.environ.get("HUNCH_GOLD") == "accept":
        known = read_gold() if GOLD.exists() else {}
        known[case] = f"\n{text}\n"
        listed = "".join(f"\n## {name}\n{known[name]}" for name in CASES if name in known)
        GOLD.write_text(
            f"Every message of tests/test_messages.py. Accept changes with `make gold`.\n{listed}"
        )
    assert read_gold()[case].strip() == text


@pytest.mark.parametrize("case", CASES)
def test_a_refused_call_leaves_nothing_half_written(case, tmp_path, monkeypatch):
    for verb in (compare, tune):  # every case that compares or tunes asks for a study file
        stored = functools.partial(verb, store=tmp_path / "asked.hunch")
        monkeypatch.setitem(globals(), verb.__name__, stored)
    message_of(case, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {"d.csv", "s.hunch", "notes.hunch"}


@pytest.mark.parametrize("verb", [compare, tune])
def test_a_call_that_is_not_refused_would_have_written_its_file(verb, tmp_path):
    verb(store=tmp_path / "asked.hunch")
    assert [p.name for p in tmp_path.iterdir()] == ["asked.hunch"]


def test_the_gold_check_can_fail(tmp_path):
    assert message_of("keep_prob of 20", tmp_path) != read_gold()["keep_prob of 0"].strip()


def test_every_slug_is_documented(tmp_path):
    documented = (Path(__file__).parents[1] / "docs" / "errors.md").read_text()
    for case in CASES:
        slug = message_of(case, tmp_path).rsplit("[", 1)[1].rstrip("]")
        assert f"`{slug}`" in documented, slug
