"""`hunch.tune` on real runs: killed and resumed, stored and opened, on another engine; and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tune_calls import BASE, answers, tune

import hunch
from hunch.engine.native_extension import native_absence
from hunch.traces import StudyFile


class KilledError(Exception):
    """Instead of a power cut."""


def killed_after(monkeypatch, n):
    """The store takes n runs, and then the machine goes off."""
    keep, count = StudyFile.append, [0]

    def append(self, trace):
        if count[0] >= n:
            raise KilledError
        count[0] += 1
        keep(self, trace)

    monkeypatch.setattr(StudyFile, "append", append)


@pytest.mark.parametrize(
    ("case", "settings"),
    [
        (
            "replicated",
            {"knob": "l2", "doses": [0.0, 0.3], "default": 0.3, "arm": None, "tuning": "replicated"},
        ),
        ("extended", {"knob": "lr", "build": hunch.mlp([64, 8, 10], "sigmoid"), "arm": BASE}),
    ],
)
def test_a_study_that_was_killed_goes_on_and_says_the_same(case, settings, tmp_path, monkeypatch):
    settings = {**settings, "budget": 20, "fresh": 3}
    whole = tune(**settings, store=tmp_path / "whole.hunch")
    n = len(whole.table)
    path = tmp_path / "part.hunch"
    for stop in (1, n // 3, n - 7, n - 1):
        with monkeypatch.context() as patch:
            killed_after(patch, stop - (len(hunch.open(path).table) if path.exists() else 0))
            with pytest.raises(KilledError):
                tune(**settings, store=path)
        part = hunch.open(path)
        assert not part.is_complete
        assert "not finished" in str(part)
        assert len(part.table) == stop
    assert answers(tune(**settings, store=path)) == answers(whole)
    assert answers(hunch.open(path)) == answers(whole)
    assert hunch.open(path).frame().drop(columns="wall_s").equals(whole.frame().drop(columns="wall_s"))
    assert hunch.open(path).is_complete


def test_a_stored_curve_opens_without_torch(tmp_path):
    path = tmp_path / "c.hunch"
    found = tune("l2", [0.0, 0.3], default=0.3, fresh=3, store=path)
    code = (
        "import sys, json; sys.modules['torch'] = None\n"
        "import hunch\n"
        f"found = hunch.open({str(path)!r})\n"
        "said = found.to_json(); said.pop('provenance')\n"
        "print(json.dumps([type(found).__name__, str(found), said, list(found.frame().columns)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kind, text, said, columns = json.loads(done.stdout)
    assert kind == "DoseResponse"
    assert text == str(found)
    assert said == json.loads(json.dumps(answers(found)))
    assert columns[0] == "dose"


def test_the_same_file_refuses_other_doses(tmp_path):
    path = tmp_path / "c.hunch"
    tune("l2", [0.0, 0.3], store=path)
    for other in ({"doses": [0.0, 0.2]}, {"default": 0.3}, {"seeds": 6}, {"outcome": "error"}, {"fresh": 2}):
        with pytest.raises(hunch.PlanError, match=r"\[store-"):
            tune(**({"knob": "l2", "doses": [0.0, 0.3], "store": path} | other))


def test_another_engine_says_the_same():
    if native_absence():
        pytest.skip(native_absence())
    one, two = (tune("l2", [0.0, 0.01, 0.3], budget=30, engine=engine) for engine in ("native", "loop"))
    assert (one.facts.engine, two.facts.engine) == ("native", "loop")
    assert [d.status for d in one.doses] == [d.status for d in two.doses]
    np.testing.assert_allclose(one.answer.seen.values, two.answer.seen.values, rtol=2e-4)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"knob": "dropout"}, r"probability to keep\.  \[plan-knob\]"),
        ({"knob": "keep_prob at 7"}, r"no site '7'.*\[network-unknown-site\]"),
        ({"doses": [0.1]}, r"\[plan-doses\]"),
        ({"knob": "keep_prob", "doses": [20, 50]}, r"keep_prob=20.*write keep_prob=0\.8.*\[plan-keep-prob\]"),
        ({"knob": "keep_prob", "doses": [0, 0.5]}, r"keep_prob=0.*write keep_prob=1\.0.*\[plan-keep-prob\]"),
        ({"doses": [-1, 0]}, r"\[plan-l2\]"),
        ({"knob": "lr", "doses": [0, 1]}, r"\[plan-lr\]"),
        ({"seeds": 1}, r"seeds must be from 2.*\[plan-seeds\]"),
        ({"seeds": [4]}, r"at least 2 run seeds.*\[plan-seeds\]"),
        ({"seeds": [4, 4, 5]}, r"4 more than once.*\[plan-seeds\]"),
        ({"fresh": -1}, r"\[plan-fresh\]"),
        ({"outcome": "accuracy"}, r"cost, error, iterations, got 'accuracy'.*\[plan-dose-outcome\]"),
        ({"margin": 0}, r"margin must be a number above 0.*got 0\..*\[plan-claim-margin\]"),
        ({"margin": -0.1}, r"margin must be a number above 0.*\[plan-claim-margin\]"),
        ({"margin": "0.1"}, r"margin must be a number above 0.*\[plan-claim-margin\]"),
        ({"margin": 1, "outcome": "iterations"}, r"margin must be a ratio above 1.*\[plan-claim-margin\]"),
        ({"default": "much"}, r"\[plan-default-dose\]"),
        ({"arm": "bn"}, r"arm must be a hunch\.Arm.*\[plan-arms\]"),
        ({"seed": "a"}, r"seed must be a whole number.*\[plan-seed\]"),
        ({"alpha": 2}, r"\[plan-alpha\]"),
        ({"tuning": "none", "arm": None}, r"\[plan-rate-missing\]"),
        ({"tuning": "thrice", "arm": None}, r"tuning must be one of .*\[plan-tuning\]"),
        ({"engine": "warp"}, r"\[plan-engine\]"),
        ({"budget": 0}, r"\[plan-budget\]"),
        (
            {"build": hunch.mlp([64, 10]), "knob": "keep_prob", "doses": None},
            r"no linear layer.*\[network-no-site\]",
        ),
    ],
)
def test_what_is_refused_is_refused_before_a_file_is_made(settings, match, tmp_path):
    path = tmp_path / "c.hunch"
    with pytest.raises(hunch.HunchError, match=f"(?s){match}") as caught:
        tune(**({"knob": "l2", "doses": [0.0, 0.1], "store": path} | settings))
    assert len(caught.value.problems) <= 2
    assert not path.exists()
