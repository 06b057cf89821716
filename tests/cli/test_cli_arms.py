"""Arms, base and claims as they are typed."""

import pytest

from hunch.cli.arms import parse_arms, parse_base, parse_claims
from hunch.errors import PlanError
from hunch.plan import Arm, faster, lower


@pytest.mark.parametrize(
    ("text", "arm"),
    [
        ("none", Arm("none")),
        ("before:norm=batch", Arm("before", norm="batch")),
        ("b:norm=batch,norm_at=after_activation", Arm("b", norm="batch", norm_at="after_activation")),
        ("bare:norm=none", Arm("bare", norm="none")),
        ("d:keep_prob=0.8,lr=1e-3", Arm("d", keep_prob=0.8, lr=1e-3)),
        ("d:keep_prob=0:0.8;layers.2:0.5", Arm("d", keep_prob={"0": 0.8, "layers.2": 0.5})),
        ("d:keep_prob=0:0.8", Arm("d", keep_prob={"0": 0.8})),
        ("a:optimizer=adam,betas=0.9;0.99", Arm("a", optimizer="adam", betas=(0.9, 0.99))),
        ("n:nesterov=true,momentum=0.9,batch_size=32", Arm("n", nesterov=True, momentum=0.9, batch_size=32)),
        ("n:decay_norm=no", Arm("n", decay_norm=False)),
        (" spaced : lr = 0.1 , l2 = 0 ", Arm("spaced", lr=0.1, l2=0.0)),
        ("none@2:init_std=2,", Arm("none@2", init_std=2.0)),
    ],
)
def test_an_arm_is_read_by_the_types_of_its_fields(text, arm):
    [found] = parse_arms([text])
    assert found == arm
    assert repr(found) == repr(arm), "types too: 0 is no 0.0, True is no 1"


def test_every_setting_of_an_arm_can_be_typed():
    typed = {
        "norm": "layer", "norm_at": "before_activation", "keep_prob": "0.5", "dropout": "gaussian",
        "l2": "0.1", "weight_decay": "0.1", "init_std": "2", "activation": "tanh", "optimizer": "sgd",
        "lr": "0.1", "momentum": "0.5", "nesterov": "yes", "betas": "0.8;0.9", "eps": "1e-6",
        "schedule": "cosine", "batch_size": "8", "keep_until": "0.5", "decay_norm": "on",
    }  # fmt: skip
    assert set(typed) == set(Arm.__slots__) - {"name"}
    [arm] = parse_arms(["all:" + ",".join(f"{key}={value}" for key, value in typed.items())])
    assert set(arm.to_json()) == set(Arm.__slots__)


@pytest.mark.parametrize(
    ("text", "slug", "words"),
    [
        ("", "cli-arm-form", "begins with its name"),
        (":norm=batch", "cli-arm-form", "begins with its name"),
        ("norm=batch", "cli-arm-form", "begins with its name"),
        ("before:", "cli-arm-form", "nothing follows the colon"),
        ("a:norm", "cli-arm-form", "'norm' is no setting. Write key=value"),
        ("a:norm=", "cli-arm-form", "'norm=' is no setting"),
        ("a:keep_prob=0:0.8,2:0.5", "cli-arm-form", "Sites are separated by semicolons"),
        ("a:lr=0.1,lr=0.2", "cli-arm-form", "lr is set twice"),
        ("a:nrom=batch", "plan-arm-setting", 'Did you mean "norm"'),
        ("a:keep-prob=0.8", "plan-arm-setting", 'Did you mean "keep_prob"'),
        ("a:p=0.2", "plan-arm-setting", "keep_prob=0.8 is PyTorch's p=0.2"),
        ("a:name=b", "plan-arm-setting", "'name' is not a setting"),
        ("a:lr=fast", "cli-arm-value", "lr must be a number, got 'fast'"),
        ("a:batch_size=1.5", "cli-arm-value", "batch_size must be a whole number, got '1.5'"),
        ("a:nesterov=maybe", "cli-arm-value", "nesterov must be true or false, got 'maybe'"),
        ("a:keep_prob=0:0.8;0:0.5", "cli-arm-value", "keep_prob must be a number, or one a site"),
        ("a:keep_prob=0:", "cli-arm-value", "keep_prob must be a number, or one a site"),
        ("a:keep_prob=0:1:2", "cli-arm-value", "keep_prob must be a number, or one a site"),
        ("a:betas=0.9;", "cli-arm-value", "betas must be numbers with semicolons"),
        ("a:keep_prob=20", "plan-keep-prob", "write keep_prob=0.8"),
        ("a:keep_prob=nan", "plan-keep-prob", "got nan"),
        ("a:norm=bacth", "plan-norm", "norm must be one of"),
        ("a:betas=0.9", "plan-betas", "betas must be two numbers"),
    ],
)
def test_an_arm_that_cannot_be_read_says_why_and_what_to_write(text, slug, words):
    with pytest.raises(PlanError) as caught:
        parse_arms([text])
    assert slug in [problem.slug for problem in caught.value.problems]
    assert words in str(caught.value)


def test_all_problems_of_all_arms_come_at_once():
    with pytest.raises(PlanError, match="4 problems") as caught:
        parse_arms(["a:nrom=batch,keep_prob=20", "fine", "b:lr=fast", "c:l2=-1"])
    assert [p.slug for p in caught.value.problems] == [
        "plan-arm-setting", "plan-keep-prob", "cli-arm-value", "plan-l2",
    ]  # fmt: skip


def test_the_base_arm_is_typed_without_a_name():
    assert parse_base(None) is None
    assert parse_base("lr=0.1,optimizer=adam") == Arm("base", lr=0.1, optimizer="adam")
    with pytest.raises(PlanError, match="--base 'adam': 'adam' is no setting"):
        parse_base("adam")


def test_claims_are_read_and_all_that_cannot_be_are_named():
    assert parse_claims(["a faster than b", "a lower saturated at 0 than b by 0.1"]) == [
        faster("a", than="b"),
        lower("saturated", "a", than="b", site="0", margin=0.1),
    ]
    with pytest.raises(PlanError, match="2 problems") as caught:
        parse_claims(["a beats b", "a faster than b", "b is better"])
    assert {problem.slug for problem in caught.value.problems} == {"plan-claim-form"}
