"""A convolution network on the digits as 8 × 8 images: does batch norm help it, and at what price in time?

Any `nn.Module` will do: Hunch finds its layers and places norm and dropout in copies of it. Networks that are no chain
of linear layers are trained by plain PyTorch, one run after another, which is slower.

    python examples/convnet.py            # HUNCH_TINY=1 for a few seconds that decide nothing
"""

import os

from torch import nn

import hunch

TINY = bool(os.environ.get("HUNCH_TINY"))


class ConvNet(nn.Module):
    """Two convolutions and a linear layer; 8 × 8 pixels in, 10 classes out."""

    def __init__(self):
        super().__init__()
        self.image = nn.Unflatten(1, (1, 8, 8))
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classify = nn.Linear(16 * 2 * 2, 10)

    def forward(self, pixels):
        return self.classify(self.features(self.image(pixels)).flatten(1))


def main():
    """Compare, print, and write the page."""
    study = hunch.compare(
        ConvNet,  # a class is a function that makes a network
        "digits",
        arms=[hunch.Arm("none"), hunch.Arm("norm", norm="batch"), hunch.Arm("drop", keep_prob=0.8)],
        claims=["norm faster than none", "norm lower error than none", "drop lower error than none"],
        tuning="none" if TINY else "once",
        base=hunch.Arm("base", lr=0.1 if TINY else None, optimizer="momentum"),
        budget=8 if TINY else 300,
        target=2.2 if TINY else None,
        seeds=6 if TINY else 12,
        store=None if TINY else "convnet.hunch",
    )
    print(study)
    print(study.report("convnet.html"))
    return study


if __name__ == "__main__":
    main()
