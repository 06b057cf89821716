"""A study made of formulas: small, deterministic, everything a function of the key of a run."""

import math
import os
import sys

# One thread: these run in many processes at once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from hunch.plan import READING_NAMES, Arm, Plan, evaluation_grid, faster, held_out_grid, lower, reading_grid
from hunch.traces import Provenance, RunKey, SiteFact, StudyFacts, Trace

BUDGET = 200
C0 = math.log(10)
RATES = {"none": 0.3, "before": 1.0}


def make_facts(**changes):
    given = {
        "c0_train": C0,
        "c0_held": 2.31,
        "error0": 0.9,
        "n_train": 1437,
        "n_held": 360,
        "n_slice": 512,
        "n_outputs": 10,
        "n_parameters": 27710,
        "sites": (SiteFact("0", 64, 100, "sigmoid"), SiteFact("2", 100, 10, None)),
        "data_source": "digits: 1,797 images of 8 × 8",
        "data_notes": ("20 % of the examples are held out, stratified.",),
        "network": "64 → 100 → 10, sigmoid",
        "error_unit": "share",
        "engine": "loop",
        "engine_reason": "plain PyTorch",
        "engine_detail": "cpu, one thread",
    }
    return StudyFacts(**(given | changes))


def make_provenance(**changes):
    given = {
        "started": "2025-03-01T12:00:00+00:00",
        "versions": (("python", "3.11.7"), ("hunch-lab", "0.1.0"), ("torch", "2.13.0")),
        "machine": "a test machine, 2 cores",
    }
    return Provenance(**(given | changes))


def make_plan(n_seeds=4, **changes):
    given = {
        "arms": (Arm("none").resolved(1437), Arm("before", norm="batch").resolved(1437)),
        "claims": (faster("before", than="none"), lower("saturation", "before", than="none")),
        "cost": "cross_entropy",
        "seeds": tuple(range(n_seeds)),
        "pilot_seeds": (800_000, 800_001),
        "data_hash": "d" * 64,
        "network_hash": "e" * 64,
    }
    return Plan(**(given | changes))


def freeze(plan, target=0.5):
    margins = [math.log(1.1) if claim.is_ratio else 0.05 for claim in plan.claims]
    return plan.freeze(
        budget=BUDGET, target=target, rates=RATES, margins=margins, notes=("Rates come from a pilot.",)
    )


def make_trace(arm, seed, *, stage="confirm", lr=None, diverged_at=None, failed=None, noise=0.05):
    rng = np.random.default_rng([seed, len(arm), len(stage)])
    at = np.array(evaluation_grid(BUDGET), dtype=np.int64)
    held_at = np.array(held_out_grid(BUDGET), dtype=np.int64)
    reading_at = np.array(reading_grid(BUDGET), dtype=np.int64)
    half = (60.0 if arm == "none" else 15.0) * math.exp(0.2 * rng.standard_normal())
    cost = C0 / (1 + (at / half) ** 2) * np.exp(noise * rng.standard_normal(len(at)))
    held = np.interp(held_at, at, cost) + 0.1
    readings = rng.random((len(reading_at), len(READING_NAMES), 2)).astype(np.float32)
    readings[:, :3, 1] = np.nan
    if diverged_at is not None:
        cost[at >= diverged_at] = np.nan
        held[held_at >= diverged_at] = np.nan
    if failed is not None:
        at, cost, held_at, held = at[:0], cost[:0], held_at[:0], held[:0]
        reading_at, readings = reading_at[:0], readings[:0]
    key = RunKey(stage, arm, seed, RATES[arm] if lr is None else lr, BUDGET)
    return Trace(
        key, at, cost, held_at, held, held / 3, reading_at, readings,
        diverged_at=diverged_at, failed=failed, wall_s=0.25 + seed / 7,
    )  # fmt: skip


def all_traces(plan):
    pilot = [make_trace(a.name, s, stage="pilot") for a in plan.arms for s in plan.pilot_seeds]
    return pilot + [make_trace(a.name, s) for s in plan.seeds for a in plan.arms]


def same_trace(a, b):
    """Equal to the bit, NaN like NaN."""
    arrays = ["eval_at", "cost", "held_at", "held_cost", "held_error", "reading_at", "readings"]
    for name in ("held_correct", "held_losses"):
        if (getattr(a, name) is None) != (getattr(b, name) is None):
            return False
        if getattr(a, name) is not None:
            arrays.append(name)
    return (
        (a.key, a.diverged_at, a.failed, a.wall_s) == (b.key, b.diverged_at, b.failed, b.wall_s)
        and all(getattr(a, n).dtype == getattr(b, n).dtype for n in arrays)
        and all(getattr(a, n).shape == getattr(b, n).shape for n in arrays)
        and all(getattr(a, n).tobytes() == getattr(b, n).tobytes() for n in arrays)
    )


def same_runs(left, right):
    left, right = list(left), list(right)
    return len(left) == len(right) and all(same_trace(a, b) for a, b in zip(left, right, strict=True))


def write_slowly(path, n_seeds):
    """Write or finish a study run by run, saying each run that is safe; for a process that will be killed."""
    from hunch.traces import open_or_create

    plan = make_plan(n_seeds)
    with open_or_create(path, plan, make_facts(), make_provenance()) as file:
        file.freeze(freeze(plan))
        print("open", flush=True)
        for trace in all_traces(plan):
            if trace.key not in file:
                file.append(trace)
                print(f"{trace.key.stage} {trace.key.arm} {trace.key.seed}", flush=True)
    print("closed", flush=True)


if __name__ == "__main__":
    write_slowly(sys.argv[1], int(sys.argv[2]))
