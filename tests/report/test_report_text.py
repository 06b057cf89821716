"""The report in a terminal, and the gold files of both reports.

A gold file holds what a report of a small made-up study looked like when somebody last looked at it. After a
change that is meant to be seen, run

    HUNCH_GOLD=accept pytest tests/report/test_report_text.py

and read the difference before committing it (`tests/gold/report/README.md`).
"""

import os
import re
import unicodedata
from pathlib import Path

import pytest

from hunch.plan import faster, lower, lower_error
from hunch.report import dose_page, dose_report_text, html_report, text_report
from hunch.report.text import WIDTH, clean, columns

GOLD = Path(__file__).parents[1] / "gold" / "report"


def agree(name, text, folder=GOLD, accept=None):
    """Compare with the gold file; write it instead where changes are accepted."""
    accept = os.environ.get("HUNCH_GOLD") == "accept" if accept is None else accept
    path = folder / name
    if accept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"there is no gold file {name}; make it with HUNCH_GOLD=accept"
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; see tests/gold/report/README.md"


def small_study(studies):
    """Two arms, six seeds, one hidden layer: what the gold files show."""
    claims = (
        faster("before", than="none"),
        lower_error("before", than="none", margin=0.01),
        lower("saturation", "before", than="none"),
    )
    facts = studies.facts(
        sites=studies.facts().sites[:1] + studies.facts().sites[3:], network="64 → 100 → 10, sigmoid"
    )
    plan = studies.plan(arms=("none", "before"), n=6, budget=60, claims=claims, margins=(0.0953, 0.01, 0.05))
    table = studies.table(plan, facts=facts, diverged={("none", 3)})
    verdicts = [
        studies.verdict(
            claims[0], effect=1.2, low=0.9, high=None, bound="at_least", seeds=6, p_value=0.03,
            reached=(("before", 1.0), ("none", 0.5)), beyond_margin=True,
        ),
        studies.verdict(
            claims[1], "undecided", 0.004, -0.02, 0.03, margin=0.01, seeds=6, seeds_needed=40,
            reason="the interval holds no difference, and more than the margin either way",
        ),
        studies.verdict(claims[2], "refuted", -0.1, -0.2, -0.06, seeds=6, p_value=0.03, beyond_margin=True),
    ]  # fmt: skip
    return plan, table, verdicts, studies.provenance()


def scrubbed(page):
    """The page without the chart library, specs and fingerprints: what its template and words give."""
    page = re.sub(
        r"<script>.{500000,}?</script>", "<script>(the chart library)</script>", page, flags=re.DOTALL
    )
    page = re.sub(r'(<script type="application/json"[^>]*>)[^<]*', r"\1(json)", page)
    page = re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-…", page)
    page = re.sub(r"<style>.*?</style>", "<style>(page.css)</style>", page, flags=re.DOTALL)
    page = re.sub(r'<script>\n?"use strict".*?</script>', "<script>(page.js)</script>", page, flags=re.DOTALL)
    return re.sub(r"plan [0-9a-f]{64}", "plan (hash)", page)


def test_the_terminal_report_looks_as_accepted(studies):
    agree("small.txt", re.sub(r"plan [0-9a-f]{12}", "plan (hash)", text_report(*small_study(studies))))


def test_the_reports_of_a_curve_read_as_accepted(dosed):
    study = dosed.keep(n=6, fresh=6, diverged={(0.3, 1), (0.3, 4)})
    agree("dose.txt", re.sub(r"plan [0-9a-f]{12}", "plan (hash)", dose_report_text(*study)))
    page = scrubbed(dose_page(*study))
    assert len(page) < 40_000
    agree("dose.html", page)


def test_the_page_reads_as_accepted(studies):
    page = scrubbed(html_report(*small_study(studies)))
    assert len(page) < 60_000
    agree("small.html", page)


def test_a_study_without_runs_reads_as_accepted(studies):
    plan = studies.plan(budget=None, target=None, rates=(), margins=(), notes=("No arm learned.",))
    text = text_report(plan, studies.table(studies.plan(n=0)), [], studies.provenance())
    agree("empty.txt", re.sub(r"plan [0-9a-f]{12}", "plan (hash)", text))


def test_a_report_that_differs_from_its_gold_file_is_noticed(tmp_path):
    agree("x.txt", "one\n", tmp_path, accept=True)
    agree("x.txt", "one\n", tmp_path, accept=False)
    with pytest.raises(AssertionError, match=r"x\.txt differs"):
        agree("x.txt", "two\n", tmp_path, accept=False)
    with pytest.raises(AssertionError, match="no gold file"):
        agree("y.txt", "one\n", tmp_path, accept=False)


def test_the_terminal_report_starts_with_the_verdicts_and_fits_100_columns(studies):
    text = text_report(*studies.demo())
    lines = text.splitlines()
    assert lines[0].startswith("✓ supported: before needs")
    assert max(map(len, lines)) <= WIDTH == 100
    assert "\x1b" not in text
    assert text.endswith("\n")
    assert any(line.startswith("How: 20 seeds in pairs; budget 1,500") for line in lines)
    assert lines[-1].endswith('study.report("page.html")')


def test_provenance_changes_one_paragraph_of_the_terminal_report(studies):
    plan, table, verdicts, provenance = studies.demo()
    other = studies.provenance(started="2031-01-01", versions=(("torch", "9.9"),), train_wall_s=7.0)
    a, b = (text_report(plan, table, verdicts, p) for p in (provenance, other))
    assert a != b
    made = re.compile(r"^Made .*?\n(?=Charts)", re.DOTALL | re.MULTILINE)
    assert made.sub("", a) == made.sub("", b)


def test_many_arms_with_long_names_still_fit(studies):
    arms = tuple(f"an arm whose name goes on and on, number {k} of the lot" for k in range(4))
    plan = studies.plan(arms=arms, n=5, budget=100)
    text = text_report(plan, studies.table(plan), [], studies.provenance())
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" in text


def test_a_name_cannot_move_the_cursor_or_change_colours(studies):
    name = "evil\x1b[31m\x07\u202ename\nnext"
    plan = studies.plan(arms=(name,), n=2, budget=30, notes=(f"about {name}",))
    text = text_report(plan, studies.table(plan), [], studies.provenance())
    assert "\x1b" not in text
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
    assert clean("two\nlines") == "two lines"


def test_wide_characters_keep_columns_in_line():
    lines = columns(["arm", "n"], [["名前", "1"], ["abcd", "2"]]).splitlines()
    assert lines == ["arm   n", "名前  1", "abcd  2"]
