"""The rule over many studies is what `decide` makes of the runs of one, in every mode."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hunch.evidence import decide
from hunch.plan import lower_cost
from hunch.stats import Decision, decide_paths

LOOKS = (5, 10, 20, 40)
WORDS = {
    "undecided": Decision.UNDECIDED,
    "supported": Decision.SUPPORTED,
    "refuted": Decision.REFUTED,
    "no meaningful difference": Decision.NO_MEANINGFUL_DIFFERENCE,
}


@pytest.fixture(scope="module")
def made():
    """The maker of studies of tests/evidence."""
    path = Path(__file__).parents[1] / "evidence" / "conftest.py"
    spec = importlib.util.spec_from_file_location("made_for_stats", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Made()


def some_studies(n_studies, n=40, seed=3):
    """Skewed and symmetric differences of all sizes."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([0.03, 0.1, 0.2], (n_studies, 1))
    effect = rng.choice([-0.15, -0.05, 0.0, 0.0, 0.02, 0.05, 0.15], (n_studies, 1))
    even, skewed = rng.normal(size=(n_studies, n)), rng.gamma(1.0, size=(n_studies, n)) - 1
    return np.clip(effect + spread * np.where(rng.random((n_studies, 1)) < 0.5, even, skewed), -0.5, 0.5)


@pytest.mark.parametrize(
    ("mode", "settings", "n_studies"),
    [("planned", {}, 40), ("anytime", {"sequence": "anytime"}, 15), ("robust", {"robust": True}, 6)],
)
def test_the_rule_over_many_studies_is_that_of_decide(made, mode, settings, n_studies):
    d = some_studies(n_studies)
    plan = made.plan(lower_cost("a", than="b"), n=40, looks=LOOKS, **settings)
    found = decide_paths(d, margin=0.05, looks=LOOKS, mode=mode, bounds=(-made.c0, made.c0))
    for k, row in enumerate(d):
        (verdict,) = decide(plan, made.table(plan, cost={"a": np.full(40, 0.7), "b": 0.7 + row}))
        assert (WORDS[verdict.decision], verdict.looks[-1]) == (found.decision[k], found.used[k]), k
        assert verdict.effect == pytest.approx(found.effect[k], abs=1e-6)
    if mode == "planned":
        assert len(set(found.decision.tolist())) == 4  # every verdict was compared
        assert found.is_futile.any()
