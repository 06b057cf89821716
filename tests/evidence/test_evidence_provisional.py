"""What is said of a claim while its study runs."""

import math
from dataclasses import replace

import pytest

from hunch.evidence import DECISIONS, PROVISIONAL, confirm_runs, decide, provisional_lines


def lines_of(plan, table, n=None):
    runs = {
        claim: {arm: dict(list(confirm_runs(plan, table, arm, claim).items())[:n]) for arm in claim.arms}
        for claim in plan.claims
    }
    return provisional_lines(plan, table.facts, runs)


@pytest.fixture
def parts():
    """A plan with its runs, from the rooms' own makers."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1] / "traces"))
    from made_study import all_traces, freeze, make_facts, make_plan

    from hunch.traces import RunTable

    plan = freeze(make_plan(12), target=0.3)
    return plan, RunTable(make_facts(), all_traces(plan))


def test_every_line_says_that_it_is_no_verdict_and_holds_no_word_of_one(parts):
    for n in (0, 1, 2, 3, 7, 12):
        lines = lines_of(*parts, n)
        assert len(lines) == 2
        for line in lines:
            assert line.startswith(f"{PROVISIONAL}: ")
            assert "not a verdict" in line
            assert not any(word in line for word in DECISIONS)


def test_before_three_blocks_there_is_no_interval(parts):
    assert (
        lines_of(*parts, 2)[0]
        == f"{PROVISIONAL}: 2 blocks for before faster than none, too few for an interval"
    )
    assert "interval" in lines_of(*parts, 3)[0]
    assert "3 seeds" in lines_of(*parts, 3)[0]


def test_with_all_runs_it_shows_the_interval_of_the_verdict(parts):
    plan, table = parts
    verdict = decide(plan, table)[0]
    line = lines_of(plan, table)[0]
    assert f"{math.exp(verdict.effect):.3g} times fewer iterations" in line
    assert f"{math.exp(verdict.low):.3g} to {math.exp(verdict.high):.3g}" in line
    assert "12 seeds" in line


def test_without_a_target_nothing_is_made_up(parts):
    plan, table = parts
    line = lines_of(replace(plan, target=None), table)[0]
    assert "too few for an interval" in line or "no difference" in line
