"""Run seeds: which numbers the runs of each stage take, so that no run that chose something decides."""

from __future__ import annotations

CONFIRM, TUNE, TUNE_HELD, PILOT, TRAIN = "confirm", "tune", "tune_held", "pilot", "train"
"""The stages. `tune_held` is tuning for held-out outcomes: trained on four fifths, judged on the fifth."""

POOLS = {CONFIRM: 0, TUNE: 400_000, PILOT: 800_000}
POOL_SIZE = 400_000  # of the confirm and of the tuning pool
SEEDS_PER_STUDY = 1_000_000
UNPAIRED_STRIDE = 10_000


def run_seeds(study_seed: int, stage: str, n: int) -> tuple[int, ...]:
    """The run seeds of one stage: study seed · 1,000,000 + pool + i.

    The pools (confirm 0, tune 400,000, pilot 800,000) never overlap, so that no run that chose a rate or a
    target is used again by a verdict.

    Example:
        >>> run_seeds(0, "pilot", 2)
        (800000, 800001)
    """
    start = study_seed * SEEDS_PER_STUDY + POOLS[stage]
    return tuple(range(start, start + n))


def tune_seed(study_seed: int, n_arms: int, arm: int, block: int) -> int:
    """The run seed on which an arm is tuned in a block: its own, shared with no arm and no other block.

    Args:
        study_seed: The study seed.
        n_arms: Number of arms of the study.
        arm: Position of the arm.
        block: Position of the block, counted from 0.

    Example:
        >>> tune_seed(0, 2, 1, 3)
        400007
    """
    return study_seed * SEEDS_PER_STUDY + POOLS[TUNE] + block * n_arms + arm
