"""`Study.explore`: what is asked of runs that are there, shown, stored as JSON, and refused."""

import json
from html.parser import HTMLParser

import pytest

import hunch.results
from hunch.errors import PlanError
from hunch.evidence import CAUTION, DECISIONS, describe_explored, explore
from hunch.plan import faster, lower_cost
from hunch.results import Exploration


@pytest.fixture
def explored(make_study):
    return make_study().explore(["before lower cost than none", faster("before", than="none", margin=1.5)])


def test_claims_may_be_written_out_and_a_single_one_needs_no_list(make_study):
    study = make_study()
    one = study.explore("before lower cost than none")
    assert one.answers == study.explore([lower_cost("before", than="none")]).answers
    assert one.answers == study.explore(lower_cost("before", than="none")).answers
    assert one.answers == explore(study.plan, study.table, [lower_cost("before", than="none")])


def test_it_prints_one_answer_a_line_and_says_at_the_end_that_these_are_no_verdicts(explored):
    *lines, last = str(explored).splitlines()
    assert last == CAUTION
    assert lines == [describe_explored(found, explored.plan) for found in explored.answers]
    assert all(line.startswith("exploratory: points to ") for line in lines)
    assert "no verdicts: points to; points to" in repr(explored)


def test_json_says_that_it_is_exploratory_at_every_answer(explored):
    told = json.loads(json.dumps(explored.to_json(), allow_nan=False))
    assert told == explored.to_json()
    assert list(told) == ["exploratory", "caution", "answers", "plan_hash"]
    assert told["exploratory"] is True and told["caution"] == CAUTION
    for answer, verdict in zip(told["answers"], explored.verdicts, strict=True):
        assert answer["exploratory"] is True
        assert answer["decision"] == verdict.decision and answer["decision"] not in DECISIONS
        assert answer["text"].startswith("exploratory: ")
        assert {"adjusted", "tuned_for", "is_own", "declared", "target"} <= set(answer)
    assert told["answers"][1]["claim"]["margin"] == 1.5


def test_declared_verdicts_say_in_json_that_they_are_not(make_study):
    assert [v["exploratory"] for v in make_study().to_json()["verdicts"]] == [False, False]


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.bold, self.tags, self._inside = [], set(), False

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._inside = tag == "b"

    def handle_data(self, data):
        if self._inside:
            self.bold.append(data)
            self._inside = False


def test_the_notebook_table_has_no_verdict_in_it(explored):
    cells = Cells()
    cells.feed(explored._repr_html_())
    assert cells.bold == ["exploratory: points to", "exploratory: points to"]
    assert cells.tags == {"table", "thead", "tbody", "tr", "th", "td", "b", "p"}
    assert CAUTION.replace("'", "&#x27;") in explored._repr_html_()


def test_the_frame_has_a_row_a_claim_and_adjusted_p_values(explored):
    frame = explored.frame()
    assert list(frame["claim"]) == ["before lower cost than none", "before faster than none"]
    assert list(frame["decision"]) == ["points to"] * 2
    assert (frame["adjusted"] >= frame["p_value"]).all()
    assert list(frame["tuned_for"]) == ["iterations"] * 2
    assert list(frame["declared"]) == ["", "supported"]
    assert frame["target"].isna().tolist() == [True, False]


def test_asking_changes_neither_the_file_nor_the_verdicts(stored):
    before = stored.read_bytes()
    study = hunch.results.open(stored)
    decided = study.verdicts
    assert isinstance(study.explore("before lower cost than none", alpha=0.2), Exploration)
    assert study.verdicts == decided
    assert stored.read_bytes() == before
    assert [p.name for p in stored.parent.iterdir()] == [stored.name]


@pytest.mark.parametrize("claims", [3, [3], None, [None]])
def test_what_is_no_claim_is_refused(make_study, claims):
    with pytest.raises(PlanError, match=r"claims must be hunch claims, got .*\[plan-claims\]"):
        make_study().explore(claims)


def test_a_claim_that_cannot_be_read_and_an_arm_that_is_not_there_are_refused(make_study):
    with pytest.raises(PlanError, match=r"\[plan-claim-form\]"):
        make_study().explore("before beats none")
    with pytest.raises(PlanError, match=r'no arm "after".*\[plan-unknown-arm\]'):
        make_study().explore("after faster than none")
