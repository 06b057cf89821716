"""Networks that are no chains, as people write them; the tests of several rooms are held against them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


class FunctionalMLP(nn.Module):
    """Activations and dropout as functions."""

    def __init__(self, keep: float = 1.0):
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(64, 12), nn.Linear(12, 16), nn.Linear(16, 10)
        self.drop = 1 - keep

    def forward(self, x):
        x = F.relu(self.fc1(x))
        if self.drop:
            x = F.dropout(x, self.drop, training=self.training)
        return self.out(torch.sigmoid(self.fc2(x)))


class SmallCNN(nn.Module):
    """conv-bn-relu-pool twice, then linear layers; everything is a module."""

    def __init__(self, channels: int = 8, norm: bool = True):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.act2 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(8 * channels, 16)
        self.act3 = nn.Tanh()
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.pool(self.act1(self.bn1(self.conv1(x))))
        x = self.pool(self.act2(self.conv2(x)))
        return self.head(self.act3(self.fc(x.flatten(1))))


class LeNet(nn.Module):
    """As the PyTorch tutorial writes it: one pool and F.relu, dropout as a function."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1, self.fc2 = nn.Linear(32, 24), nn.Linear(24, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, p=0.25, training=self.training)
        return self.fc2(x)


class BasicBlock(nn.Module):
    """The block of a ResNet: one `relu` that is called twice, the second time behind a sum."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        same = stride == 1 and n_in == n_out
        self.shortcut = (
            nn.Sequential()
            if same
            else nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out))
        )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Two blocks."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.layers = nn.Sequential(BasicBlock(4, 4), BasicBlock(4, 8, 2))
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.layers(F.relu(self.bn(self.conv(x))))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class ResidualMLP(nn.Module):
    """x + second(act(first(x))) in a loop over an nn.ModuleList."""

    def __init__(self, depth: int = 2, width: int = 16):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "first": nn.Linear(width, 24),
                    "act": nn.ReLU(),
                    "drop": nn.Dropout(0.1),
                    "second": nn.Linear(24, width),
                }
            )
            for _ in range(depth)
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = torch.tanh(self.stem(x))
        for block in self.blocks:
            x = x + block["second"](block["drop"](block["act"](block["first"](x))))
        return self.head(x)


class LoopedMLP(nn.Module):
    """Layers in an nn.ModuleList, one activation and one dropout for all of them."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in [(64, 16), (16, 16), (16, 16)])
        self.act, self.drop = nn.GELU(), nn.Dropout(0.2)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        for layer in self.layers:
            x = self.drop(self.act(layer(x)))
        return self.head(x)


class Tied(nn.Module):
    """An autoencoder's weight tying: the decoder's weight is the encoder's."""

    def __init__(self):
        super().__init__()
        self.inner, self.act, self.outer = nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64)
        self.outer.weight = self.inner.weight
        self.act2 = nn.ReLU()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.act2(self.outer(self.act(self.inner(x)))))


class Recursive(nn.Module):
    """One layer called at two places."""

    def __init__(self):
        super().__init__()
        self.stem, self.act, self.again, self.head = (
            nn.Linear(64, 16),
            nn.ReLU(),
            nn.Linear(16, 16),
            nn.Linear(16, 10),
        )

    def forward(self, x):
        x = self.act(self.stem(x))
        x = torch.relu(self.again(x))
        x = torch.relu(self.again(x))
        return self.head(x)


class Tabular(nn.Module):
    """Embeddings of two categories, and numbers: two inputs."""

    def __init__(self):
        super().__init__()
        self.colour, self.shape = nn.Embedding(5, 3), nn.Embedding(7, 4)
        self.fc, self.act, self.head = nn.Linear(3 + 4 + 6, 16), nn.ReLU(), nn.Linear(16, 2)

    def forward(self, categories, numbers):
        x = torch.cat([self.colour(categories[:, 0]), self.shape(categories[:, 1]), numbers], dim=1)
        return self.head(self.act(self.fc(x)))


class Transformer(nn.Module):
    """Rows of an 8×8 image as eight tokens through one of torch's encoder layers."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 12)
        self.encoder = nn.TransformerEncoderLayer(12, 2, 20, dropout=0.1, batch_first=True)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x.reshape(-1, 8, 8))).mean(dim=1))


class Recurrent(nn.Module):
    """An LSTM over the rows of an 8×8 image."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 12, batch_first=True)
        self.fc, self.head = nn.Linear(12, 16), nn.Linear(16, 10)

    def forward(self, x):
        return self.head(F.relu(self.fc(self.lstm(x.reshape(-1, 8, 8))[0][:, -1])))


class DataDependent(nn.Module):
    """Goes one way or the other by its values: fx cannot trace it."""

    def __init__(self):
        super().__init__()
        self.fc1, self.act, self.fc2, self.head = (
            nn.Linear(64, 16),
            nn.ReLU(),
            nn.Linear(16, 16),
            nn.Linear(16, 10),
        )

    def forward(self, x):
        x = self.act(self.fc1(x))
        if x.sum() > -1:
            x = F.relu(self.fc2(x))
        return self.head(x)
