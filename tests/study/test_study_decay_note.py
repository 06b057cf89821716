"""What is said of an arm's L2 before it is trained."""

import pytest

import any_networks as nets
import hunch
from hunch.data import load
from hunch.network import build_network, place_arm
from hunch.study.decay_note import decay_sentence, told_once
from hunch.study.setup import check_arms

BUILD = hunch.mlp([64, 12, 10], "relu")


@pytest.fixture(scope="module")
def digits():
    data = load("digits")
    return load((data.x[:60], data.y[:60], data.x_held[:20], data.y_held[:20]))


def said(build, data, *arms):
    resolved = tuple(arm.resolved(data.n) for arm in arms)
    return check_arms(build_network(build, 0), resolved, data, data.n)


def test_it_is_said_where_l2_only_sets_the_effective_learning_rate(digits):
    arms = [
        hunch.Arm("plain", l2=0.1, lr=0.1),
        hunch.Arm("none", norm="batch", lr=0.1),
        hunch.Arm("a", norm="batch", l2=0.1, lr=0.1),
        hunch.Arm("b", norm="batch", l2=0.2, lr=0.1),
        hunch.Arm("layer", norm="layer", l2=0.1, lr=0.1),
    ]
    assert said(BUILD, digits, *arms) == (
        'Arms "a", "b": L2 acts on 888 weights, of which 768 are followed by a norm: there it sets only the '
        "effective learning rate.",
    )


def test_it_is_said_of_any_network_with_the_numbers_of_the_arm_s_own_norms(digits):
    shape = (-1, 1, 8, 8)
    data = load((digits.x.reshape(shape), digits.y, digits.x_held.reshape(shape), digits.y_held))
    few, all_ = said(
        nets.SmallCNN,
        data,
        hunch.Arm("own", optimizer="adamw", weight_decay=0.1, lr=0.1),
        hunch.Arm("batch", norm="batch", l2=0.1, lr=0.1),
    )
    assert few.startswith('Arm "own": weight decay acts on 2,408 weights, of which 72 are followed by a norm')
    assert all_.startswith('Arm "batch": L2 acts on 2,408 weights, of which 2,248 are followed by a norm')


def test_both_penalties_are_one(digits):
    arm = hunch.Arm("x", norm="batch", l2=0.1, weight_decay=0.1, optimizer="adamw", lr=0.1).resolved(60)
    network = place_arm(build_network(BUILD, 0), arm)
    sentence = decay_sentence(network, arm, None)
    assert sentence.startswith("its penalty (L2 and weight decay) acts on 888 weights, of which 768")


def test_many_arms_are_told_once():
    assert told_once((f"l2={k}", "x") for k in range(9)) == (
        'Arms "l2=0", "l2=1", "l2=2", "l2=3" and 5 more: x.',
    )
    assert told_once([("a", "")]) == ()


def test_a_study_says_it_before_the_first_run(digits, capsys):
    data = (digits.x, digits.y)
    arms = [hunch.Arm("none", lr=0.1), hunch.Arm("both", norm="batch", l2=0.1, lr=0.1)]
    hunch.compare(BUILD, data, arms=arms, claims=[], budget=4, seeds=2, target=1.0, progress=True)
    text = "".join(capsys.readouterr())
    assert "effective learning rate" in " ".join(text.split())
