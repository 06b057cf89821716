"""`audit`: identical arms by the dozen, on real training; and the audit's own arithmetic."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import hunch
from hunch.evidence import DECISIONS, Planted, Tally, audit_study, most_false, plant
from hunch.evidence.audit import chance_to_pass
from hunch.stats import arrival_times

N = 12


def run_audit(blobs, build, **settings):
    return hunch.audit(
        build,
        blobs,
        **{
            "studies": N,
            "base": hunch.Arm("base", lr=0.5, batch_size=16),
            "budget": 60,
            "seeds": 8,
            "progress": False,
            **settings,
        },
    )


_made = {}


@pytest.fixture
def audited(blobs, build):
    if "audit" not in _made:  # a second each: made once for all tests that only look at it
        _made["audit"] = run_audit(blobs, build)
    return _made["audit"]


def tally(**counts):
    return Tally(
        **{"n": 200, "false": 5, "same": 0, "undecided": 195, "guarded": 0, "found": 200, "alpha": 0.05}
        | counts
    )


def test_a_dozen_small_studies_pass_and_find_what_was_planted(audited):
    assert audited.passed
    assert audited.conclusion == "passed"
    assert audited.tally.n == N
    assert audited.tally.found == N
    assert audited.tally.false <= most_false(N)
    assert str(audited).startswith("passed: ")
    assert "2 times as many iterations in one arm was found in 12 of 12 studies" in str(audited)


def test_the_frame_has_one_row_a_study(audited):
    frame = audited.frame()
    assert len(frame) == N
    assert frame["study_seed"].is_unique
    assert set(frame["decision"]) <= set(DECISIONS)
    assert frame["effect"].std() > 0, "the arms share no randomness"
    assert (frame["low"] < frame["effect"]).all()
    assert (frame["planted_effect"] > 0).all()


def test_the_same_call_gives_the_same_audit(audited, blobs, build):
    again = run_audit(blobs, build)
    assert again.frame().equals(audited.frame())
    assert str(again) == str(audited)


def test_another_seed_gives_other_disjoint_studies(audited, blobs, build):
    other = run_audit(blobs, build, seed=1)
    assert not set(other.frame()["study_seed"]) & set(audited.frame()["study_seed"])
    assert not np.allclose(other.frame()["effect"], audited.frame()["effect"])


def test_more_studies_go_on_where_fewer_ended(audited, blobs, build):
    fewer = run_audit(blobs, build, studies=3)
    assert fewer.frame().equals(audited.frame().iloc[:3])


def test_every_block_is_tuned_anew_by_default(blobs, build):
    found = run_audit(blobs, build, studies=2, base=hunch.Arm("base", batch_size=16), tuning="replicated")
    assert found.plan.tuning == "replicated"
    assert len(found.plan.grid("first")) >= 7
    assert "tuned anew for every block" in str(found)


def test_what_is_tuned_once_is_tuned_once_for_each_study(blobs, build, capfd):
    base = hunch.Arm("base", batch_size=16)
    found = run_audit(blobs, build, studies=2, base=base, tuning="once", target=0.5, progress=True)
    assert "a pilot of its own" in str(found)
    assert "Pilots of studies 1 to 2 of 2." in capfd.readouterr().err


def test_planned_looks_go_on_until_both_verdicts_stand(blobs, build):
    found = run_audit(blobs, build, studies=4, max_seeds=20, seeds=None, looks=[6, 20])
    assert set(found.frame()["blocks"]) <= {6, 20}
    assert found.plan.is_sequential
    assert "6 to 20 blocks" in str(found)


@pytest.mark.parametrize(("of", "planted"), [("cost", 0.5), ("held_out_error", 0.5)])
def test_costs_and_errors_can_be_audited_too(blobs, build, of, planted):
    found = run_audit(blobs, build, of=of, planted=planted, studies=4)
    assert found.tally.found == 4
    assert found.planted == Planted(of, planted)


def test_an_audit_whose_studies_cannot_speak_is_invalid(blobs, build):
    found = run_audit(blobs, build, target=1e-6)
    assert found.conclusion == "invalid"
    assert not found.is_valid
    assert not found.passed
    assert found.tally.guarded == N
    assert "the target is too hard" in str(found)


def test_too_few_blocks_are_told_by_what_they_miss(blobs, build):
    found = run_audit(blobs, build, planted=1.01, studies=6)
    assert found.conclusion == "failed"
    assert "so few false verdicts mean little here" in str(found)


def test_the_price_is_said_before(blobs, build, capfd):
    run_audit(blobs, build, studies=2, progress=True)
    said = capfd.readouterr().err
    assert said.index("This audit trains") < said.index("confirm: 32 runs")
    assert "2 studies of 8 blocks (2 runs a block): 32 runs." in said


def test_as_json_it_says_the_same(audited):
    told = json.loads(json.dumps(audited.to_json(), allow_nan=False))
    assert told["passed"] is True
    assert told["conclusion"] == "passed"
    assert told["studies"] == len(told["rows"]) == N
    assert told["text"] == str(audited).splitlines()
    assert told["false_interval"][0] <= told["false"] / N <= told["false_interval"][1]


def test_a_notebook_shows_the_conclusion_in_bold(audited):
    shown = audited._repr_html_()
    assert shown.startswith("<p><b>passed</b>: ")
    assert shown.count("<li>") == len(str(audited).splitlines()) - 1
    assert repr(audited).startswith("<Audit, passed: ")


def test_all_that_is_wrong_is_said_at_once(blobs, build):
    with pytest.raises(hunch.PlanError) as refused:
        run_audit(
            blobs, build, paired=True, arms=[], store="s.hunch", studies=0, of="time", typo=1, seeds=[1, 2]
        )
    assert {p.slug for p in refused.value.problems} == {
        "plan-audit-paired", "plan-audit-setting", "plan-audit-store", "plan-audit-studies", "plan-audit-of",
        "plan-audit-seeds",
    }  # fmt: skip


@pytest.mark.parametrize("planted", [1, 0.5, math.nan, math.inf, True, "2"])
def test_a_planted_ratio_is_above_1(blobs, build, planted):
    with pytest.raises(hunch.PlanError, match="one arm shall need, a number above 1, got"):
        run_audit(blobs, build, planted=planted)


def test_paired_arms_are_equal_and_so_refused(blobs, build):
    with pytest.raises(hunch.PlanError, match="equal to the last bit"):
        run_audit(blobs, build, paired=True)
    assert run_audit(blobs, build, paired=False, studies=1).tally.n == 1


# The arithmetic.


def test_so_many_false_verdicts_are_within_chance_as_the_reference_says():
    assert [most_false(n) for n in (200, 1000)] == [18, 67]
    assert tally(false=18, undecided=182).passed
    assert not tally(false=19, undecided=181).passed
    assert tally(n=1000, false=67, found=1000).keeps_alpha
    assert not tally(n=1000, false=68, found=1000).keeps_alpha
    assert chance_to_pass(200, 0.08) == pytest.approx(0.75, abs=0.005)
    assert chance_to_pass(1000, 0.08) < 0.1


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("n", [1, 12, 200, 1000])
def test_a_sound_tool_fails_one_audit_in_a_hundred_at_most(n, alpha):
    assert chance_to_pass(n, alpha, alpha) >= 0.99
    assert Tally(n, most_false(n, alpha), 0, 0, 0, n, alpha).false_interval[0] <= alpha


def test_guarded_and_found_have_their_limits():
    assert tally(guarded=20).is_valid
    assert not tally(guarded=21).is_valid
    assert tally(found=160).finds
    assert not tally(found=159).finds


@pytest.fixture
def study(blobs, build):
    arms = [hunch.Arm("first"), hunch.Arm("second")]
    return hunch.compare(
        build, blobs, arms=arms, claims=[hunch.faster("first", than="second")], seeds=8, paired=False, budget=60,
        base=hunch.Arm("base", lr=0.5, batch_size=16), progress=False,
    )  # fmt: skip


def times(study, table, arm):
    return np.array(
        [arrival_times(t.eval_at, t.cost, study.plan.target)[0] for t in table.select("confirm", arm)]
    )


def test_the_planted_arm_needs_exactly_so_many_times_as_long(study):
    slowed = plant(study.table, "second", Planted("iterations", 1.5))
    assert np.array_equal(times(study, slowed, "first"), times(study, study.table, "first"))
    before, after = times(study, study.table, "second"), times(study, slowed, "second")
    reached = np.isfinite(after)
    assert reached.any()
    assert after[reached] / before[reached] == pytest.approx(
        1.5, rel=0.06
    )  # to a step of the evaluation grid
    assert (1.5 * before[~reached] > 0.9 * study.plan.budget).all()


def test_a_run_that_diverges_later_than_the_budget_does_not_diverge(study):
    trace = replace(study.table.select("confirm", "second")[0], diverged_at=40)
    table = type(study.table)(study.facts, [trace])
    [later] = plant(table, "second", Planted("iterations", 1.2))
    [never] = plant(table, "second", Planted("iterations", 2.0))
    assert (later.diverged_at, never.diverged_at) == (48, None)


def test_an_audited_study_is_the_study_that_compare_decides(study):
    row = audit_study(study.plan, study.table, Planted("iterations", 2.0))
    [verdict] = study.verdicts
    assert (row.decision, row.effect, row.low) == (verdict.decision, verdict.effect, verdict.low)
    assert row.is_found
    assert not row.is_guarded


def test_a_loud_tool_would_be_caught(study):
    """The check can fail: studies that tell arms apart are counted as false."""
    loud = replace(audit_study(study.plan, study.table, Planted("iterations", 2.0)), decision="refuted")
    assert loud.is_false
    counted = Tally.of([loud] * 20, 0.05)
    assert not counted.keeps_alpha
    assert not counted.passed


@pytest.mark.slow
def test_two_hundred_real_audits_on_the_digits():
    """A few minutes on one core; the first 200 of benchmarks/audit_1000.py."""
    found = hunch.audit(
        hunch.mlp([64, 12, 10]), "digits", studies=200, budget=100,
        seeds=10, tuning="replicated", seed=1, progress=False,
    )  # fmt: skip
    assert found.tally.false <= most_false(found.tally.n)
    assert found.is_valid
    assert found.passed
