"""The first screen: verdict, picture, why, and how sure, before everything else."""

from dataclasses import replace

import numpy as np
import pytest
from page_reader import Reader

from hunch.evidence import decide
from hunch.plan import READING_NAMES, faster
from hunch.report import html_report, make_view, study_fragment, text_report, verdict_view
from hunch.report.readings import READINGS, title_of


@pytest.fixture(scope="module")
def planted(studies):
    """A study in which saturation differs between the arms and nothing else does."""
    plan = studies.plan(arms=("none", "before"), n=12, budget=60, claims=(faster("before", than="none"),))
    table = studies.table(plan, facts=studies.facts())
    rng = np.random.default_rng(5)
    for trace in table:
        trace.readings[:] = 0.3 * np.exp(0.02 * rng.standard_normal(trace.readings.shape))
        base = 0.2 if trace.key.arm == "before" else 0.6
        trace.readings[:, READING_NAMES.index("saturation"), :] = base + 0.01 * rng.standard_normal()
    return plan, table, decide(plan, table), studies.provenance()


def test_why_names_the_reading_that_was_planted_and_the_table_has_all(planted):
    (verdict,) = make_view(*planted[:3]).verdicts
    assert verdict.why.sentence.startswith(
        "In before, compared with none, saturation is lower (0.199 against 0.607);"
    )
    assert [row.title for row in verdict.why.rows if row.moved] == ["Saturation"]
    assert (verdict.why.first, verdict.why.second) == ("before", "none")
    assert len(verdict.why.rows) == 6
    assert verdict.why.absent == ""


def test_what_could_not_be_compared_is_named(demo):
    verdict = make_view(*demo[:3]).verdicts[0]
    assert len(verdict.why.rows) == 5
    assert verdict.why.absent == (
        "Not compared, as it does not apply or was not taken in both arms: gradient predictiveness."
    )


def test_the_page_says_why_and_how_sure_before_any_curve(planted):
    words = Reader(html_report(*planted)).words
    (verdict,) = make_view(*planted[:3]).verdicts
    places = [words.index(said) for said in (verdict.why.sentence, verdict.sure, "Cost against iterations")]
    assert places == sorted(places)
    assert "no proof that it is the cause" in words


def test_the_terminal_says_why_once_for_claims_about_the_same_arms(planted):
    plan, table, _, provenance = planted
    twice = replace(
        plan, claims=(plan.claims[0], faster("before", than="none", margin=2.0)), margins=(0.1, 0.7)
    )
    text = text_report(twice, table, decide(twice, table), provenance)
    assert text.count("Why: In before, compared with none,") == 1


def test_a_notebook_says_it_without_a_script(planted):
    plan, table, verdicts, _ = planted
    shown = study_fragment(
        "t", "s", [verdict_view(v, plan, table, verdicts) for v in verdicts], ["<b>note</b>"]
    )
    tags = {tag for tag, _ in Reader(shown).tags}
    assert "script" not in tags
    assert {"svg", "p", "span"} <= tags
    assert "saturation is lower" in shown
    assert "&lt;b&gt;note&lt;/b&gt;" in shown
    assert "http" not in shown.replace("http://www.w3.org/", "")
    assert len(shown) < 60_000


def test_everything_that_is_compared_has_a_title():
    for name in READINGS:
        assert title_of(name) == READINGS[name].title
    assert title_of("gradient_range").startswith("Range of the gradients")
    with pytest.raises(KeyError, match="nothing"):
        title_of("nothing")
