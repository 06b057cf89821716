"""The record of one run, and the facts of a study that rules and reports need."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, order=True)
class RunKey:
    """What makes a run that run, inside one study.

    Args:
        stage: `"pilot"`, `"tune"`, `"tune_held"`, `"confirm"` or `"train"`.
        arm: Name of the arm.
        seed: Run seed: what `torch.manual_seed` and `hunch.batches` take.
        lr: Learning rate.
        budget: Iterations that the run was given.
    """

    stage: str
    arm: str
    seed: int
    lr: float
    budget: int


@dataclass(frozen=True, eq=False)
class Trace:
    """The record of one run. Arrays are full length; what was not measured (after divergence) is NaN.

    Args:
        key: Which run.
        eval_at: Iterations of the evaluation grid, int64 (G,).
        cost: Cost on the training slice at `eval_at`, eval mode, without the L2 term, float64 (G,).
        held_at: Iterations at which everything held out was judged, int64 (H,).
        held_cost: Held-out cost at `held_at`, float64 (H,).
        held_error: Held-out error at `held_at`, float64 (H,): share wrong, or root mean squared error in the
            target's own unit.
        reading_at: Steps at which readings were taken, int64 (R,).
        readings: float32 (R, K, S): K readings in the order of `READING_NAMES`, without those that are derived and as
            a rule without those on request; S sites in the order of `StudyFacts.sites`; NaN where a reading does not
            apply. `reading_values` reads them.
        diverged_at: Iteration at which the run was found to have diverged; None if it did not.
        failed: Why the run could not be finished (an exception in the user's module); None if it was.
        wall_s: Seconds that the run took. Provenance, never compared.
        held_correct: Which held-out examples the network answered rightly at the end, uint8, one bit an example as
            `np.packbits` packs them (⌈n_held / 8⌉,). None where it was not recorded: no claim needs it,
            regression, a run that diverged or stopped early.
        held_losses: Cost of each held-out example at the end, float32 (n_held,), over several outputs their mean;
            the mean over examples is the last of `held_cost`, to rounding. None where it was not recorded: no
            claim needs it, a run that diverged or stopped early.
    """

    key: RunKey
    eval_at: np.ndarray
    cost: np.ndarray
    held_at: np.ndarray
    held_cost: np.ndarray
    held_error: np.ndarray
    reading_at: np.ndarray
    readings: np.ndarray
    diverged_at: int | None = None
    failed: str | None = None
    wall_s: float = 0.0
    held_correct: np.ndarray | None = None
    held_losses: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class SiteFact:
    """A place in the network, as built.

    Args:
        name: Qualified name of the linear layer, for instance `"0"` or `"features.3"`.
        n_in: Inputs of the layer.
        n_units: Outputs of the layer.
        activation: Name of the activation that follows; None for the last layer.
    """

    name: str
    n_in: int
    n_units: int
    activation: str | None


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What a study found out about network and data before training; rules and reports read it.

    Args:
        c0_train: Cost of predicting the class frequencies (regression: the mean) on the training slice.
        c0_held: The same on the held-out part.
        error0: Held-out error of the majority class (regression: of the training mean), like `held_error`.
        n_train: Training examples.
        n_held: Held-out examples.
        n_slice: Training examples on which the cost is judged.
        n_outputs: Outputs of the network.
        n_parameters: Trainable parameters of the network as built.
        sites: The sites, in execution order.
        data_source: Where the data come from.
        data_notes: What the data room had to say.
        network: The network in one line, for instance `"64 → 100 → 10, sigmoid"`.
        error_unit: `"share"` (wrong answers, 0..1) or `"target"` (root mean squared error).
        engine: Name of the engine.
        engine_reason: Why it was chosen, and what declined.
        engine_detail: Kernels, instruction level, device: what must be the same on resume.
        constant_right: 1 for each held-out example of the majority class, else 0, (n_held,): what the constant
            guess answers rightly. Empty where no claim needs it, and for regression.
        constant_losses: Cost of the constant prediction on each held-out example, (n_held,), of mean `c0_held`.
            Empty where no claim needs it.
    """

    c0_train: float
    c0_held: float
    error0: float
    n_train: int
    n_held: int
    n_slice: int
    n_outputs: int
    n_parameters: int
    sites: tuple[SiteFact, ...]
    data_source: str
    data_notes: tuple[str, ...]
    network: str
    error_unit: str
    engine: str
    engine_reason: str
    engine_detail: str
    constant_right: tuple[int, ...] = ()
    constant_losses: tuple[float, ...] = ()

    def in_short(self) -> dict[str, Any]:
        """All but what stands for single examples, as what JSON can hold."""
        told = asdict(self)
        del told["constant_right"], told["constant_losses"]
        return told


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where and when a study was made; no part of what must be equal byte for byte.

    Args:
        started: ISO time in UTC.
        versions: Pairs (package, version).
        machine: CPU, cores, operating system.
        train_wall_s: Seconds of training so far, all sessions together.
    """

    started: str
    versions: tuple[tuple[str, str], ...]
    machine: str
    train_wall_s: float = 0.0
