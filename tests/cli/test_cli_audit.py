"""`hunch audit`, with a verb that trains nothing, and once for real."""

import inspect
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from hunch.plan import Arm

DEFAULTS = {
    "studies": 200, "of": "iterations", "missing": "error", "robust": False, "stop_at_target": False, "seed": 0,
    "metric": "train", "cost": "auto", "tuning": "auto", "alpha": 0.05, "engine": "auto",
}  # fmt: skip


class Made(SimpleNamespace):
    """Looks like an audit from the outside."""

    def __str__(self):
        return "passed: 5 of 200\nPlanted: found"

    def to_json(self):
        return {"passed": self.passed, "rate": float("nan")}


@pytest.fixture
def auditor(monkeypatch):
    """`hunch.study.audit`, replaced; its calls are in `.calls`."""
    made = SimpleNamespace(calls=[], answer=Made(passed=True), raises=None)

    def audit(build, data, **options):
        made.calls.append((build, data, options))
        if made.raises is not None:
            raise made.raises
        return made.answer

    room = ModuleType("hunch.study")
    room.audit = audit
    monkeypatch.setitem(sys.modules, "hunch.study", room)
    return made


def test_without_a_network_the_embedded_one_is_audited(run, auditor):
    done = run("audit")
    [(build, data, options)] = auditor.calls
    assert (build, data) == (None, None)
    assert options == {**DEFAULTS, "arm": None, "progress": True}
    assert done.code == 0
    assert done.out.splitlines() == ["passed: 5 of 200", "Planted: found"]


def test_options_reach_the_verb(run, auditor, net):
    run(
        "audit", "net.py:build", "--data", "d.csv", "--y", "t", "--arm", "drop:keep_prob=0.8", "--studies", "50",
        "--of", "cost", "--planted", "0.2", "--seeds", "12", "--base", "lr=0.1", "--tuning", "none", "-q",
    )  # fmt: skip
    [(build, data, options)] = auditor.calls
    assert (build(), data) == ("a network", "d.csv")
    assert options == {
        **DEFAULTS, "arm": Arm("drop", keep_prob=0.8), "studies": 50, "of": "cost", "planted": 0.2, "y": "t",
        "seeds": 12, "base": Arm("base", lr=0.1), "tuning": "none", "progress": False,
    }  # fmt: skip


def test_looks_and_the_most_seeds_are_left_out_unless_they_are_typed(run, auditor):
    run("audit", "--max-seeds", "40", "--looks", "10,20,40")
    options = auditor.calls[0][2]
    assert (options["max_seeds"], options["looks"]) == (40, [10, 20, 40])


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_strict_exits_with_1_unless_it_is_passed(run, auditor, passed, code):
    auditor.answer = Made(passed=passed)
    assert run("audit", "--strict").code == code
    assert run("audit").code == 0


def test_json_is_all_there_is_on_stdout(run, auditor):
    assert json.loads(run("audit", "--json").out) == {"audit": {"passed": True, "rate": None}}


def test_two_arms_are_refused(run, auditor):
    done = run("audit", "--arm", "a", "--arm", "b")
    assert done.code == 2
    assert "compares an arm with itself" in done.err
    assert not auditor.calls


def test_whoever_stops_it_is_told_that_nothing_is_kept(run, auditor):
    auditor.raises = KeyboardInterrupt()
    done = run("audit")
    assert done.code == 130
    assert "Nothing was stored." in done.err
    assert "--store" not in done.err


def test_every_default_is_the_verbs_own():
    from hunch.cli import app
    from hunch.study import audit, compare

    ours = inspect.signature(app.audit).parameters
    verb = inspect.signature(audit).parameters
    for name in ("studies", "of", "planted", "arm"):
        assert ours[name].default == verb[name].default
    theirs = inspect.signature(compare).parameters
    shared = set(ours) & set(theirs) - {"data", "tuning", "max_seeds", "looks"}
    assert {name: ours[name].default for name in shared} == {name: theirs[name].default for name in shared}


def test_a_small_audit_for_real(run):
    done = run(
        "audit", "--studies", "3", "--budget", "30", "--target", "2.25", "--base", "lr=1.0", "--seeds", "6",
        "--planted", "3", "--json", "-q",
    )  # fmt: skip
    told = json.loads(done.out)["audit"]
    assert done.code == 0
    assert told["studies"] == 3
    assert done.err == ""
