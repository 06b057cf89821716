"""Processes side by side: everything comes back, errors too, and nothing is left behind."""

import multiprocessing
import os
import time
from typing import Any

import pytest

from hunch.engine.team import can_fork, in_workers, usable_cores
from hunch.errors import EngineError, PlanError

pytestmark = pytest.mark.skipif(not can_fork(), reason="no workers on this system")


def doubled(task):
    yield task, 2 * task
    yield task, os.getpid()


def test_all_tasks_come_back_each_from_one_worker():
    got = list(in_workers(list(range(7)), doubled, 3))
    assert sorted((k, v) for k, (_, v) in got if v == 2 * k) == [(k, 2 * k) for k in range(7)]
    workers = {v for k, (_, v) in got if v != 2 * k}
    assert 1 <= len(workers) <= 3
    assert os.getpid() not in workers
    assert not multiprocessing.active_children()


def test_what_a_worker_raises_is_raised_here():
    def fails(task):
        if task == 2:
            raise PlanError("task 2 is wrong.", "plan-arms")
        yield task

    with pytest.raises(PlanError, match="task 2 is wrong"):
        list(in_workers([1, 2, 3], fails, 2))
    assert not multiprocessing.active_children()


def test_a_worker_that_dies_is_an_engine_error():
    def dies(task):
        yield task
        if task == 1:
            os._exit(9)

    with pytest.raises(EngineError, match=r"ended unexpectedly \(exit code 9\)"):
        list(in_workers([0, 1, 2], dies, 2))
    assert not multiprocessing.active_children()


def test_closing_ends_the_workers_at_once():
    def slow(task):
        yield task
        time.sleep(60)

    started = time.monotonic()
    running: Any = in_workers([0, 1], slow, 2)
    next(running)
    running.close()
    assert time.monotonic() - started < 10
    assert not multiprocessing.active_children()


def test_there_is_at_least_one_core():
    assert usable_cores() >= 1
