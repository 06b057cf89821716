import pytest

import hunch


@pytest.mark.parametrize(
    "name", ["bn-fewer-iterations", "bn-before-activation", "bn-keeps-units-unsaturated"]
)
def test_each_hunch_runs_on_the_embedded_digits(name):
    study = hunch.test(name, seeds=2, budget=10, target=2.2, base=hunch.Arm("base", lr=0.5), progress=False)
    assert study.verdicts


def test_a_hunch_runs_on_the_users_own_network_and_data(blobs):
    study = hunch.test(
        "bn-fewer-iterations", hunch.mlp([8, 6, 3], "tanh"), blobs, seeds=2, budget=10, target=1.0,
        base=hunch.Arm("base", lr=0.5), progress=False,
    )  # fmt: skip
    assert study.facts.network == "8 → 6 → 3, tanh"


def test_an_unknown_hunch_is_refused_with_the_nearest_name():
    with pytest.raises(hunch.PlanError, match="bn-fewer-iterations"):
        hunch.test("bn-fewer-iteration", progress=False)


@pytest.mark.slow
def test_batch_norm_needs_fewer_iterations_on_the_embedded_digits():
    study = hunch.test("bn-fewer-iterations", progress=False)
    assert study.verdicts[0].decision == "supported"
