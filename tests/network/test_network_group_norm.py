"""How many groups a group norm gets."""

import pytest

from hunch.network import mlp, place


@pytest.mark.parametrize(
    ("width", "groups"),
    [
        (1, 1),
        (7, 1),
        (8, 1),
        (12, 1),
        (16, 2),
        (31, 1),
        (32, 4),
        (64, 8),
        (96, 12),
        (100, 10),
        (256, 32),
        (512, 32),
    ],
)
def test_group_norm_takes_the_most_groups_up_to_32_that_leave_eight_units_each(width, groups):
    assert place(mlp([2, width, 2])(), norm="group").get_submodule("0_norm").num_groups == groups
