"""`test_all`: every hunch of the catalogue, one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from torch import nn

from hunch.catalogue import find, hunches
from hunch.data import load
from hunch.errors import HunchError, PlanError, StoreError
from hunch.results import HunchAnswers, Tested, as_answer, place_of
from hunch.study.hunches import test
from hunch.study.progress import Reporter
from hunch.study.recall import sharing_runs


def test_all(
    build: Callable[[], nn.Module] | None = None,
    data: Any = None,
    *,
    quick: bool = False,
    only: Sequence[str] | None = None,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
    **compares: Any,
) -> HunchAnswers:
    """Test every hunch of the catalogue, as `hunch.test` does one.

    Runs that several hunches have in common are trained once. A hunch that does not fit the network or the data, or a
    keyword that was given, is left out, and the answer says why.

    Args:
        build: Makes the network. None: each hunch's own.
        data: As for `compare`. None: the embedded digits.
        quick: Whether to test each by its quick plan.
        only: Names of the hunches to test. None: all of them.
        store: A folder, which is made, for a study file a hunch and regime; the same call goes on from there. None:
            nothing is stored.
        progress: Whether to say on stderr how each came out, as it is done.
        **compares: Any keyword of `compare` but `arms` and `claims`; what is given goes before the hunches' plans.

    Returns:
        The answers: `print` shows a line a hunch, `.frame()` has a row a verdict, `.report("page.html")` writes pages.

    Raises:
        PlanError: If a name is not in the catalogue, or no hunch could be tested; and what the first of them raised.
        DataError: If the data cannot be used.
        StoreError: If a study file cannot be used.

    Example:
        >>> import hunch
        >>> answers = hunch.test_all(only=["bn-fewer-iterations"], seeds=6, budget=30, target=2.2, progress=False,
        ...                          base=hunch.Arm("base", lr=1.0))
        >>> len(answers)
        1
    """
    refused = [word for word in ("arms", "claims") if word in compares]
    if refused:
        raise PlanError(
            f"every hunch brings {' and '.join(refused)} of its own; {refused[0]}= cannot be given. Use hunch.compare "
            "for a comparison of your own.",
            "plan-hunch-keyword",
        )
    wanted = hunches() if only is None else tuple(find(name) for name in only)
    loaded = load(
        "digits" if data is None else data,
        y=compares.pop("y", None),
        missing=compares.pop("missing", "error"),
    )
    folder = None if store is None else _made(Path(store))
    reporter, tested = Reporter(progress), list[Tested]()
    left_out: dict[str, str] = {}
    errors: list[HunchError] = []
    with sharing_runs():
        for k, full in enumerate(wanted, 1):
            hunch = full.quickly() if quick else full
            place = None if folder is None else place_of(hunch, folder, alone=build is not None)
            started = time.monotonic()
            try:
                found = test(
                    hunch.name, build, loaded, quick=quick, store=place, progress=progress and not quick, **compares
                )  # fmt: skip
            except StoreError:
                raise
            except HunchError as error:
                if error.slug.startswith(
                    "store-"
                ):  # the folder holds something else: going on would not help
                    raise
                errors.append(error)
                left_out[hunch.name] = str(error)
                reporter.say(f"{k} of {len(wanted)}  left out   {hunch.name}: {error}")
                continue
            one = Tested(hunch, as_answer(hunch, found), time.monotonic() - started, place)
            tested.append(one)
            reporter.say(f"{k} of {len(wanted)}  {told(one)}")
    if errors and not tested:
        raise errors[0]
    return HunchAnswers(tested, left_out, store=folder)


test_all.__test__ = False  # type: ignore[attr-defined]  # pytest must not take the verb for a test


def told(one: Tested) -> str:
    """How a hunch came out, in one line."""
    parts = (f"first claim {one.first}", f"{one.seeds} seeds", f"{one.seconds:.1f} s")
    return f"{one.answer.summary.word}  {one.hunch.name}: {'; '.join(parts)}"


def _made(folder: Path) -> Path:
    """The folder.

    Raises:
        PlanError: If there is a file in its place.
        StoreError: If it cannot be made.
    """
    if folder.is_file():
        raise PlanError(
            f"store={str(folder)!r} is a file, and many hunches are stored in a file each. Name a folder, which need "
            "not exist.",
            "plan-hunch-store",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {folder}: {error.strerror or error}. Name one where you may write.",
            "store-write",
        ) from error
    return folder
