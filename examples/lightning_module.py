"""A Lightning module: what Hunch uses of it, and what it does not.

A LightningModule is an `nn.Module`, so it can be given as it is. But Hunch trains by itself, for every arm alike: it
calls `forward` and applies its own cost, batches and optimizer. `training_step`, `configure_optimizers`, callbacks and
the Trainer are not used, so what they do is no part of what is compared; say it in the arms instead (`optimizer=`, …).
Given the plain network inside, nothing of Lightning is in the way, and a chain is trained by the fast engine.

    pip install 'hunch-lab[lightning]'
    python examples/lightning_module.py            # HUNCH_TINY=1 for a few seconds that decide nothing
"""

import os

import lightning
import torch
from torch import nn

import hunch

TINY = bool(os.environ.get("HUNCH_TINY"))


class Digits(lightning.LightningModule):
    """As one would write it for the Trainer."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, index):
        x, y = batch
        return nn.functional.cross_entropy(self(x), y)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main():
    """The same question about the plain network inside, and about the module as it is."""
    asked = {
        "arms": [hunch.Arm("none"), hunch.Arm("norm", norm="batch")],
        "claims": ["norm faster than none"],
        "base": hunch.Arm("base", optimizer="adam", lr=1e-3),  # what configure_optimizers says
        "budget": 10 if TINY else 400,
        "target": 2.3 if TINY else 0.5,
        "seeds": 6 if TINY else 12,
    }
    inside = hunch.compare(lambda: Digits().net, "digits", **asked)
    whole = hunch.compare(Digits, "digits", **asked)
    for name, study in (("the plain network", inside), ("the module as it is", whole)):
        print(f"{name} ({study.facts.engine} engine): {study}")
    return inside, whole


if __name__ == "__main__":
    main()
