import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_study import all_traces, make_facts, make_plan, make_provenance

import hunch.results
from hunch.errors import PlanError, StoreError
from hunch.evidence import decide, headline
from hunch.plan import Arm, Plan, faster
from hunch.results import Study, Verdict
from hunch.traces import open_or_create

ROOT = Path(__file__).parents[2]


# --- verdicts and sentences ----------------------------------------------------------------------


def test_verdicts_are_decided_from_plan_and_runs_once(make_study, monkeypatch):
    study = make_study()
    assert study.verdicts == decide(study.plan, study.table)
    assert all(isinstance(v, Verdict) for v in study.verdicts)
    assert study.verdicts is study.verdicts


def test_a_study_prints_one_verdict_a_line(make_study):
    study = make_study()
    lines = str(study).splitlines()
    assert lines == [headline(v, study.plan, "share") for v in study.verdicts]
    assert "before needs" in lines[0]
    assert "interval" in lines[0]
    assert "12 seeds" in lines[0]


def test_a_study_cut_short_says_how_far_it_is(plan, make_study):
    assert "(19 of 24 runs so far; the same call" in str(make_study(all_traces(plan)[:-5]))
    assert not make_study(all_traces(plan)[:-5]).is_complete
    unfrozen = make_study([], plan=plan.asked())
    assert "(the pilot has not ended, 0 runs so far;" in str(unfrozen)
    assert [v.decision for v in unfrozen.verdicts] == ["undecided"] * 2


def test_a_study_without_claims_says_what_was_measured(plan, make_study):
    study = make_study(plan=replace(plan, claims=(), margins=()))
    assert study.verdicts == ()
    assert str(study) == "no claims; 24 runs of 2 arms"
    assert "no claims" in repr(study)
    assert "no claims; 24 runs" in study._repr_html_()


def test_the_repr_names_arms_and_decisions(make_study):
    assert repr(make_study()).startswith("<Study of none, before: 12 seeds, supported; ")


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)


def test_the_notebook_table_shows_names_and_runs_none_of_them(plan, make_study):
    evil = "<script>alert(1)</script>"
    named = Plan(
        arms=(replace(plan.arms[0], name=evil), plan.arms[1]),
        claims=(faster("before", than=evil),),
        cost=plan.cost,
        seeds=plan.seeds,
    )
    shown = make_study([], plan=named)._repr_html_()
    tags = Tags()
    tags.feed(shown)
    assert set(tags.seen) == {"div", "style", "p", "span"}
    assert "&lt;script&gt;" in shown


# --- JSON ----------------------------------------------------------------------------------------


def test_json_holds_all_and_nothing_that_json_cannot_say(mixed):
    told = mixed.to_json()
    assert list(told) == [
        "verdicts", "label", "complete", "plan", "plan_hash", "facts", "runs", "provenance",
    ]  # fmt: skip
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again == told
    assert Plan.from_json(again["plan"]) == mixed.plan
    assert again["plan_hash"] == mixed.plan.hash
    assert [v["text"] for v in again["verdicts"]] == str(mixed).splitlines()[:2]
    assert again["verdicts"][0]["claim"]["text"] == "before faster than none"
    assert len(again["runs"]) == 24
    assert again["facts"]["sites"][0]["name"] == "0"
    assert list(again["runs"][0]) == list(mixed.frame().columns)
    failed = again["runs"][0]
    assert (failed["outcome"], failed["iterations"], failed["cost"]) == ("failed", None, None)
    assert again["complete"] is False


def test_json_of_a_study_without_runs_is_whole_too(make_study, plan):
    told = make_study([], plan=plan.asked()).to_json()
    assert told["runs"] == []
    json.dumps(told, allow_nan=False)


# --- reports -------------------------------------------------------------------------------------


def test_the_ending_says_what_kind_of_report_is_written(make_study, tmp_path):
    study = make_study()
    page = study.report(tmp_path / "page.html")
    assert page == tmp_path / "page.html"
    assert page.read_text().lower().lstrip().startswith("<!doctype html")
    assert study.report(str(tmp_path / "page.TXT")).read_text() == study.text()
    assert json.loads(study.report(tmp_path / "page.json").read_text()) == study.to_json()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.TXT", "page.html", "page.json"]


@pytest.mark.parametrize("name", ["study.hunch", "page", "page.pdf"])
def test_another_ending_is_refused_so_that_no_study_is_overwritten(make_study, tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(
        PlanError, match=r"ends in \.html, \.txt, \.json, \.png or \.svg.*\[results-report-kind\]"
    ):
        make_study().report(tmp_path / name)
    assert (tmp_path / name).read_text() == "precious"


def test_a_report_that_cannot_be_written_leaves_nothing(make_study, tmp_path):
    (tmp_path / "folder.html").mkdir()
    for path in (tmp_path / "gone" / "page.txt", tmp_path / "folder.html"):
        with pytest.raises(StoreError, match=r"cannot write the report to .*\[results-report-write\]"):
            make_study().report(path)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.html"]


# --- open ----------------------------------------------------------------------------------------


def test_an_opened_study_is_the_study_that_was_stored(stored, make_study):
    opened, made = hunch.results.open(stored), make_study()
    assert opened.path == stored
    assert str(opened) == str(made)
    assert opened.to_json()["runs"] == made.to_json()["runs"]
    assert opened.verdicts == made.verdicts


def test_the_same_file_gives_the_same_report_to_the_byte(stored):
    left, right = (hunch.results.open(stored) for _ in range(2))
    assert left.text() == right.text()
    assert json.dumps(left.to_json()) == json.dumps(right.to_json())


def test_the_order_in_which_runs_finished_does_not_show_in_a_report(tmp_path, plan, stored):
    path = tmp_path / "other.hunch"
    with open_or_create(path, plan, make_facts(), make_provenance()) as file:
        for trace in reversed(all_traces(plan)):
            file.append(trace)
        file.freeze(plan)

    def told(opened):
        return opened.to_json() | {"provenance": None}

    assert json.dumps(told(hunch.results.open(path))) == json.dumps(told(hunch.results.open(stored)))


def test_opening_what_is_no_study_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match="store-missing"):
        hunch.results.open(tmp_path / "gone.hunch")


def test_a_study_opens_while_it_is_written(tmp_path, plan):
    with open_or_create(tmp_path / "s.hunch", plan, make_facts(), make_provenance()) as file:
        file.append_many(all_traces(plan)[:4])
        assert "(the pilot has not ended, 4 runs so far;" in str(hunch.results.open(tmp_path / "s.hunch"))


BLOCKED = """
    import sys

    class Block:
        def find_spec(self, name, path=None, target=None):
            if name == "torch" or name.startswith("torch."):
                raise ImportError("torch is blocked")

    sys.meta_path.insert(0, Block())
    try:
        import torch
    except ImportError:
        pass
    else:
        raise SystemExit("the block does not block")
"""


def run_blocked(code):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BLOCKED) + textwrap.dedent(code)],
        env={"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_stored_study_opens_prints_and_reports_without_torch(stored, tmp_path):
    done = run_blocked(
        f"""
        import hunch
        study = hunch.open({str(stored)!r})
        print(study)
        assert "pandas" not in sys.modules, "printing needs no pandas"
        study.report({str(tmp_path / "page.html")!r})
        study.frame(), study.curves(), study.readings(), study.to_json(), study.text(), study._repr_html_()
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(hunch.results.open(stored))
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_the_torch_block_of_that_test_can_fail():
    done = run_blocked("from hunch.study import compare")
    assert "torch is blocked" in done.stderr


def test_a_plan_of_one_arm_and_no_frozen_part_still_reprs(make_study):
    plan = replace(make_plan(1), arms=(Arm("only"),), claims=())
    assert repr(Study(plan, make_facts(), make_provenance(), make_study([]).table)) == (
        "<Study of only: 1 seeds, no claims>"
    )
