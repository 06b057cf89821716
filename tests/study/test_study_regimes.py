"""`hunch.test` of hunches with regimes: each a study, claims across them, one summary."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hunch
from hunch.catalogue import Finer, Hunch, Quick, Regime
from hunch.plan import Arm, lower, same
from hunch.results import HunchAnswer

NONE, HALF = Arm("none", keep_prob=1.0), Arm("half", keep_prob=0.5)
HELPS = lower("held_out_cost", "half", than="none", margin=0.01)
HURTS = lower("held_out_cost", "none", than="half", margin=0.01)
WIDTHS = Hunch(
    name="widths",
    statement="Dropout helps wide layers.",
    source="Somebody 2014.",
    holds="Here.",
    fails="There.",
    arms=(NONE, HALF),
    claims=(HELPS,),
    base=Arm("base", lr=0.5, batch_size=16),
    seeds=9,
    budget=40,
    regimes=(
        Regime(name="3 units", widths=(64, 3, 10), activation="relu", claims=(HURTS,)),
        Regime(name="12 units", widths=(64, 12, 10), activation="relu"),
    ),
    across=(same("12 units: half", "3 units: none", of="held_out_cost", margin=0.02),),
)
KNOBS = replace(
    WIDTHS, name="knobs", arms=(), claims=(), across=(), seeds=10, finer=Finer(knob="l2", than="keep_prob"),
    regimes=tuple(replace(regime, claims=None) for regime in WIDTHS.regimes),
)  # fmt: skip


CATALOGUE = {"widths": WIDTHS, "knobs": KNOBS}


@pytest.fixture(autouse=True)
def shelf(monkeypatch):
    """These hunches instead of the catalogue's."""
    made = dict(CATALOGUE)
    monkeypatch.setattr("hunch.study.hunches.find", made.__getitem__)
    return made


@pytest.fixture(scope="module")
def easy():
    """Three classes, eight features."""
    rng = np.random.default_rng(20260101)
    y = np.arange(240) % 3
    return (rng.normal(size=(3, 8))[y] + 0.4 * rng.normal(size=(240, 8))).astype(np.float32), y


def answer_to(name, data, **settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hunch.study.hunches.find", CATALOGUE.__getitem__)
        return hunch.test(name, None, data, progress=False, **settings)


@pytest.fixture(scope="module")
def answer(easy):
    return answer_to("widths", easy)


@pytest.fixture(scope="module")
def knobs(easy):
    return answer_to("knobs", easy, budget=20, seeds=10)


def test_every_regime_is_a_study_on_the_same_seeds(answer):
    assert isinstance(answer, HunchAnswer)
    assert list(answer.studies) == ["3 units", "12 units"]
    seeds = {study.plan.seeds for study in answer.studies.values()}
    assert seeds == {tuple(range(9))}
    assert [study.plan.claims for study in answer.studies.values()] == [(HURTS,), (HELPS,)]
    assert all(study.is_complete for study in answer.studies.values())


def test_the_first_and_the_last_width_are_those_of_the_data_and_that_is_said(answer, easy, capsys):
    assert [study.facts.network for study in answer.studies.values()] == [
        "8 → 3 → 3, relu",
        "8 → 12 → 3, relu",
    ]
    [note] = answer.notes
    assert note == (
        "The networks have 8 inputs and 3 outputs here, as the data ask: 8 → 3 → 3, relu; 8 → 12 → 3, relu."
    )
    hunch.test("widths", None, easy)
    said = " ".join(capsys.readouterr().err.split())
    assert note in said
    assert "Regime 2 of 2: 12 units (8 → 12 → 3, relu)" in said


def test_on_the_embedded_digits_nothing_is_changed_and_nothing_said():
    answer = hunch.test("widths", seeds=2, budget=4, progress=False)
    assert answer.notes == ()
    assert answer.studies["12 units"].facts.network == "64 → 12 → 10, relu"


def test_alpha_is_shared_by_the_claims_of_all_regimes_and_those_across(blobs):
    answer = hunch.test("widths", None, blobs, alpha=0.06, progress=False)
    assert [verdict.alpha for verdict in answer.verdicts] == [pytest.approx(0.02)] * 3
    assert [found.verdict.alpha for found in answer.between] == [0.06]


def test_claims_across_rest_on_the_runs_of_both_regimes(answer):
    [found] = answer.across
    half, none = (
        answer.studies[name].frame().query(f"arm == '{arm}'")["held_out_cost"].to_numpy()
        for name, arm in (("12 units", "half"), ("3 units", "none"))
    )
    assert found.verdict.effect == pytest.approx((none - half).mean(), rel=1e-6)
    assert answer.verdicts[-1] is found.verdict


def test_claims_across_rest_on_rates_tuned_for_each_seed(blobs):
    base = Arm("base", batch_size=16)
    answer = hunch.test(
        "widths", None, blobs, base=base, seeds=5, budget=10, tuning="replicated", progress=False
    )
    [found] = answer.across
    study = answer.studies["12 units"]
    assert study.plan.tuning == found.plan.tuning == "replicated"
    assert found.verdict.seeds == 5
    rows = {name: s.frame() for name, s in answer.studies.items()}
    half = rows["12 units"].query("arm == 'half'")["held_out_cost"].to_numpy()
    none = rows["3 units"].query("arm == 'none'")["held_out_cost"].to_numpy()
    assert found.verdict.effect == pytest.approx((none - half).mean(), rel=1e-6)


def test_looks_and_unlike_budgets_leave_a_claim_across_undecided(blobs):
    looked = hunch.test("widths", None, blobs, seeds=None, max_seeds=10, looks=[5, 10], progress=False)
    assert "give seeds= as a number" in looked.across[0].verdict.reason
    assert looked.frame()["verdict"].tolist()[-1] == "undecided"


def test_the_frame_has_a_row_a_regime_and_claim(answer):
    frame = answer.frame()
    assert list(frame) == ["regime", "claim", "verdict", "effect", "low", "high", "seeds", "reason"]
    assert frame["regime"].tolist() == ["3 units", "12 units", "across regimes"]
    assert frame["claim"].tolist()[:2] == [HURTS.text, HELPS.text]
    assert tuple(frame["verdict"]) == answer.decisions
    assert pd.api.types.is_float_dtype(frame["effect"])


def test_it_prints_statement_verdicts_and_summary(answer):
    lines = str(answer).splitlines()
    assert lines[0] == "Dropout helps wide layers."
    assert lines[1] == "3 units (8 → 3 → 3, relu)"
    assert "across regimes" in lines
    assert lines[-1] == answer.summary.text
    assert repr(answer) == f"<HunchAnswer to widths: {answer.summary.text}>"
    assert "Dropout helps wide layers." in answer._repr_html_()


def test_json_holds_everything_and_can_be_dumped(answer, tmp_path):
    told = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    assert told["hunch"] == WIDTHS.to_json()
    assert [regime["name"] for regime in told["regimes"]] == ["3 units", "12 units"]
    assert (told["word"], told["summary"]) == (answer.summary.word, answer.summary.text)
    assert len(told["verdicts"]) == 3
    assert told["across"][0]["verdict"]["claim"]["text"] == WIDTHS.across[0].text
    assert told["between"][0]["regimes"] == ["3 units", "12 units"]
    assert json.loads(answer.report(tmp_path / "a.json").read_text(encoding="utf-8")) == told


def test_the_text_report_has_the_answer_and_every_study(answer, tmp_path):
    text = answer.report(tmp_path / "a.txt").read_text(encoding="utf-8")
    assert text.startswith(str(answer))
    for study in answer.studies.values():
        assert study.text().rstrip("\n") in text


def test_the_page_has_a_page_a_regime_beside_it(answer, tmp_path):
    page = answer.report(tmp_path / "a b.html").read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a b-12-units.html", "a b-3-units.html", "a b.html"]
    assert 'href="a%20b-12-units.html"' in page
    assert (tmp_path / "a b-3-units.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_report_of_another_kind_is_refused(answer, tmp_path):
    with pytest.raises(hunch.PlanError, match="a report ends in"):
        answer.report(tmp_path / "a.docx")
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_a_folder_and_the_same_call_goes_on(blobs, tmp_path, capsys):
    place = tmp_path / "new" / "kept"
    first = hunch.test("widths", None, blobs, store=place, progress=False)
    assert sorted(p.name for p in place.iterdir()) == ["12-units.hunch", "3-units.hunch"]
    again = hunch.test("widths", None, blobs, store=place)
    assert capsys.readouterr().err.count("Nothing is left to train") == 2
    assert again.to_json() == first.to_json()
    assert hunch.open(place / "3-units.hunch").plan == first.studies["3 units"].plan


def test_a_file_where_the_folder_should_be_is_refused(blobs, tmp_path):
    (tmp_path / "s.hunch").write_text("mine", encoding="utf-8")
    with pytest.raises(hunch.PlanError, match="is a file") as caught:
        hunch.test("widths", None, blobs, store=tmp_path / "s.hunch", progress=False)
    assert caught.value.slug == "plan-hunch-store"
    with pytest.raises(hunch.StoreError, match="cannot make the folder"):
        hunch.test("widths", None, blobs, store=tmp_path / "s.hunch" / "in", progress=False)


def test_a_refused_call_leaves_no_folder(blobs, tmp_path):
    with pytest.raises(hunch.PlanError, match="budget"):
        hunch.test("widths", None, blobs, store=tmp_path / "kept", budget=0, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("alpha", ["0.05", 2, True])
def test_an_alpha_that_is_none_is_refused_in_the_words_of_compare(blobs, alpha):
    with pytest.raises(hunch.PlanError, match=f"alpha must be above 0 and below 0.5, got {alpha!r}"):
        hunch.test("widths", None, blobs, alpha=alpha, progress=False)


# ---- quick plans, and how rates are tuned ---------------------------------------------------------------------------


def test_a_quick_plan_is_used_where_it_is_asked_for_and_arguments_go_before_it(blobs, shelf):
    shelf["widths"] = replace(WIDTHS, quick=Quick(seeds=3, budget=6))
    quick = hunch.test("widths", None, blobs, quick=True, progress=False)
    assert {(len(s.plan.seeds), s.plan.budget) for s in quick.studies.values()} == {(3, 6)}
    asked = hunch.test("widths", None, blobs, quick=True, seeds=4, progress=False)
    assert {(len(s.plan.seeds), s.plan.budget) for s in asked.studies.values()} == {(4, 6)}
    assert quick.hunch.seeds == 3


def test_a_quick_plan_of_one_regime_shares_alpha_among_its_own_claims_alone(blobs, shelf):
    shelf["widths"] = replace(WIDTHS, quick=Quick(seeds=2, budget=4, regimes=("12 units",)))
    answer = hunch.test("widths", None, blobs, quick=True, progress=False)
    assert list(answer.studies) == ["12 units"]
    assert [verdict.alpha for verdict in answer.verdicts] == [0.05]


def test_a_quick_plan_serves_two_knobs_and_a_network_of_ones_own(blobs, build, shelf):
    shelf["knobs"] = replace(KNOBS, quick=Quick(seeds=2, budget=4, tuning="once"))
    knobs = hunch.test("knobs", build, blobs, quick=True, progress=False)
    [part] = knobs.tunability.parts.values()
    assert (len(part.plan.seeds), part.plan.budget) == (2, 4)


def test_a_hunch_may_bring_a_study_seed_and_the_call_another(blobs, shelf):
    shelf["widths"] = replace(WIDTHS, seed=1, seeds=2, budget=4)
    own = hunch.test("widths", None, blobs, progress=False)
    assert {study.plan.seeds for study in own.studies.values()} == {(1_000_000, 1_000_001)}
    said = hunch.test("widths", None, blobs, seed=0, progress=False)
    assert {study.plan.seeds for study in said.studies.values()} == {(0, 1)}


def test_a_regime_tunes_in_its_own_way_unless_the_call_says_how(blobs, shelf):
    first, second = WIDTHS.regimes
    free = replace(WIDTHS, base=Arm("base", batch_size=16), regimes=(replace(first, tuning="once"), second))
    shelf["widths"] = replace(free, tuning="shared", seeds=2, budget=6)
    own = hunch.test("widths", None, blobs, progress=False)
    assert [s.plan.tuning for s in own.studies.values()] == ["once", "shared"]
    said = hunch.test("widths", None, blobs, tuning="once", progress=False)
    assert {s.plan.tuning for s in said.studies.values()} == {"once"}


# ---- the user's own network ------------------------------------------------------------------------------------


def test_on_a_network_of_ones_own_there_is_one_regime_and_it_says_so(blobs, build, tmp_path):
    answer = hunch.test("widths", build, blobs, store=tmp_path / "s.hunch", progress=False)
    assert list(answer.studies) == ["your network"]
    assert answer.studies["your network"].plan.claims == (HELPS,)
    assert answer.studies["your network"].facts.network == "8 → 6 → 3, sigmoid"
    assert answer.verdicts[0].alpha == 0.05
    assert (answer.across, answer.between) == ((), ())
    assert (tmp_path / "s.hunch").is_file()
    first, second = answer.notes
    assert "what is asked of it is: half lower held_out_cost than none." in first
    assert "own regimes (3 units, 12 units) are left out" in first
    assert f"So are the claims across them: {WIDTHS.across[0].text}." in second


def test_a_hunch_that_only_compares_networks_is_refused_on_one(blobs, build, shelf):
    shelf["widths"] = replace(WIDTHS, claims=())
    with pytest.raises(hunch.PlanError, match="says nothing of one alone") as caught:
        hunch.test("widths", build, blobs, progress=False)
    assert caught.value.slug == "plan-hunch-network"


def test_arms_and_claims_of_the_users_own_are_refused_where_regimes_bring_theirs(blobs):
    with pytest.raises(hunch.PlanError, match="bring arms of their own") as caught:
        hunch.test("widths", None, blobs, arms=[NONE], progress=False)
    assert caught.value.slug == "plan-hunch-keyword"


# ---- two knobs -------------------------------------------------------------------------------------------------


def test_two_knobs_are_compared_on_every_network_at_a_share_of_alpha(knobs):
    assert list(knobs.tunability.parts) == ["3 units", "12 units"]
    part = knobs.tunability.parts["3 units"]
    assert part.plan.alpha == pytest.approx(0.025)
    assert [curve.knobs for curve in part.plan.doses.curves] == [("keep_prob",), ("l2",)]
    assert part.plan.arms[0].lr == 0.5
    assert part.facts.network == "8 → 3 → 3, relu"
    assert knobs.verdicts == ()
    assert len(knobs.between) <= 1


def test_what_two_knobs_decide_is_a_verdict_on_the_statement(knobs):
    frame = knobs.frame()
    assert frame["claim"].tolist() == ["l2 tunes finer than keep_prob"] * 2
    assert frame["regime"].tolist() == ["3 units", "12 units"]
    words = {"l2": "supported", "keep_prob": "refuted"}
    assert frame["verdict"].tolist() == [words.get(w, w) for w in knobs.tunability.decisions.values()]
    known = frame.dropna(subset="effect")
    assert (known["low"] <= known["effect"]).all()
    assert set(known["seeds"]) == {10}
    assert str(knobs).splitlines()[-1] == knobs.summary.text


def test_reports_of_two_knobs(knobs, tmp_path):
    page = knobs.report(tmp_path / "k.html").read_text(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["k.html"]
    assert "8 → 12 → 3, relu" in page
    told = json.loads(json.dumps(knobs.to_json(), allow_nan=False))
    assert told["hunch"]["finer"]["text"] == "l2 tunes finer than keep_prob"
    assert [n["network"] for n in told["tunability"]["networks"]] == ["3 units", "12 units"]
    assert knobs.report(tmp_path / "k.txt").read_text(encoding="utf-8") == f"{knobs}\n"


def test_two_knobs_on_a_network_of_ones_own(blobs, build, tmp_path):
    store = tmp_path / "k.hunch"
    answer = hunch.test("knobs", build, blobs, budget=10, seeds=10, store=store, progress=False)
    assert answer.frame()["regime"].tolist() == ["8 → 6 → 3, sigmoid"]
    assert "l2 tunes finer than keep_prob" in answer.notes[0]
    assert isinstance(hunch.open(store), hunch.Tunability)


def test_what_two_knobs_cannot_have_is_refused_and_what_is_usual_is_not(blobs):
    usual = {"max_seeds": 80, "looks": "planned", "robust": False, "stop_at_target": False}
    hunch.test("knobs", None, blobs, budget=4, seeds=2, base=Arm("b", lr=0.1), progress=False, **usual)
    with pytest.raises(hunch.PlanError, match="which has no looks, robust. Leave them out") as caught:
        hunch.test("knobs", None, blobs, robust=True, looks=[5, 10], progress=False)
    assert caught.value.slug == "plan-hunch-keyword"
