"""The plan refuses what does not fit together; seeds come from pools that never overlap."""

# ruff: noqa: E501

import math

import pytest

from hunch.errors import PlanError
from hunch.plan import CONFIRM, PILOT, TUNE, Arm, Plan, faster, run_seeds


def plan(**settings):
    return Plan(
        **{
            "arms": (Arm("none"), Arm("before", norm="batch")),
            "claims": (faster("before", than="none"),),
            "cost": "cross_entropy",
            "seeds": (0, 1, 2),
            **settings,
        }
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arms": (), "claims": ()}, r"a study needs at least one arm, got none\. .*\[plan-no-arms\]"),
        ({"arms": (Arm("none"), Arm("before"), Arm("none", l2=1))}, r'two arms are called "none"; .* Rename one\.  \[plan-arm-twice\]'),
        ({"claims": (faster("bn", than="none"),)}, r'claim "bn faster than none": there is no arm "bn"\. The arms are none, before\.  \[plan-unknown-arm\]'),
        ({"cost": "own:hinge"}, r"cost must be one of cross_entropy, .* got 'own:hinge'\.  \[plan-cost\]"),
        ({"cost": "hinge"}, r"cost must be one of cross_entropy, .* got 'hinge'\.  \[plan-cost\]"),
        ({"metric": "test"}, r"metric must be one of train, held_out, got 'test'\.  \[plan-metric\]"),
        ({"tuning": "best"}, r"tuning must be one of .* got 'best'\.  \[plan-tuning\]"),
        ({"alpha": 0}, r"alpha must be above 0 and below 0\.5, got 0\. .*\[plan-alpha\]"),
        ({"alpha": 0.5}, r"alpha must be above 0 and below 0\.5, got 0\.5\. .*\[plan-alpha\]"),
        ({"alpha": math.nan}, r"alpha must be above 0 and below 0\.5, got nan\. .*\[plan-alpha\]"),
        ({"seeds": (3, 1, 3)}, r"seeds must differ, got 3 more than once\. .*\[plan-seeds\]"),
        ({"seeds": (-1,)}, r"seeds must be whole numbers from 0 to 2\^63 - 1, got \[-1\]\.  \[plan-seeds\]"),
        ({"seeds": (2**63,)}, r"seeds must be whole numbers from 0 to 2\^63 - 1, got \[9223372036854775808\]\.  \[plan-seeds\]"),
        ({"seeds": (1.5,)}, r"seeds must be whole numbers .* got \[1\.5\]\.  \[plan-seeds\]"),
        ({"seeds": (True,)}, r"seeds must be whole numbers .* got \[True\]\.  \[plan-seeds\]"),
        ({"seeds": (5, 800_000), "pilot_seeds": (800_000,)}, r"the seeds 800000 are pilot seeds of this study; .*\[plan-seeds-pilot\]"),
        ({"asked_budget": 0}, r"budget must be a whole number of iterations from 1 to 100,000,000, got 0\.  \[plan-budget\]"),
        ({"asked_budget": 1e3}, r"budget must be a whole number of iterations from 1 to 100,000,000, got 1000\.0\.  \[plan-budget\]"),
        ({"budget": -4}, r"budget must be a whole number .* got -4\.  \[plan-budget\]"),
        ({"asked_target": math.inf}, r"target must be a finite cost, got inf\.  \[plan-target\]"),
        ({"asked_target": "low"}, r"target must be a finite cost, got 'low'\.  \[plan-target\]"),
        ({"tuning": "none"}, r'tuning="none" takes the rates as given, but none, before have no lr\. .*\[plan-rate-missing\]'),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(settings, message):
    with pytest.raises(PlanError, match=f"^{message}$"):
        plan(**settings)


def test_all_problems_of_a_plan_come_at_once():
    with pytest.raises(PlanError, match=r"^2 problems:\n.*\[plan-cost\]\n.*\[plan-alpha\]$") as caught:
        plan(cost="hinge", alpha=3)
    assert [p.slug for p in caught.value.problems] == ["plan-cost", "plan-alpha"]


def test_a_study_without_claims_only_measures():
    assert plan(claims=()).claims == ()


def test_the_pools_of_a_study_and_of_its_neighbours_never_overlap():
    pools = [run_seeds(seed, stage, 1000) for seed in (0, 1, 2) for stage in (CONFIRM, TUNE, PILOT)]
    assert len(set().union(*pools)) == 9000
    assert run_seeds(0, CONFIRM, 3) == (0, 1, 2)
    assert run_seeds(2, TUNE, 2) == (2_400_000, 2_400_001)
    assert run_seeds(1, PILOT, 1) == (1_800_000,)
    assert run_seeds(5, CONFIRM, 0) == ()
