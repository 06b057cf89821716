"""A search over several settings: suggestions in fleets, resumed from the file, the best confirmed on fresh seeds."""

import sys

import numpy as np
import pytest

import hunch
from hunch.errors import PlacementError, PlanError, UnsupportedError

SPACE = {
    "keep_prob": (0.5, 1.0),
    "l2": (1e-5, 1e-1, "log"),
    "norm": ["none", "batch"],
    "batch_size": (16, 64),
}


def find(**other):
    settings = {
        "space": SPACE,
        "n": 12,
        "at_once": 4,
        "tries": 2,
        "arm": hunch.Arm("mine", optimizer="momentum"),
        "budget": 40,
        "seeds": 6,
        "progress": False,
    }
    return hunch.search(hunch.mlp([64, 12, 10]), "digits", **(settings | other))


@pytest.fixture(scope="module", autouse=True)
def _optuna():
    pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("search") / "s.hunch"
    return path, find(store=path)


def test_the_best_is_the_lowest_of_the_suggestions_and_is_confirmed_on_seeds_of_its_own(stored):
    _, found = stored
    tried = found.tried()
    assert len(tried) == 12
    assert list(tried.columns) == [*SPACE, "lr", "outcome", "diverged"], (
        "the rate is searched where none is given"
    )
    assert found.best["keep_prob"] == tried.loc[tried["outcome"].idxmin(), "keep_prob"]
    assert tried["keep_prob"].between(0.5, 1.0).all()
    assert tried["batch_size"].map(lambda v: isinstance(v, int) or float(v).is_integer()).all()
    (verdict,) = found.verdicts
    assert verdict.claim.arms == ("best", "default")
    confirm, every = found.frame(), found.frame("all")
    searched = set(every.loc[every["stage"] == "tune_held", "seed"])
    assert len(searched) == 2
    assert not searched & set(confirm["seed"])
    assert set(confirm["arm"]) == {"default", "best"}
    assert len(confirm) == 12


def test_the_outcome_of_a_suggestion_is_that_of_its_runs_on_the_validation_fifth(stored):
    _, found = stored
    runs = found.frame("tune_held")
    first = found.tried().iloc[0]
    own = runs.loc[runs["arm"] == "suggestion 1"]
    assert len(own) == 2
    assert first["outcome"] == pytest.approx(
        np.minimum(own["held_out_cost"], found.facts.c0_held).mean(), rel=1e-6
    )


def test_the_same_call_resumes_and_opens_as_what_it_was(stored):
    path, found = stored
    again = find(store=path)
    assert str(again) == str(found)
    assert len(again.table) == len(found.table), "nothing was trained again"
    opened = hunch.open(path)
    assert isinstance(opened, hunch.Search)
    assert str(opened) == str(found)
    assert opened.to_json()["best"] == found.best


def test_a_search_that_was_cut_short_asks_for_the_same_suggestions(tmp_path, monkeypatch, stored):
    module = sys.modules[hunch.search.__module__]

    calls = []
    whole = module._Trials._train

    def cut(self, start, settings):
        calls.append(start)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(self, start, settings)

    path = tmp_path / "cut.hunch"
    with monkeypatch.context() as patch:
        patch.setattr(module._Trials, "_train", cut)
        with pytest.raises(KeyboardInterrupt):
            find(store=path)
    half = hunch.open(path)
    assert half.best == {}
    assert "not finished" in str(half)
    assert str(find(store=path)) == str(stored[1])


def test_a_space_that_makes_no_sense_is_refused_at_once():
    with pytest.raises(PlanError, match=r"(?s)'p' is no setting.*keep_prob must be a range.*\[plan-space\]"):
        find(space={"p": (0, 1), "keep_prob": 0.5})
    with pytest.raises(PlanError, match=r"space must be a mapping.*\[plan-space\]"):
        find(space=[])
    with pytest.raises(PlanError, match=r"l2 must be a range.*\[plan-space\]"):
        find(space={"l2": (0.0, 1.0, "log")})
    with pytest.raises(PlanError, match=r"keep_prob must be in \(0, 1\], got 1.5"):
        find(space={"keep_prob": (0.5, 1.5)})
    with pytest.raises(PlanError, match=r"norm must be one of"):
        find(space={"norm": ["none", "bacth"]})
    with pytest.raises(PlacementError, match=r"no site '7'"):
        find(space={"keep_prob at 7": (0.5, 1.0)})
    with pytest.raises(PlanError, match=r"optimizers have rates of their own.*\[plan-space\]"):
        find(space={"optimizer": ["sgd", "adam"]})
    with pytest.raises(PlanError, match=r"n must be a whole number from 1.*\[plan-search\]"):
        find(n=0)
    with pytest.raises(
        PlanError, match=r"outcome must be one of cost, error, iterations.*\[plan-dose-outcome\]"
    ):
        find(outcome="accuracy")


def test_without_optuna_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        UnsupportedError, match=r"pip install 'hunch-lab\[optuna\]'.*\[search-optuna-missing\]"
    ):
        find()


def test_a_site_alone_and_a_given_rate():
    found = find(
        space={"keep_prob at 0": (0.5, 1.0)}, arm=hunch.Arm("mine", lr=0.2), n=3, at_once=3, outcome="error"
    )
    assert list(found.best) == ["keep_prob at 0"]
    assert set(found.frame()["lr"]) == {0.2}
