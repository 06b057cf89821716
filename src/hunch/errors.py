"""Everything that can go wrong, grouped by what the user can do about it.

    HunchError
    ├── PlanError        (ValueError)           what you asked for does not fit together: change the call
    ├── DataError        (ValueError)           the data cannot be used as they are: mend or choose them
    ├── NetworkError     (ValueError)           `build` or its network does not fit: mend the network
    │   └── PlacementError                      a norm or dropout cannot stand there: choose a site yourself
    ├── UnsupportedError (NotImplementedError)  right, but not built: the text names the nearest thing that is
    ├── StoreError       (OSError)              the study file cannot be read or written
    └── EngineError      (RuntimeError)         training could not go on (out of memory, or a bug of ours)

A message answers five questions: what was wrong, where, what was received, what would be right, how to get
there. It ends with a slug in brackets; `docs/errors.md` lists them all. Expected failures of a run
(it diverged, it never reached the target) are values in the results, not exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a full sentence or two, and the slug that names it."""

    message: str
    slug: str


class HunchError(Exception):
    """Base class of all errors that Hunch raises on purpose.

    Args:
        message: What was wrong, where, what was received, what would be right, how to fix it.
        slug: A kebab-case name for the kind of error, listed in `docs/errors.md`.
    """

    def __init__(self, message: str, slug: str) -> None:
        """Keep the message and the slug; `str(error)` shows both."""
        self.problems: tuple[Problem, ...] = (Problem(message, slug),)
        super().__init__(f"{message}  [{slug}]")

    @property
    def slug(self) -> str:
        """The slug of the first problem."""
        return self.problems[0].slug

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by its problems: an error of a worker process is raised by its parent."""
        return _again, (type(self), self.problems)

    def __str__(self) -> str:
        """One line for one problem, a numbered list for several."""
        if len(self.problems) == 1:
            return f"{self.problems[0].message}  [{self.problems[0].slug}]"
        lines = [f"{len(self.problems)} problems:"]
        lines += [f"  {k}. {p.message}  [{p.slug}]" for k, p in enumerate(self.problems, 1)]
        return "\n".join(lines)

    @classmethod
    def raise_all(cls, problems: Iterable[Problem]) -> None:
        """Raise one error that lists all the problems; do nothing when there are none."""
        found = tuple(problems)
        if not found:
            return
        error = cls(found[0].message, found[0].slug)
        error.problems = found
        raise error


def _again(kind: type[HunchError], problems: tuple[Problem, ...]) -> HunchError:
    error = kind(problems[0].message, problems[0].slug)
    error.problems = problems
    return error


class PlanError(HunchError, ValueError):
    """What was asked for does not fit together."""


class DataError(HunchError, ValueError):
    """The data cannot be used as they are."""


class NetworkError(HunchError, ValueError):
    """`build` failed, or the network it made does not fit the data or the arm."""


class PlacementError(NetworkError):
    """A norm or dropout cannot stand at that site."""


class UnsupportedError(HunchError, NotImplementedError):
    """A sensible wish that Hunch cannot fulfil yet."""


class StoreError(HunchError, OSError):
    """The study file cannot be read or written."""


class EngineError(HunchError, RuntimeError):
    """Training could not go on."""


class HunchWarning(UserWarning):
    """Something the user should know, which stops nothing."""
