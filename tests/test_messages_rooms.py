"""The messages that tests/test_messages.py has no case for, room by room: tests/gold/messages_rooms.txt.

Accept a change with `make gold`, and read the diff: a message is part of the product.
"""

import contextlib
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import hunch
from hunch.cli import dropping
from hunch.cli.arms import parse_arms, parse_claims
from hunch.cli.loading import load_build
from hunch.cli.reading import explore, report
from hunch.cli.tuning import tune
from hunch.network import find_sites, inspect_network, mlp, place, read_chain
from hunch.results import Study
from hunch.results import open as open_study
from hunch.traces import RunTable, StudyFile, open_or_create, read_study, recover

ROOT = Path(__file__).parents[1]
GOLD = ROOT / "tests" / "gold" / "messages_rooms.txt"
X = np.linspace(0, 1, 160, dtype=np.float32).reshape(40, 4)
Y = np.arange(40) % 2
SHARED = nn.Linear(4, 4)


def compare(**settings):
    wanted = {
        "arms": [hunch.Arm("none"), hunch.Arm("l2", l2=0.1)],
        "claims": [],
        "base": hunch.Arm("base", lr=0.1, batch_size=8),
    }
    wanted |= {"budget": 4, "target": 0.1, "seeds": 2, "engine": "loop", "progress": False} | settings
    return hunch.compare(hunch.mlp([4, 3, 2]), (X, Y), **wanted)


def study_file(folder):
    """A finished study file that is open for writing, its path, and one of its runs."""
    path = folder / "s.hunch"
    compare(store=path)
    stored = read_study(path)
    file = open_or_create(path, stored.plan.asked(), stored.facts, stored.provenance)
    return file, path, next(iter(stored.table))


def written_after_closing(folder):
    file, _, run = study_file(folder)
    file.close()
    file.append(run)


def held_twice(folder):
    file, path, _ = study_file(folder)
    with file:
        open_or_create(path, file.plan.asked(), file.facts, file.provenance)


def with_file(do):
    def case(folder):
        file, path, run = study_file(folder)
        with file:
            do(file, path, run)

    return case


def resumed(**change):
    """The same study asked for once more, with something else in its plan or facts."""

    def case(folder):
        file, path, _ = study_file(folder)
        file.close()
        plan, facts, seen = file.plan.asked(), file.facts, file.provenance
        plan_change = {k: v for k, v in change.items() if hasattr(plan, k)}
        facts_change = {k: v for k, v in change.items() if hasattr(facts, k)}
        versions = (("hunch-lab", "0.0.1"),) if "library" in change else seen.versions
        open_or_create(
            path,
            replace(plan, **plan_change),
            replace(facts, **facts_change),
            replace(seen, versions=versions),
        )

    return case


def dose_curve(folder):
    """A curve where a comparison is wanted."""
    hunch.tune(
        hunch.mlp([4, 3, 2]), (X, Y), knob="l2", doses=[0, 0.1], budget=2, seeds=2, fresh=0, store=folder / "c.hunch",
        arm=hunch.Arm("a", lr=0.1, batch_size=8), engine="loop", progress=False,
    )  # fmt: skip
    explore(str(folder / "c.hunch"), ["a faster than b"], target=None, alpha=None, json=False)


def without(*packages):
    """Export with these packages gone."""

    def case(folder):
        with pytest.MonkeyPatch.context() as patch:
            for package in packages:
                patch.setitem(sys.modules, package, None)
            compare().export(folder / "x", to="tensorboard")

    return case


def mlflow_that_refuses(folder):
    """A tracking store that does not take it; MLflow itself is not needed to see how that is told."""

    def refuse(tracking_uri):
        raise ArithmeticError("Model registry functionality is unavailable.\nMore of it.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setitem(sys.modules, "mlflow", SimpleNamespace())
        patch.setitem(sys.modules, "mlflow.exceptions", SimpleNamespace(MlflowException=ArithmeticError))
        patch.setitem(sys.modules, "mlflow.tracking", SimpleNamespace(MlflowClient=refuse))
        compare().export("ftp://nowhere/there", to="mlflow")


def curve_of():
    """A small dose-response curve."""
    return hunch.tune(
        hunch.mlp([4, 3, 2]), (X, Y), knob="l2", doses=[0, 0.1], budget=2, seeds=2, fresh=0,
        arm=hunch.Arm("a", lr=0.1, batch_size=8), engine="loop", progress=False,
    )  # fmt: skip


def picture_of_nothing(folder):
    """The picture of a curve of which no run is there."""
    found = curve_of()
    empty = RunTable(found.facts, [])
    hunch.DoseResponse(found.plan, found.facts, found.provenance, empty).report(folder / "c.png")


def no_single_answer(_):
    """Two given doses, and none is named."""
    hunch.equivalent(
        hunch.mlp([4, 3, 2]), (X, Y), dose=[0.5, 0.8], doses=[0, 0.1], budget=2, seeds=2,
        arm=hunch.Arm("a", lr=0.1, batch_size=8), engine="loop", progress=False,
    ).intervals()  # fmt: skip


def tune_doses(*doses, knobs=("l2",)):
    """`hunch tune`, as the command calls it."""
    tune(
        None, None, knobs=knobs, doses=doses, arm=None, default=None, options={}, store=None, output=None,
        json=False, quiet=True,
    )  # fmt: skip


def stopped(study, keep):
    """The study explored with some of its runs, as if it had been stopped."""
    kept = RunTable(study.facts, [trace for trace in study.table if keep(trace)])
    Study(study.plan, study.facts, study.provenance, kept).explore("l2 lower cost than none")


def dropout(units=None, *, net=None, keep=None, kind=None, output=None):
    """`hunch dropout`, as the command calls it."""
    dropping.dropout(units, net=net, keep=keep, kind=kind, output=output, json=False)


def own_file(folder, text, name="net.py"):
    (folder / name).write_text(text, encoding="utf-8")


class Sorted(nn.Linear):
    """Looks at its values before it decides what to do."""

    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)


class Moody(nn.Module):
    """Does something else in evaluation."""

    def __init__(self, norm=False):
        super().__init__()
        self.first, self.last, self.norm = nn.Linear(4, 4), nn.Linear(4, 2), norm

    def forward(self, x):
        x = self.first(x)
        x = torch.relu(F.layer_norm(x, (4,)) if self.norm else x)
        return self.last(x) if self.training else self.last(2 * x)


class Summed(nn.Module):
    """Every layer goes into a sum."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.last(torch.relu(x + self.first(x)))


class Relu(nn.Module):
    """More than an activation, so that it is looked into."""

    def forward(self, x):
        return torch.relu(x).flip(0)


class Twice(nn.Module):
    """One block behind two layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last, self.block = (
            nn.Linear(4, 4),
            nn.Linear(4, 4),
            nn.Linear(4, 2),
            Relu(),
        )

    def forward(self, x):
        return self.last(self.block(self.second(self.block(self.first(x)))))


class Answers(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x), x


class Pair(nn.Module):
    """Takes two inputs."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, left, right):
        return self.last(torch.relu(self.first(left + right)))


class Tokens(nn.Module):
    """Two tokens of four numbers each."""

    def __init__(self):
        super().__init__()
        self.first, self.act, self.last = nn.Linear(4, 4), nn.ReLU(), nn.Linear(8, 2)

    def forward(self, x):
        return self.last(self.act(self.first(x.reshape(-1, 2, 4))).flatten(1))


class Bare(nn.Linear):
    def forward(self, x):
        raise RuntimeError("no such kernel")


class Pooled(nn.Linear):
    def forward(self, x):
        return super().forward(x).sum(dim=1)


def frozen():
    return mlp([4, 2])().requires_grad_(False)


CASES = {
    "one answer of several": no_single_answer,
    # network
    "two activations": lambda _: read_chain(
        nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Tanh(), nn.Linear(4, 2))
    ),
    "dropout before the activation": lambda _: read_chain(
        nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.ReLU(), nn.Linear(4, 2))
    ),
    "one layer at two places": lambda _: read_chain(nn.Sequential(SHARED, nn.ReLU(), SHARED)),
    "no layer": lambda _: read_chain(nn.Sequential(nn.Flatten())),
    "a computed weight": lambda _: read_chain(
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 2)))
    ),
    "a forward of its own in a Sequential": lambda _: read_chain(
        type("Residual", (nn.Sequential,), {"forward": lambda self, x: x})(nn.Linear(4, 2))
    ),
    "a forward that cannot be traced": lambda _: find_sites(Sorted(4, 2)),
    "inputs that a forward does not take": lambda _: find_sites(Sorted(4, 2), torch.zeros(2, 5)),
    "a forward that cannot be rewritten": lambda _: place(Moody(), keep_prob=0.5),
    "a block at two places": lambda _: place(Twice(), keep_prob=0.5),
    "a site in a residual sum": lambda _: place(Summed(), norm="batch"),
    "an unknown site of a network with a forward": lambda _: place(Moody(), norm="batch", sites=["9"]),
    "the last site of a network with a forward": lambda _: place(Moody(), norm="batch", sites=["last"]),
    "a norm function that cannot be moved": lambda _: place(Moody(norm=True), norm_at="after_activation"),
    "axes that are not known": lambda _: place(Tokens(), norm="batch"),
    "axes that batch norm does not take": lambda _: place(Tokens(), norm="batch", inputs=torch.zeros(2, 8)),
    "new dropout of the inputs": lambda _: place(Moody(), keep_prob={"input": 0.5}),
    "a network with several inputs": lambda _: inspect_network(Pair(), X),
    "inputs by other names": lambda _: inspect_network(
        Pair(), np.zeros(2, [("left", "f4"), ("rihgt", "f4")])
    ),
    "too few inputs": lambda _: inspect_network(Pair(), np.zeros(2, [("0", "f4")])),
    "an answer that is no tensor": lambda _: inspect_network(Answers(), X),
    "a network that raises": lambda _: inspect_network(nn.Sequential(Bare(4, 2)), X),
    "outputs without a row for each example": lambda _: inspect_network(nn.Sequential(Pooled(4, 2)), X),
    "inputs that need flattening": lambda _: inspect_network(mlp([4, 2])(), X.reshape(40, 2, 2)),
    "nothing to train": lambda _: hunch.train(frozen, (X, Y), seeds=1, budget=1, lr=0.1, progress=False),
    "widths of an mlp": lambda _: mlp([4, 0, 2]),
    "an activation that is not there": lambda _: mlp([4, 3, 2], "swish"),
    "an activation that an arm asks for": lambda _: hunch.Arm("x", activation="swish"),
    # the plan
    "nearly every setting of an arm": lambda _: hunch.Arm(
        "x",
        dropout="concrete",
        eps=0,
        init_std=-1,
        keep_until=2,
        momentum=2,
        nesterov="yes",
        norm_at="middle",
        optimizer="adagrad",
        schedule="often",
        weight_decay=-1,
    ),
    "an arm without a name": lambda _: hunch.Arm(""),
    "an arm instead of arms": lambda _: compare(arms=hunch.Arm("none")),
    "a claim of an unknown kind, about a site of no reading, with weights that do not cancel": lambda _: (
        hunch.Claim("less", "cost", (("a", 1), ("b", 1)), site="0")
    ),
    "an unknown cost, metric and sequence": lambda _: hunch.Plan(
        (hunch.Arm("a"),), (), cost="squared", seeds=(1,), metric="test", sequence="often"
    ),
    "a plan of another version": lambda _: hunch.Plan.from_json({"colour": "red"}),
    "a study seed that is none": lambda _: compare(seed=-1),
    "seeds that are pilot seeds": lambda _: compare(seeds=[800_000]),
    "noise at no step": lambda _: hunch.noise(0, "0", -1, (2, 3)),
    # a network in a file
    "no such python file": lambda _: load_build("gone.py:build"),
    "a file of another kind": lambda f: (own_file(f, "", "net.txt"), load_build("net.txt:build")),
    "no such function": lambda f: (own_file(f, "def make(): ...\n"), load_build("net.py:build")),
    "a file that raises": lambda f: (own_file(f, "\n1 / 0\n"), load_build("net.py")),
    # the command line
    "an arm in no form": lambda _: parse_arms(["before:batch"]),
    "an arm with a wrong value": lambda _: parse_arms(["x:l2=much"]),
    "an arm with an unknown setting": lambda _: parse_arms(["x:norms=batch"]),
    "a claim in no form": lambda _: parse_claims(["before is better"]),
    "dropout of nothing": lambda _: dropout(),
    "dropout of a layer without a keep probability": lambda _: dropout(12),
    "dropout of a layer with sites": lambda _: dropout(12, keep="0:0.8"),
    "dropout with a keep probability that is no number": lambda _: dropout(12, keep="much"),
    "dropout of a layer and a network": lambda _: dropout(12, net="net.py:build"),
    "dropout of a network without any": lambda f: (
        own_file(f, "import hunch\nbuild = hunch.mlp([4, 3, 2])\n"),
        dropout(net="net.py:build"),
    ),
    "a picture in no folder": lambda _: dropout(12, keep="0.8", output="gone/law.png"),
    "a picture of another kind": lambda _: dropout(12, keep="0.8", output="law.gif"),
    # results
    "an unknown stage": lambda _: compare().frame(stage="all of it"),
    "an unknown metric": lambda _: compare().curves(metric="test"),
    "an unknown seed": lambda _: hunch.train(
        hunch.mlp([4, 2]), (X, Y), seeds=2, budget=1, lr=0.1, progress=False
    ).network(7),
    "a report of another kind": lambda f: compare().report(f / "page.docx"),
    "a picture of a report that is a page": lambda f: compare().report(f / "page.html", chart="cost"),
    "an overview that is no page": lambda f: hunch.overview([compare()], f / "all.txt"),
    "an overview of nothing": lambda f: hunch.overview([], f / "all.html"),
    "an overview of a curve": lambda f: hunch.overview([curve_of()], f / "all.html"),
    "a picture of several studies": lambda _: report(
        ["a.hunch", "b.hunch"], None, chart="cost", show=False, json=False
    ),
    "a report where nothing can be written": lambda f: compare().report(f / "gone" / "page.html"),
    # asking runs that are there
    "exploring nothing": lambda _: compare().explore([]),
    "exploring an unknown arm, alpha and target at once": lambda _: compare().explore(
        "l2 faster than nobody", alpha=5, target=float("inf")
    ),
    "exploring without a target": lambda _: compare(target=None).explore("l2 faster than none"),
    "exploring a target for no iterations": lambda _: compare().explore(
        "l2 lower cost than none", target=0.3
    ),
    "exploring what came after the target": lambda _: compare(
        stop_at_target=True, claims=["l2 faster than none"]
    ).explore(["l2 lower cost than none", "l2 faster than none"], target=0.01),
    "exploring before the first confirm run": lambda _: stopped(
        compare(), lambda t: t.key.stage != "confirm"
    ),
    "exploring arms that share no seed": lambda _: stopped(
        compare(), lambda t: (t.key.arm == "none") == (t.key.seed == 0)
    ),
    "exploring a dose-response curve": dose_curve,
    "the picture of a curve that is not there": picture_of_nothing,
    "doses that are no numbers": lambda _: tune_doses("0,some"),
    "doses of one knob, for two": lambda _: tune_doses("0,0.1", knobs=("l2", "keep_prob")),
    # exports
    "an export of no kind": lambda f: compare().export("runs"),
    "an export of an unknown kind": lambda f: compare().export("runs", to="xlsx"),
    "a table that there is none of": lambda f: compare().export("runs.csv", what="run"),
    "a table for a tracker": lambda f: compare().export("runs", to="mlflow", what="runs"),
    "a stage for all of it": lambda f: compare().export("s.json", stage="all"),
    "an export over the study": lambda f: compare(store=f / "s.hunch").export("s.hunch", to="csv"),
    "an export in no folder": lambda f: compare().export(f / "gone" / "runs.csv"),
    "TensorBoard that is not there": without("tensorboard.plugins.hparams.summary_v2"),
    "a tracking store that refuses": mlflow_that_refuses,
    # the study file
    "a path that is none": lambda _: open_study(5),
    "a folder instead of a file": lambda f: open_study(f),
    "a study in no folder": lambda f: compare(store=f / "gone" / "s.hunch"),
    "creating over a study": with_file(
        lambda file, path, run: StudyFile.create(path, file.plan, file.facts, file.provenance)
    ),
    "a second writer": held_twice,
    "a run twice": with_file(lambda file, path, run: file.append(run)),
    "a run after closing": written_after_closing,
    "freezing twice": with_file(lambda file, path, run: file.freeze(replace(file.plan, notes=("later",)))),
    "a study from which nothing is left": lambda f: (
        (f / "s.hunch").write_bytes(b"no study\n" * 3000),
        recover(f / "s.hunch", f / "out.hunch"),
    ),
    "resuming with other claims": resumed(claims=(hunch.faster("l2", than="none"),)),
    "resuming with another alpha": resumed(alpha=0.01),
    "resuming with other data": resumed(data_hash="f" * 64),
    "resuming with another network": resumed(network_hash="f" * 64),
    "resuming with another engine": resumed(engine_detail="torch 1.0, no thread"),
    "resuming with another library": resumed(library=True),
}


def message_of(case, folder):
    try:
        with contextlib.chdir(folder):  # some messages name the current folder
            CASES[case](folder)
    except hunch.HunchError as error:
        text = f"{type(error).__name__}: {error}".replace(str(folder), "FOLDER")
        text = text.replace(torch.__version__, "TORCH").replace(hunch.__version__, "VERSION")
        text = re.sub(r", [A-Z0-9_]+, 1 thread", ", KERNELS, 1 thread", text)
        return re.sub(r"hash (?!f{12})[0-9a-f]{12}", "hash HASH", text)
    raise AssertionError(f"{case}: nothing refused it")


def read_gold():
    return dict(part.split("\n", 1) for part in GOLD.read_text(encoding="utf-8").split("\n## ")[1:])


@pytest.mark.parametrize("case", CASES)
def test_gold_message_of_a_room(case, tmp_path):
    text = message_of(case, tmp_path)
    if os.environ.get("HUNCH_GOLD") == "accept":
        known = (read_gold() if GOLD.exists() else {}) | {case: f"\n{text}\n"}
        listed = "".join(f"\n## {name}\n{known[name]}" for name in CASES if name in known)
        title = "Every message of tests/test_messages_rooms.py. Accept changes with `make gold`."
        GOLD.write_text(f"{title}\n{listed}", encoding="utf-8")
    assert read_gold()[case].strip() == text


def test_the_gold_check_of_a_room_can_fail(tmp_path):
    assert message_of("no layer", tmp_path) != read_gold()["two activations"].strip()


# What takes a full or broken disk, another process, or a bug: tested where it arises, in words that vary.
ELSEWHERE = {
    "cli-bug", "cli-file", "cli-stopped", "cli-usage", "report-unknown-chart", "store-drive",
    "store-full", "store-read", "store-trace-shape", "store-write",
}  # fmt: skip


def test_every_slug_of_these_rooms_stands_in_a_gold_message():
    kinds = "catalogue|cli|data|network|overview|report|results|store"
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "src" / "hunch").rglob("*.py"))
    slugs = set(re.findall(rf'"((?:{kinds})-[a-z0-9]+(?:-[a-z0-9]+)*)"', source))
    gold = [GOLD, GOLD.with_name("messages.txt"), ROOT / "tests" / "data" / "messages.txt"]
    shown = set(re.findall(r"\[([a-z0-9-]+)\]", "".join(p.read_text(encoding="utf-8") for p in gold)))
    assert slugs - shown == ELSEWHERE


def test_every_slug_on_the_page_of_errors_says_something():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if line.startswith("- `")]
    assert len(listed) > 150
    assert not [line for line in listed if not re.fullmatch(r"- `[a-z0-9-]+`: \S.{15,}", line)]
