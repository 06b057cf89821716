"""How many groups a group norm gets."""

import pytest
from torch import nn

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


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (2, 1), (3, 1), (4, 2), (6, 3), (12, 6), (64, 32), (100, 25)]
)
def test_group_norm_of_maps_takes_the_most_groups_that_leave_two_channels_each(channels, groups):
    network = nn.Sequential(nn.Conv2d(1, channels, 3), nn.ReLU(), nn.Flatten(), nn.Linear(channels, 2))
    assert place(network, norm="group")[0].norm.num_groups == groups
