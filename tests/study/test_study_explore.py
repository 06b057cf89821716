"""A trained study, asked what it did not declare: which runs answer, and what is said of their tuning."""

import math

import pytest

import hunch


@pytest.fixture
def study(blobs, build, tmp_path):
    """Tuned anew for every block, once for iterations and once for the held-out error; `other` in no claim."""
    claims = [hunch.faster("before", than="none"), hunch.lower_error("before", than="none")]
    arms = [hunch.Arm("none"), hunch.Arm("before", norm="batch"), hunch.Arm("other", l2=0.01)]
    made = hunch.compare(
        build, blobs, arms=arms, claims=claims, base=hunch.Arm("base", batch_size=16), budget=40, seeds=6,
        store=tmp_path / "s.hunch", progress=False,
    )  # fmt: skip
    return hunch.open(made.path)


def test_every_claim_is_answered_from_the_runs_that_were_tuned_for_it_if_there_are_any(study):
    faster, error = study.verdicts
    asked = [
        hunch.lower_error("before", than="none", margin=0.2),
        hunch.faster("before", than="none", margin=2.0),
        "before lower cost than none",
        "other lower error than none",
    ]
    found = study.explore(asked).answers
    assert [dict(f.tuned_for) for f in found] == [
        {"before": "held_out_error", "none": "held_out_error"},
        {"before": "iterations", "none": "iterations"},
        {"before": "iterations", "none": "iterations"},
        {"other": "iterations", "none": "iterations"},
    ]
    assert [f.is_own for f in found] == [True, True, False, False]
    assert [f.verdict.effect for f in found[:2]] == pytest.approx([error.effect, faster.effect], nan_ok=True)
    assert [f.declared for f in found] == [error.decision, faster.decision, "", ""]
    assert [f.verdict.seeds for f in found] == [6] * 4
    assert found[1].verdict.margin == pytest.approx(math.log(2))


def test_what_was_asked_leaves_study_and_file_as_they_were(study):
    before, told = study.path.read_bytes(), study.to_json()
    text = str(study.explore("other faster than none", target=0.9))
    assert text.startswith("exploratory: ")
    assert study.path.read_bytes() == before
    assert hunch.open(study.path).to_json() == told
