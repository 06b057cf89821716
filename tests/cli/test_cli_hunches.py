"""`hunch list` and `hunch test` of hunches with regimes, with verbs that train nothing."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hunch.catalogue import find, hunches

WITH_REGIMES = [hunch for hunch in hunches() if hunch.regimes]


def test_list_shows_every_regime_its_claims_and_those_across_them(run):
    said = " ".join(run("list", "--long").out.split())
    for hunch in WITH_REGIMES:
        for regime in hunch.tested_in:
            assert f"{regime.name}: {regime.network}" in said
            assert all(claim.text in said for claim in regime.claims)
        assert all(claim.text in said for claim in hunch.across)
    assert "claimed l2 tunes finer than keep_prob" in said
    assert "predicted each claim refuted" in said


def test_before_training_it_says_what_is_claimed_in_which_regime(run, trainer):
    said = " ".join(run("test", "same-expected-units-same-result").err.split())
    for words in (
        "tested on 64 → 12 → 10, relu; 64 → 16 → 10, relu; 64 → 24 → 10, relu; the embedded digits",
        "320 seeds each, shared",
        "claimed 12 units (12-kept, 6-kept): 12-kept lower held_out_cost than 6-kept 16 units",
        "across 16 units: 12-kept same held_out_cost as 12 units: 12-kept; 24 units",
    ):
        assert words in said


def test_on_a_network_of_ones_own_the_hunchs_own_claims_are_said(run, trainer, net):
    said = " ".join(run("test", "dropout-needs-width", "--net", "net.py:build").err.split())
    assert "tested on net.py:build; the embedded digits" in said
    assert "arms keep-1, keep-0.8, keep-0.5; 60 seeds each" in said
    assert "claimed keep-0.8 lower held_out_cost than keep-1; keep-0.5 lower" in said
    assert "12 units" not in said


def test_of_two_knobs_their_names_are_said(run, trainer):
    said = " ".join(run("test", "l2-tunes-finer-than-dropout").err.split())
    assert "knobs keep_prob, l2; 60 seeds each" in said
    assert "claimed l2 tunes finer than keep_prob" in said


@pytest.mark.parametrize(
    ("word", "code"),
    [("holds", 0), ("fails", 1), ("mixed", 1), ("depends on the regime", 1), ("undecided", 1)],
)
def test_strict_exits_with_1_unless_the_hunch_holds(run, trainer, word, code):
    trainer.study.summary = SimpleNamespace(word=word)
    trainer.study.decisions = ("refuted",)  # which is what a hunch may predict
    assert run("test", "dropout-is-quantised", "--strict").code == code
    assert run("test", "dropout-is-quantised").code == 0


def test_json_has_the_answer_where_other_hunches_have_the_study(run, trainer):
    told = json.loads(run("test", "dropout-needs-width", "--json").out)
    assert told["hunch"] == "dropout-needs-width"
    assert told["study"] == {"verdicts": ["supported"], "effect": None}
    assert told["report"] == "dropout-needs-width.html"


def test_json_of_the_catalogue_holds_the_regimes(run):
    told = {entry["name"]: entry for entry in json.loads(run("list", "--json").out)["hunches"]}
    assert [r["name"] for r in told["dropout-needs-width"]["regimes"]] == ["12 units", "200 units"]
    assert told["l2-tunes-finer-than-dropout"]["finer"]["knob"] == "l2"
    assert told["dropout-is-quantised"]["predicts"] == "refuted"
    assert len(told["same-expected-units-same-result"]["across"]) == 4


def test_what_is_asked_of_a_hunch_follows_the_hunch():
    from hunch.cli.training import asked_of

    hunch = find("dropout-is-quantised")
    assert asked_of(hunch)[-1] == ("predicted", "each claim refuted")
    assert asked_of(replace(hunch, predicts="supported"))[-1][0] == "claimed"


def test_quick_is_passed_on_and_said(run, trainer):
    said = " ".join(run("test", "dropout-needs-width", "--quick").err.split())
    assert f"{find('dropout-needs-width').quickly().seeds} seeds each" in said
    assert trainer.calls[-1][1]["quick"] is True
    run("test", "dropout-needs-width")
    assert trainer.calls[-1][1]["quick"] is False
