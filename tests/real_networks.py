"""Networks as their libraries have them, small and with random weights; nothing is downloaded.

Each case says how its inputs are drawn, and wraps what takes token ids or gives a dataclass in a module that takes
one array and gives (examples, outputs).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import any_networks as nets


class CifarBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut without weights: every second position, channels filled up with zeros."""

    def __init__(self, n_in: int, n_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.stride, self.more = stride, n_out - n_in

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = x[:, :, :: self.stride, :: self.stride]
        return F.relu(out + F.pad(short, (0, 0, 0, 0, self.more // 2, self.more - self.more // 2)))


class ResNet20(nn.Module):
    """He et al. 2016, section 4.2: 3×3 convolutions, n = 3 blocks of each of 16, 32 and 64 channels, 20 layers."""

    def __init__(self, width: int = 16, n_classes: int = 10):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        stages, n_in = [], width
        for n_out, stride in [(width, 1), (2 * width, 2), (4 * width, 2)]:
            stages.append(
                nn.Sequential(
                    CifarBlock(n_in, n_out, stride), CifarBlock(n_out, n_out, 1), CifarBlock(n_out, n_out, 1)
                )
            )
            n_in = n_out
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(4 * width, n_classes)

    def forward(self, x):
        x = self.stages(F.relu(self.bn(self.conv(x))))
        return self.head(x.mean(dim=(2, 3)))


class TakesTokens(nn.Module):
    """Token ids come as an array of floats; of a dataclass of outputs the logits are given."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x.long()).logits


class GivesLogits(nn.Module):
    """Of a dataclass of outputs the logits."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x).logits


class Averages(nn.Module):
    """A segmentation's scores, averaged over the positions: one row an example."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x).flatten(2).mean(dim=2)


def bert() -> nn.Module:
    """Two layers, 16 wide."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=12, num_labels=3,
    )  # fmt: skip
    return TakesTokens(BertForSequenceClassification(config))


def gpt2() -> nn.Module:
    """Two layers, 16 wide."""
    from transformers import GPT2Config, GPT2ForSequenceClassification

    config = GPT2Config(
        vocab_size=20, n_positions=12, n_embd=16, n_layer=2, n_head=2, num_labels=3, pad_token_id=0,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return TakesTokens(GPT2ForSequenceClassification(config))


def vit() -> nn.Module:
    """Two layers, 16 wide, patches of 4×4."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=8, patch_size=4,
        num_channels=1, num_labels=3,
    )  # fmt: skip
    return GivesLogits(ViTForImageClassification(config))


def resnet() -> nn.Module:
    """Basic blocks, two stages."""
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        num_channels=1, embedding_size=4, hidden_sizes=[4, 8], depths=[1, 2], layer_type="basic", num_labels=3
    )
    return GivesLogits(ResNetForImageClassification(config))


def unet() -> nn.Module:
    """Two levels with residual units."""
    from monai.networks.nets import UNet

    return Averages(
        UNet(spatial_dims=2, in_channels=1, out_channels=3, channels=(4, 8), strides=(2,), num_res_units=1)
    )


def densenet() -> nn.Module:
    """Two dense blocks."""
    from monai.networks.nets import DenseNet

    return DenseNet(2, 1, 3, init_features=4, growth_rate=4, block_config=(2, 2), bn_size=2)


def efficientnet() -> nn.Module:
    """Squeeze and excitation, swish."""
    from monai.networks.nets import EfficientNet

    blocks = ["r1_k3_s11_e1_i32_o16_se0.25", "r1_k3_s22_e6_i16_o24_se0.25"]
    return EfficientNet(
        blocks, spatial_dims=2, in_channels=1, num_classes=3, width_coefficient=0.25, depth_coefficient=1.0,
        dropout_rate=0.2, image_size=16, drop_connect_rate=0.0,
    )  # fmt: skip


def images(n: int, channels: int = 1, size: int = 8) -> Tensor:
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(n))


def tokens(n: int) -> Tensor:
    return torch.randint(3, 20, (n, 6), generator=torch.Generator().manual_seed(n)).float()


@dataclass(frozen=True)
class Real:
    """A network to hold Hunch against.

    Args:
        name: As the table in docs/networks.md has it.
        source: Where it is from.
        build: Makes it.
        inputs: Draws n examples.
        needs: The library; empty: none.
        fleets: Whether the batched engine trains it too.
    """

    name: str
    source: str
    build: Callable[[], nn.Module]
    inputs: Callable[[int], Tensor]
    needs: str = ""
    fleets: bool = True

    @property
    def is_there(self) -> bool:
        """Whether its library is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


REAL = (
    Real("LeNet", "tests/any_networks.py", nets.LeNet, images),
    Real("ResNet-20", "tests/real_networks.py", lambda: ResNet20(4), lambda n: images(n, 3)),
    Real("BERT", "transformers, BertForSequenceClassification", bert, tokens, "transformers", fleets=False),
    Real("GPT-2", "transformers, GPT2ForSequenceClassification", gpt2, tokens, "transformers", fleets=False),
    Real("ViT", "transformers, ViTForImageClassification", vit, images, "transformers"),
    Real(
        "ResNet",
        "transformers, ResNetForImageClassification",
        resnet,
        lambda n: images(n, 1, 16),
        "transformers",
    ),
    Real("U-Net", "monai, UNet", unet, images, "monai"),
    Real("DenseNet", "monai, DenseNet", densenet, lambda n: images(n, 1, 16), "monai"),
    Real(
        "EfficientNet", "monai, EfficientNet", efficientnet, lambda n: images(n, 1, 16), "monai", fleets=False
    ),
)
