"""Instead of an engine: learning curves that are drawn, so that whole studies can be made by the hundred."""

import math
import zlib
from dataclasses import replace

import numpy as np

from hunch.engine import Result
from hunch.engine.contract import empty_trace
from hunch.traces import StudyFacts


class Curves:
    """Instead of an engine: draws the trace of a run, a function of its job alone."""

    name = "made"

    def __init__(self, faster_a=1.0):
        self.faster_a = faster_a

    def detail(self):
        return "made"

    def train(self, setting, jobs, *, keep_networks=False):
        for job in jobs:
            yield Result(job, self.trace(setting, job))

    def trace(self, setting, job):
        key, c0 = job.key, math.log(3)
        seed_luck = np.random.default_rng([1, job.stream_seed]).normal()
        rng = np.random.default_rng([2, job.stream_seed, zlib.crc32(f"{key.arm} {key.lr:.4g}".encode())])
        tuned = -1.0 * (math.log(key.lr / 0.3) / math.log(10)) ** 2  # a decade off costs a unit of log speed
        speed = 0.05 * math.exp(tuned + 0.2 * seed_luck + 0.35 * rng.normal())
        speed *= self.faster_a if key.arm == "a" else 1.0
        floor = 0.02 * math.exp(0.2 * rng.normal())
        trace = empty_trace(setting, key)
        at = trace.eval_at.astype(float)
        curve = floor + (c0 - floor) * np.exp(-speed * at) * np.exp(0.02 * rng.normal(size=len(at)))
        trace.cost[:] = curve
        trace.held_cost[:] = curve[np.searchsorted(trace.eval_at, trace.held_at)]
        trace.held_error[:] = 0.5
        return replace(trace, wall_s=0.001)


class Memory:
    """Instead of a study file."""

    def __init__(self):
        self.kept = []

    def append(self, trace):
        self.kept.append(trace)

    def traces(self):
        return list(self.kept)


def facts():
    return StudyFacts(
        c0_train=math.log(3), c0_held=math.log(3), error0=2 / 3, n_train=48, n_held=12, n_slice=48, n_outputs=3,
        n_parameters=9, sites=(), data_source="made", data_notes=(), network="made", error_unit="share",
        engine="made", engine_reason="", engine_detail="made",
    )  # fmt: skip


def limit(n_studies, promised=0.05):
    """What is promised, and 3 Monte-Carlo errors."""
    return promised + 3 * math.sqrt(promised * (1 - promised) / n_studies)
