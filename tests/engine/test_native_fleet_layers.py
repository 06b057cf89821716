"""The kernels of fleets against torch: products, convolutions, pooling; odd shapes, gradients, wrong use."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from hunch.engine.fleet_convs import fleet_conv
from hunch.engine.fleet_norms import batch_norms
from hunch.engine.fleet_pools import largest
from hunch.engine.fleet_products import has_kernels, linear_layers, products, products_with_gradients
from hunch.engine.native_extension import native_absence, native_module

pytestmark = pytest.mark.skipif(bool(native_absence()), reason=native_absence() or "-")
TYPES = [torch.float64, torch.float32]
LEVELS = [] if native_absence() else native_module().levels()


@pytest.fixture(params=LEVELS, autouse=True)
def level(request, monkeypatch):
    """Each instruction level in turn; the extension looks at the variable whenever it is asked for kernels."""
    monkeypatch.setenv("HUNCH_ISA", request.param)


def close(a, b):
    scale = max(1.0, b.abs().max().item())
    return (a - b).abs().max().item() <= scale * (1e-12 if a.dtype == torch.float64 else 2e-5)


def normal(*shape, dtype, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("m", "k", "n"), [(5, 7, 9), (64, 64, 32), (16, 33, 17), (1, 1, 1), (7, 300, 10), (60, 3, 100)]
)
def test_products_are_torchs_whatever_the_steps_of_the_matrices(m, k, n, dtype):
    a, b, bias = (
        normal(3, m, k, dtype=dtype),
        normal(3, k, n, dtype=dtype, seed=1),
        normal(3, n, dtype=dtype, seed=2),
    )
    for left, right in itertools.product(
        (a, a.transpose(1, 2).contiguous().transpose(1, 2), normal(3, m, 2 * k, dtype=dtype)[:, :, ::2]),
        (b, b.transpose(1, 2).contiguous().transpose(1, 2), normal(3, k, 3 * n, dtype=dtype)[:, :, ::3]),
    ):
        assert close(products(left, right), torch.bmm(left, right))
        assert close(products(left, right, bias), torch.baddbmm(bias[:, None], left, right))


@pytest.mark.parametrize("dtype", TYPES)
def test_the_gradients_of_layers_and_products_are_torchs(dtype):
    x, w = (
        normal(2, 6, 5, dtype=dtype).requires_grad_(),
        normal(2, 7, 5, dtype=dtype, seed=1).requires_grad_(),
    )
    b = normal(2, 7, dtype=dtype, seed=2).requires_grad_()
    ours = torch.autograd.grad(linear_layers(x, w, b).sin().sum(), (x, w, b))
    theirs = torch.autograd.grad((x @ w.transpose(1, 2) + b[:, None]).sin().sum(), (x, w, b))
    assert all(close(a, c) for a, c in zip(ours, theirs, strict=True))
    v = w.transpose(1, 2)
    ours = torch.autograd.grad(products_with_gradients(x, v).sin().sum(), (x, w))
    theirs = torch.autograd.grad(torch.bmm(x, v).sin().sum(), (x, w))
    assert all(close(a, c) for a, c in zip(ours, theirs, strict=True))


SHAPES = [  # rows, images, channels, height, width, outs, kernel, padding
    (2, 3, 1, 8, 8, 6, (3, 3), (1, 1)),
    (3, 5, 6, 4, 4, 16, (3, 3), (1, 1)),
    (2, 7, 1, 28, 28, 6, (5, 5), (0, 0)),
    (2, 3, 6, 12, 12, 16, (5, 5), (0, 0)),
    (1, 2, 3, 5, 9, 7, (1, 1), (0, 0)),
    (2, 5, 4, 7, 5, 9, (3, 1), (1, 0)),
    (2, 3, 2, 1, 12, 5, (1, 3), (0, 2)),
    (2, 2, 3, 6, 6, 4, (5, 5), (4, 4)),
    (1, 9, 17, 9, 9, 33, (3, 3), (1, 1)),
    (2, 1, 2, 3, 3, 1, (3, 3), (0, 0)),
]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_way_of_a_convolution_gives_torchs_numbers_and_gradients(shape, dtype):
    rows, n, channels, height, width, outs, kernel, padding = shape
    x = normal(rows, n, channels, height, width, dtype=dtype).requires_grad_()
    w = normal(rows, outs, channels, *kernel, dtype=dtype, seed=1).requires_grad_()
    b = normal(rows, outs, dtype=dtype, seed=2).requires_grad_()

    def everything(out):
        return out, *torch.autograd.grad(out.sin().sum(), (x, w, b))

    theirs = everything(torch.stack([F.conv2d(x[r], w[r], b[r], padding=padding) for r in range(rows)]))
    for way in ("direct", "unfold", "grouped", "rows"):
        ours = everything(fleet_conv(x, w, b, (1, 1), padding, (1, 1), 1, way))
        assert all(close(a, c) for a, c in zip(ours, theirs, strict=True)), way


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [
        ((2, 2), (1, 1), (1, 1), 1),
        ((1, 2), (0, 1), (2, 1), 1),
        ((1, 1), (1, 1), (1, 1), 2),
        ((2, 1), (2, 0), (1, 2), 4),
    ],
)
def test_strides_dilations_and_groups_are_torchs_too(stride, padding, dilation, groups):
    x = normal(2, 3, 4, 9, 8, dtype=torch.float64).requires_grad_()
    w = normal(2, 8, 4 // groups, 3, 2, dtype=torch.float64, seed=1).requires_grad_()

    def everything(out):
        return out, *torch.autograd.grad(out.sin().sum(), (x, w))

    theirs = everything(
        torch.stack([F.conv2d(x[r], w[r], None, stride, padding, dilation, groups) for r in range(2)])
    )
    for way in ("direct", "unfold", "grouped", "rows"):
        ours = everything(fleet_conv(x, w, None, stride, padding, dilation, groups, way))
        assert all(close(a, c) for a, c in zip(ours, theirs, strict=True)), way


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("size", "kernel", "step"),
    [((8, 8), (2, 2), (2, 2)), ((7, 9), (2, 2), (2, 2)), ((9, 7), (3, 2), (2, 1)), ((5, 5), (5, 5), (1, 1))],
)
def test_pooling_is_torchs_also_where_numbers_are_equal(size, kernel, step, dtype):
    x = normal(3, 2, *size, dtype=dtype).relu().requires_grad_()  # half of the numbers are 0
    ours, theirs = largest(x, kernel, step), F.max_pool2d(x, kernel, step)
    assert torch.equal(ours, theirs)
    weights = normal(*ours.shape, dtype=dtype, seed=1)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), x)[0] for y in (ours, theirs))
    assert close(ours, theirs)


def test_a_nan_wins_the_pooling():
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 1, 2] = float("nan")
    assert torch.equal(largest(x, (2, 2), (2, 2)).isnan(), F.max_pool2d(x, 2).isnan())


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 3, 5, 6)])
def test_batch_norm_of_a_fleet_is_torchs_with_its_gradient(shape):
    x = normal(*shape, dtype=torch.float64).requires_grad_()
    ours, mean, variance = batch_norms(x, 1e-5)
    theirs = torch.stack([F.batch_norm(row, None, None, training=True) for row in x])
    assert close(ours, theirs)
    axes = (1, *range(3, x.ndim))
    assert close(mean.reshape(2, -1), x.mean(dim=axes))
    assert close(variance.reshape(2, -1), x.var(dim=axes, correction=0))
    ours, theirs = (torch.autograd.grad(y.sin().sum(), x)[0] for y in (ours, theirs))
    assert close(ours, theirs)


def test_what_the_kernels_cannot_take_goes_to_torch():
    assert not has_kernels(torch.zeros(1, dtype=torch.float16))
    assert has_kernels(torch.zeros(1), None)
    half = normal(2, 3, 4, dtype=torch.float32).bfloat16()
    assert torch.equal(products(half, half.transpose(1, 2)), torch.bmm(half, half.transpose(1, 2)))


def numbers(*shape, dtype=np.float32):
    return np.zeros(shape, dtype=dtype)


AB, C = (numbers(2, 3, 4), numbers(2, 4, 6)), numbers(2, 3, 6)
XW, Y = (numbers(1, 2, 3, 4, 4), numbers(1, 5, 3, 3, 3)), numbers(1, 2, 5, 2, 2)
WRONG = [
    ("fleet_products", (numbers(2, 3, 4), numbers(2, 5, 6), None, C), "b: axis 1 is 5, not 4"),
    ("fleet_products", (*AB, None, numbers(2, 3, 5)), "c has the wrong shape"),
    ("fleet_products", (AB[0], AB[1].astype(np.float64), None, C), "another number type"),
    ("fleet_products", (*AB, numbers(2, 5), C), "bias: axis 1 is 5, not 6"),
    ("fleet_products", (numbers(2, 3, 0), numbers(2, 0, 6), None, C), "no length"),
    (
        "fleet_products",
        (numbers(2, 4, 6)[:, ::2, ::2], numbers(2, 3, 5), None, numbers(2, 2, 5)),
        "without gaps",
    ),
    ("fleet_products", (numbers(3, 4, 4, dtype=np.int32), AB[1], None, C), "float32 or float64"),
    ("fleet_conv_forward", (XW[0], numbers(1, 5, 2, 3, 3), None, (0, 0), Y), "w: axis 2 is 2, not 3"),
    ("fleet_conv_forward", (XW[0], numbers(1, 5, 3, 5, 5), None, (0, 0), Y), "larger than the padded input"),
    ("fleet_conv_forward", (*XW, None, (-1, 0), Y), "padding is out of range"),
    ("fleet_conv_forward", (*XW, None, (0, 0), numbers(1, 2, 5, 2, 3)), "y: axis 4 is 3, not 2"),
    ("fleet_conv_backward", (*XW, Y, (0, 0), None, numbers(1, 5, 3, 3, 2), None), "w_grad: axis 4"),
    ("fleet_pool", (numbers(2, 4, 4), (5, 2), (2, 2), None, numbers(2, 1, 2)), "larger than the map"),
    ("fleet_pool", (numbers(2, 4, 4), (2, 2), (0, 2), None, numbers(2, 2, 2)), "at least 1"),
    ("fleet_pool", (numbers(2, 4, 4), (2, 2), (2, 2), numbers(2, 2, 3), numbers(2, 4, 4)), "y_grad: axis 2"),
]


@pytest.mark.parametrize(("name", "arguments", "words"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_wrong_use_of_the_binding_is_refused(name, arguments, words):
    with pytest.raises(ValueError, match=words):
        getattr(native_module(), name)(*arguments)
