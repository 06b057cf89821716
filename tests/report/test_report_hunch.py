"""A hunch in all its regimes as a page: whole, in order, escaped, drawn."""

from dataclasses import replace

import pytest
from page_reader import Reader, without_provenance

from hunch.catalogue import Hunch, Regime
from hunch.evidence import Found, compare_regimes, decide, decide_across, summarise
from hunch.plan import lower, same
from hunch.report import Card, Part, between_part, hunch_page, regime_part

CLAIM = lower("held_out_cost", "before", than="none", margin=0.01)
HUNCH = Hunch(
    name="made-up",
    statement="Batch norm helps <b>deep</b> networks.",
    source="Somebody & others 2014.",
    holds="Where it is deep.",
    fails="Where it is not.",
    claims=(CLAIM,),
    regimes=(Regime(name="deep", widths=(2, 2), activation="relu"),),
    across=(same("deep: before", "flat <1>: none", of="held_out_cost", margin=0.1),),
)


@pytest.fixture(scope="module")
def parts(studies):
    found = {}
    for k, name in enumerate(("deep", "flat <1>")):
        plan = studies.plan(arms=("none", "before"), claims=(CLAIM,), margins=(0.01,), n=12, budget=60)
        shapes = {"before": (0.06, 0.12, 0.004 + 0.1 * k, 0.0)}
        found[name] = plan, studies.table(plan, facts=studies.shallow(), shapes=shapes)
    return found


@pytest.fixture(scope="module")
def view(parts):
    """Parts of a page, and its summary."""
    verdicts = {name: decide(*both) for name, both in parts.items()}
    every = [v for own in verdicts.values() for v in own]
    between, across = compare_regimes(parts, 0.05), decide_across(parts, HUNCH.across, 0.02)
    shown = [
        regime_part(name, f"p-{k}.html", plan, table, verdicts[name], every)
        for k, (name, (plan, table)) in enumerate(parts.items())
    ]
    shown += [between_part("Across regimes", "At equal seeds.", across), between_part("Between", "", between)]
    told = [Found(name, v.claim.text, v.decision) for name, own in verdicts.items() for v in own]
    return shown, summarise(told, between, "supported")


@pytest.fixture(scope="module")
def page(view, studies):
    return hunch_page(
        *((HUNCH, view[1], view[0])), alpha=0.05, notes=["A <note>."], provenance=studies.provenance()
    )


def test_the_page_is_whole_and_points_only_to_the_pages_of_its_regimes(page):
    outside = [problem for problem in Reader(page).problems if "points outside" in problem]
    assert outside == ["href=p-0.html points outside", "href=p-1.html points outside"]
    assert Reader(page).problems == outside


def test_it_answers_first_then_regime_by_regime_then_between_them(page, view):
    headings = [text for level, text in Reader(page).headings if level == "h2"]
    assert headings == [
        "Answer", "deep", "flat <1>", "Across regimes", "Between", "What is said", "How it was done",
    ]  # fmt: skip
    words = Reader(page).words
    assert f"{view[1].word} {view[1].rest}" in words
    for said in ("A <note>.", "Somebody & others 2014.", "Where it is deep.", "Where it is not.", "64 → 100"):
        assert said in words


def test_names_and_statements_are_escaped(page):
    assert "<b>deep</b>" not in page
    assert "&lt;b&gt;deep&lt;/b&gt;" in page
    assert "flat <1>" not in page.replace("\\u003c", "<").split("<script")[0]


def test_regimes_share_their_axes(view):
    first, second = (part.cards[0].effect for part in view[0][:2])
    assert first.domain == second.domain


def test_a_verdict_says_its_word_once(view):
    for part in view[0]:
        for card in part.cards:
            assert not card.sentence.startswith(card.decision)
    between = view[0][-1].cards[0]
    assert between.sentence.startswith("The effect ")
    assert between.decision in ("different", "no meaningful difference", "undecided")


def test_the_same_arguments_give_the_same_page_but_for_provenance(view, studies, page):
    later = replace(studies.provenance(), started="2026-01-01T00:00:00+00:00")
    again = hunch_page(HUNCH, view[1], view[0], alpha=0.05, notes=["A <note>."], provenance=later)
    assert again != page
    assert without_provenance(again) == without_provenance(page)


def test_what_is_predicted_is_said_where_it_is_not_the_usual(view, studies):
    odd = replace(HUNCH, predicts="refuted")
    page = hunch_page(odd, view[1], view[0], alpha=0.05, notes=[], provenance=studies.provenance())
    assert "The statement predicts that each claim is refuted." in Reader(page).words


def test_a_regime_without_pictures_or_page(view, studies):
    plain = [
        Part("4 units", "two knobs", "", (Card("supported", "supported", "It is so.", None),), ("More.",))
    ]
    page = hunch_page(HUNCH, view[1], plain, alpha=0.05, notes=[], provenance=studies.provenance())
    assert Reader(page).problems == []
    assert "More." in Reader(page).words
    assert "data-chart=" not in page


@pytest.mark.parametrize("width", [360, 1440])
def test_every_picture_is_drawn_and_nothing_overflows(browser, page, tmp_path, width):
    path = tmp_path / "hunch.html"
    path.write_text(page, encoding="utf-8")
    browser.open(path, width=width)
    n = browser.run("document.querySelectorAll('script[data-chart]').length")
    assert n == 6
    assert browser.run("document.querySelectorAll('.chart svg').length") == n
    wide, seen = browser.run("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen == width
    assert browser.complaints() == []
    assert browser.requests() == []
