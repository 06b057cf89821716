"""`hunch.test_all`: many hunches in one sitting, resumable, what does not fit left out with the reason."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import hunch
from hunch.catalogue import Finer, Hunch, Regime
from hunch.errors import PlanError
from hunch.plan import Arm, lower, same
from hunch.results import HunchAnswer, HunchAnswers, answer_in, files_of, lines_of

NONE, HALF = Arm("none", keep_prob=1.0), Arm("half", keep_prob=0.5)
CLAIM = lower("held_out_cost", "half", than="none", margin=0.01)
REGIMES = tuple(Regime(name=f"{n} units", widths=(8, n, 3), activation="relu") for n in (3, 12))
TWO = Hunch(
    name="two", statement="It helps.", source="Somebody 2014.", holds="Here.", fails="There.", arms=(NONE, HALF),
    claims=(CLAIM,), base=Arm("base", lr=0.5, batch_size=16), seeds=8, budget=40, regimes=REGIMES,
    across=(same("12 units: half", "3 units: none", of="held_out_cost", margin=0.02),),
)  # fmt: skip
ALONE = replace(TWO, name="alone", regimes=(), across=(), widths=(8, 6, 3), activation="relu")
KNOBS = replace(
    TWO, name="knobs", arms=(), claims=(), across=(), seeds=10, budget=10, finer=Finer(knob="l2", than="keep_prob")
)  # fmt: skip
BROUGHT = replace(TWO, name="brought", claims=(), regimes=tuple(replace(r, claims=(CLAIM,)) for r in REGIMES))
SHELF = (TWO, ALONE, KNOBS, BROUGHT)


@pytest.fixture(autouse=True, scope="module")
def shelf():
    """These hunches instead of the catalogue's."""
    by_name = {one.name: one for one in SHELF}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hunch.study.hunches.find", by_name.__getitem__)
        patch.setattr("hunch.study.hunches_all.find", by_name.__getitem__)
        patch.setattr("hunch.study.hunches_all.hunches", lambda: SHELF)
        yield


@pytest.fixture(scope="module")
def easy():
    """Three classes, eight features."""
    rng = np.random.default_rng(20260102)
    y = np.arange(240) % 3
    return (rng.normal(size=(3, 8))[y] + 0.4 * rng.normal(size=(240, 8))).astype(np.float32), y


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder with the study files."""
    return tmp_path_factory.mktemp("all") / "kept"


@pytest.fixture(scope="module")
def answers(easy, kept):
    return hunch.test_all(None, easy, store=kept, progress=False)


def test_every_hunch_is_tested_and_has_its_study_files(answers, kept):
    assert isinstance(answers, HunchAnswers)
    assert [one.hunch.name for one in answers.tested] == ["two", "alone", "knobs", "brought"]
    assert (answers.left_out, len(answers)) == ({}, 4)
    there = {str(path.relative_to(kept)) for path in kept.rglob("*.hunch")}
    wanted = {str(path.relative_to(kept)) for one in SHELF for path in files_of(one, kept).values()}
    assert there == wanted
    assert "alone.hunch" in there
    assert "two/12-units.hunch" in there


def test_the_frame_has_a_row_a_verdict_and_it_is_that_of_the_hunch_alone(answers, easy):
    frame = answers.frame()
    assert list(frame)[:5] == ["hunch", "summary", "regime", "claim", "verdict"]
    assert frame["hunch"].value_counts(sort=False).to_dict() == {
        "two": 3,
        "alone": 1,
        "knobs": 2,
        "brought": 3,
    }
    single = hunch.test("two", None, easy, progress=False)
    of_two = frame.query("hunch == 'two'")
    for column in ("regime", "claim", "verdict", "effect", "low", "high", "seeds"):
        assert of_two[column].tolist() == single.frame()[column].tolist()
    assert set(of_two["summary"]) == {single.summary.word}


def test_the_same_call_goes_on_and_trains_nothing_twice(answers, easy, kept, monkeypatch):
    def trained(*_):
        raise AssertionError("nothing is left to train")

    monkeypatch.setattr("hunch.engine.native.NativeEngine.train", trained)
    monkeypatch.setattr("hunch.engine.loop.LoopEngine.train", trained)
    again = hunch.test_all(None, easy, store=kept, progress=False)
    assert again.frame().drop(columns="seconds").equals(answers.frame().drop(columns="seconds"))


def test_what_was_stopped_goes_on_where_it_was(easy, tmp_path, monkeypatch):
    real = hunch.study.hunches_all.test

    def stopped(name, *given, **more):
        if name == "knobs":
            raise KeyboardInterrupt
        return real(name, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr("hunch.study.hunches_all.test", stopped)
        with pytest.raises(KeyboardInterrupt):
            hunch.test_all(None, easy, store=tmp_path / "kept", progress=False)
    assert answer_in(TWO, tmp_path / "kept") is not None
    assert answer_in(KNOBS, tmp_path / "kept") is None
    assert len(hunch.test_all(None, easy, store=tmp_path / "kept", progress=False)) == 4


@pytest.mark.parametrize("one", SHELF, ids=lambda one: one.name)
def test_the_files_alone_give_the_same_answer(answers, kept, one):
    found = answer_in(one, kept)
    assert isinstance(found, HunchAnswer)
    told = answers[one.name]
    assert found.to_json() | {"notes": []} == told.to_json() | {"notes": []}
    assert lines_of(found) == lines_of(told)


def test_files_that_are_missing_or_not_complete_give_no_answer(answers, kept, tmp_path):
    assert answer_in(TWO, tmp_path / "nowhere") is None
    shutil.copytree(kept / "two", tmp_path / "two")
    assert answer_in(TWO, tmp_path) is not None
    (tmp_path / "two" / "3-units.hunch").unlink()
    assert answer_in(TWO, tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [{"seeds": 9}, {"budget": 41}, {"seed": 1}, {"base": Arm("base", lr=0.5, batch_size=8)}, {"metric": "held_out"},
     {"claims": (lower("gap", "half", than="none", margin=0.01),)}, {"arms": (NONE, Arm("half", keep_prob=0.6))}],
    ids=str,
)  # fmt: skip
def test_studies_of_a_plan_that_was_changed_later_give_no_answer(answers, kept, change):
    assert answer_in(TWO, kept) is not None
    assert answer_in(replace(TWO, **change), kept) is None


def test_two_knobs_with_other_seeds_give_no_answer(answers, kept):
    assert answer_in(replace(KNOBS, seeds=12), kept) is None


def test_what_does_not_fit_the_network_is_left_out_with_the_reason(blobs, build, tmp_path):
    answers = hunch.test_all(build, blobs, only=["two", "brought"], store=tmp_path / "mine", progress=False)
    assert [one.hunch.name for one in answers.tested] == ["two"]
    assert list(answers.left_out) == ["brought"]
    assert "says nothing of one alone" in answers.left_out["brought"]
    assert "left out: brought. " in str(answers)
    assert (tmp_path / "mine" / "two.hunch").is_file()


def test_if_nothing_fits_the_first_reason_is_the_error(blobs, build):
    with pytest.raises(PlanError, match="says nothing of one alone"):
        hunch.test_all(build, blobs, only=["brought"], progress=False)


def test_a_folder_with_other_studies_is_an_error_and_not_a_hunch_left_out(answers, blobs, kept):
    with pytest.raises(PlanError, match="cannot resume") as caught:
        hunch.test_all(None, blobs, store=kept, progress=False)
    assert caught.value.slug.startswith("store-resume")


def test_a_file_where_the_folder_should_be_and_claims_of_ones_own_are_refused(blobs, tmp_path):
    (tmp_path / "f").write_text("mine", encoding="utf-8")
    with pytest.raises(PlanError, match="many hunches are stored in a file each") as caught:
        hunch.test_all(None, blobs, store=tmp_path / "f", progress=False)
    assert caught.value.slug == "plan-hunch-store"
    with pytest.raises(hunch.StoreError, match="cannot make the folder"):
        hunch.test_all(None, blobs, store=tmp_path / "f" / "in", progress=False)
    with pytest.raises(PlanError, match="brings arms of its own") as caught:
        hunch.test_all(None, blobs, arms=[NONE], progress=False)
    assert caught.value.slug == "plan-hunch-keyword"


def test_it_says_how_each_came_out_as_it_is_done(blobs, capsys):
    hunch.test_all(None, blobs, only=["alone"], quick=True)
    said = capsys.readouterr().err
    assert "1 of 1  " in said
    assert "alone: first claim " in said


def test_it_prints_a_line_a_hunch_and_what_may_be_wrong_by_chance(answers):
    lines = str(answers).splitlines()
    assert lines[0].split() == ["summary", "hunch", "first", "claim", "seeds", "seconds"]
    assert len(lines) == 6
    assert lines[-1].endswith("of 4 hunches up to 0.2 may have one by chance alone.")
    assert repr(answers) == "<HunchAnswers to 4 hunches>"
    assert "<td>two</td>" in answers._repr_html_()


def test_reports_of_all_hunches(answers, tmp_path):
    told = json.loads(answers.report(tmp_path / "all.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in told["hunches"]] == ["two", "alone", "knobs", "brought"]
    text = answers.report(tmp_path / "all.txt").read_text(encoding="utf-8")
    assert text.startswith(str(answers))
    assert "12 units" in text
    with pytest.raises(PlanError, match=r"ends in \.html, \.txt or \.json"):
        answers.report(tmp_path / "all.png")


def test_the_page_has_a_page_a_hunch_beside_it_and_escapes_what_it_shows(answers, tmp_path):
    few = HunchAnswers(answers.tested[1:2], {"other": "It has <b>no</b> norm."})
    page = few.report(tmp_path / "all.html").read_text(encoding="utf-8")
    assert 'href="all/alone.html"' in page
    assert "It has &lt;b&gt;no&lt;/b&gt; norm." in page
    assert answers.tested[1].answer.summary.word in page
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == ["alone-8-6-3-relu.html", "alone.html"]
