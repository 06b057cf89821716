"""How many blocks, and when they are looked at: what was asked, read and refused together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hunch.errors import PlanError, Problem
from hunch.plan import CONFIRM, Plan, run_seeds
from hunch.stats import planned_looks

MEASURE_SEEDS = 20  # where nothing is claimed, and so nothing ends the study
FIRST_ANYTIME = 5
MOST_SEEDS = 100_000


@dataclass(frozen=True)
class Blocks:
    """The blocks of a plan.

    Args:
        seeds: Run seeds, one a block.
        looks: Numbers of blocks after which claims are decided.
        sequence: `"planned"` or `"anytime"`.
        problems: What was wrong; the rest is then only there so that the plan can be checked too.
    """

    seeds: tuple[int, ...]
    looks: tuple[int, ...]
    sequence: str
    problems: tuple[Problem, ...] = ()

    def with_problems(self, **settings: Any) -> Plan:
        """The plan with these blocks.

        Args:
            **settings: The other fields of `Plan`.

        Raises:
            PlanError: If something does not fit, here or there; lists every problem.
        """
        problems = list(self.problems)
        try:
            plan = Plan(seeds=self.seeds, looks=self.looks, sequence=self.sequence, **settings)
        except PlanError as error:
            PlanError.raise_all([*problems, *error.problems])
            raise
        PlanError.raise_all(problems)
        return plan


def read_blocks(
    seeds: Sequence[int] | int | None,
    seed: int,
    max_seeds: int,
    looks: Sequence[int] | str,
    *,
    measures_only: bool = False,
) -> Blocks:
    """The run seeds of the confirm stage, and the looks.

    Args:
        seeds: A list of run seeds, a number, or None: as many as the verdicts need, up to `max_seeds`.
        seed: The study seed.
        max_seeds: The most seeds.
        looks: `"planned"`: with `seeds=None` a few, calibrated looks; with given seeds one, at the end.
            `"anytime"`: after every block from the fifth on. A list: after these numbers of blocks.
        measures_only: Whether nothing is claimed: then nothing is looked at before the end.
    """
    problems: list[Problem] = []
    if not _is_count(max_seeds):
        problems.append(
            Problem(
                f"max_seeds must be a whole number from 1 to 100,000, got {max_seeds!r}. The default is 80.",
                "plan-seeds",
            )
        )
        max_seeds = 80
    given = _listed_looks(looks, problems)
    run = _given_seeds(seeds, seed, problems)
    if run is None:
        n = min(MEASURE_SEEDS, max_seeds) if measures_only else max_seeds
        if given:
            n = given[-1]
            if n > max_seeds:
                problems.append(
                    Problem(
                        f"the last look, at {n} blocks, is beyond max_seeds={max_seeds}. Write "
                        f"max_seeds={n}, "
                        "or earlier looks.",
                        "plan-looks",
                    )
                )
                n = max_seeds
                given = (*(look for look in given if look < n), n)
        run = run_seeds(seed, CONFIRM, n)
    n = len(run)
    if measures_only or n == 0:
        return Blocks(run, (n,) if n else (), "planned", tuple(problems))
    if given:
        return Blocks(run, given, "planned", tuple(problems))
    if looks == "anytime":
        return Blocks(run, tuple(range(min(FIRST_ANYTIME, n), n + 1)), "anytime", tuple(problems))
    return Blocks(run, planned_looks(n) if seeds is None else (n,), "planned", tuple(problems))


def _listed_looks(looks: Any, problems: list[Problem]) -> tuple[int, ...]:
    """The looks of a list, empty for a word; what is wrong with the numbers is left for the plan to say."""
    if isinstance(looks, str) and looks in ("planned", "anytime"):
        return ()
    if isinstance(looks, str | bytes) or not hasattr(looks, "__iter__"):
        problems.append(
            Problem(
                f"looks must be 'planned', 'anytime' or a list of numbers of blocks, got {looks!r}. Write "
                "for instance looks=[10, 20, 40].",
                "plan-looks",
            )
        )
        return ()
    listed = tuple(looks)
    if not listed or not all(_is_count(n) for n in listed):
        problems.append(
            Problem(
                f"looks must be whole numbers of blocks from 1 on, got {list(listed)!r}. Write "
                "looks=[10, 20, 40].",
                "plan-looks",
            )
        )
        return ()
    if any(n < FIRST_ANYTIME for n in listed):
        problems.append(
            Problem(
                f"no look may be before {FIRST_ANYTIME} blocks, got looks={list(listed)!r}: so few decide "
                f"nothing. Write looks of {FIRST_ANYTIME} or more.",
                "plan-looks",
            )
        )
    return listed


def _given_seeds(seeds: Any, seed: int, problems: list[Problem]) -> tuple[int, ...] | None:
    """The run seeds that were asked for; None for as many as needed."""
    if seeds is None:
        return None
    problem = ""
    if is_one_number(seeds):
        if 1 <= int(seeds) <= MOST_SEEDS:
            return run_seeds(seed, CONFIRM, int(seeds))
        problem = f"seeds must be at least 1 and at most 100,000, got {seeds}. A verdict needs at least 6."
    elif isinstance(seeds, str | bytes | bool) or not hasattr(seeds, "__iter__"):
        problem = f"seeds must be a number or a list of run seeds, got {seeds!r}. Write seeds=20."
    else:
        # NumPy integers are welcome; anything that is not whole is left as it is for the plan to refuse.
        listed = tuple(int(s) if hasattr(s, "__index__") else s for s in seeds)
        if listed:
            return listed
        problem = "seeds is an empty list; a study needs at least one. Write seeds=20."
    problems.append(Problem(problem, "plan-seeds"))
    return ()


def is_one_number(seeds: object) -> bool:
    """Whether seeds is a number of them, and no list of them: arrays and tensors have an `__index__` too.

    Example:
        >>> import numpy as np
        >>> is_one_number(np.int64(3)), is_one_number(np.arange(3))
        (True, False)
    """
    return hasattr(seeds, "__index__") and not isinstance(seeds, bool) and not getattr(seeds, "ndim", 0)


def _is_count(value: object) -> bool:
    is_whole = hasattr(value, "__index__") and not isinstance(value, bool)
    return is_whole and 1 <= int(value) <= MOST_SEEDS  # type: ignore[call-overload]
