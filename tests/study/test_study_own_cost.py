"""The verbs with a cost that is a function of the user's own."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import hunch
from hunch.data import load

DIGITS = load("digits")
SMALL = load((DIGITS.x[:200], DIGITS.y[:200], DIGITS.x_held[:100], DIGITS.y_held[:100]))
BUILD = hunch.mlp([64, 12, 10])
ARMS = [hunch.Arm("none"), hunch.Arm("bn", norm="batch")]
BASE = hunch.Arm("base", lr=0.3, batch_size=16)


def entropy(outputs, targets):
    return F.cross_entropy(outputs, targets, reduction="none")


def focal(gamma):
    def cost(outputs, targets):
        each = entropy(outputs, targets)
        return (1 - torch.exp(-each)) ** gamma * each

    return cost


def compared(cost, **settings):
    wanted = {
        "arms": ARMS,
        "claims": ["bn faster than none"],
        "base": BASE,
        "budget": 30,
        "seeds": 3,
        **settings,
    }
    return hunch.compare(BUILD, SMALL, cost=cost, progress=False, **wanted)


def test_the_built_in_cost_written_out_gives_the_same_study():
    claims = ["bn lower held_out_cost than none", "bn lower error than none"]
    mine = compared(entropy, claims=claims, metric="held_out")
    theirs = compared("cross_entropy", claims=claims, metric="held_out", engine="loop")
    for name in ("cost", "held_out_cost", "held_out_error"):
        np.testing.assert_allclose(mine.frame()[name], theirs.frame()[name], rtol=1e-5)
    for name in ("c0_train", "c0_held", "error0"):
        assert getattr(mine.facts, name) == pytest.approx(getattr(theirs.facts, name), rel=1e-6)
    np.testing.assert_allclose(mine.facts.constant_losses, theirs.facts.constant_losses, rtol=1e-3)
    for a, b in zip(mine.verdicts, theirs.verdicts, strict=True):
        assert a.decision == b.decision
        assert a.effect == pytest.approx(b.effect, rel=1e-4)


def test_a_study_is_resumed_with_the_same_function_alone(tmp_path):
    path = tmp_path / "own.hunch"
    study = compared(focal(2.0), store=path)
    assert study.plan.cost.startswith("own:focal.<locals>.cost:")
    assert "native declined: the cost is a function of yours" in study.facts.engine_reason
    again = compared(focal(2.0), store=path)
    assert again.frame().equals(study.frame())
    for other in (focal(3.0), "cross_entropy"):
        with pytest.raises(
            hunch.PlanError, match=r"cost differs: your own cost `focal.<locals>.cost` \(source \w+\)"
        ):
            compared(other, store=path)


def test_a_report_opens_without_torch_and_names_the_cost(tmp_path):
    compared(focal(2.0), store=tmp_path / "own.hunch")
    script = (
        "import sys; sys.modules['torch'] = None; import hunch; "
        f"s = hunch.open({str(tmp_path / 'own.hunch')!r}); s.report({str(tmp_path / 'own.html')!r}); print(s)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=120)
    page = (tmp_path / "own.html").read_text()
    assert "Your own cost `focal.&lt;locals&gt;.cost` (source " in page


def test_native_says_why_it_declines():
    with pytest.raises(hunch.HunchError, match="cannot use this cost: the cost is a function of yours"):
        compared(entropy, engine="native")


def test_rates_are_tuned_and_targets_found_under_the_cost():
    study = compared(
        focal(1.0),
        base=hunch.Arm("base", batch_size=16),
        tuning="once",
        budget=None,
        claims=["bn lower cost than none"],
    )
    assert study.plan.budget is not None
    assert 0 < study.facts.c0_train < 2.3
    assert study.frame()["cost"].max() <= 2.3


def test_a_target_that_is_met_at_once_is_refused():
    with pytest.raises(hunch.PlanError, match="is met before training"):
        compared(focal(1.0), target=4.0)


def test_amounts_and_the_other_verbs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 64)).astype(np.float32)
    data = (x, x[:, :1] * 3 + 1)
    build = hunch.mlp([64, 8, 1])
    huber = nn.SmoothL1Loss(reduction="none")

    def cost(outputs, targets):
        return huber(outputs, targets)[:, 0]

    runs = hunch.train(build, data, cost=cost, seeds=2, budget=30, lr=0.05, progress=False)
    assert runs.frame()["held_out_error"].max() < runs.facts.error0
    assert runs.facts.error_unit == "target"
    found = hunch.tune(
        build, data, knob="l2", doses=[0.0, 0.1], seeds=2, fresh=0, budget=6, cost=cost, progress=False,
        arm=hunch.Arm("x", lr=0.05),
    )  # fmt: skip
    assert len(found.frame()) == 4
    audit = hunch.audit(
        build,
        data,
        studies=2,
        seeds=3,
        budget=6,
        cost=cost,
        of="cost",
        arm=hunch.Arm("x", lr=0.05),
        progress=False,
    )
    assert audit.plan.cost.startswith("own:")


def test_two_inputs_and_an_own_cost_go_together():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.fc, self.act, self.head = (
                nn.Embedding(4, 3),
                nn.Linear(67, 8),
                nn.ReLU(),
                nn.Linear(8, 10),
            )

        def forward(self, group, pixels):
            return self.head(self.act(self.fc(torch.cat([self.table(group), pixels], dim=1))))

    group = np.arange(200) % 4
    runs = hunch.train(
        Both,
        ({"group": group, "pixels": SMALL.x}, SMALL.y),
        cost=focal(1.0),
        seeds=2,
        budget=5,
        lr=0.1,
        progress=False,
    )
    assert np.isfinite(runs.frame()["cost"]).all()
