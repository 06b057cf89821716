"""`test`: a hunch of the catalogue, on the embedded data or on the user's own network."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from torch import nn

from hunch.catalogue import Hunch, Regime, find
from hunch.data import Data, load
from hunch.errors import PlanError, StoreError
from hunch.network import mlp
from hunch.plan import is_number
from hunch.results import HunchAnswer, Study, slug
from hunch.study.compare import compare
from hunch.study.progress import Reporter
from hunch.study.tunability import tunability

YOURS = "your network"
ALPHA = 0.05
OF_TUNABILITY = set(inspect.signature(tunability).parameters)
USUAL = {name: one.default for name, one in inspect.signature(compare).parameters.items()}
"""The defaults of `compare`: what has its default was not asked for."""


def test(
    name: str,
    build: Callable[[], nn.Module] | None = None,
    data: Any = None,
    *,
    quick: bool = False,
    **compares: Any,
) -> Study | HunchAnswer:
    """Test a hunch of the catalogue.

    A hunch with regimes is tested in each of them, on the same confirm seeds. alpha is shared by all claims, those of
    the regimes and those across them. On a network of your own there is one regime, that network.

    Args:
        name: Name of the hunch; `hunch list` shows them.
        build: Makes the network. None: the hunch's own, its first and last width as the data ask.
        data: As for `compare`. None: the embedded digits.
        quick: Whether to test it by its quick plan, for a first answer within seconds: fewer seeds, and for some
            hunches fewer iterations, fewer regimes, or rates that are tuned once.
        **compares: Any keyword of `compare`; what is given goes before the hunch's plan. Nothing is stored
            unless `store=` is given (a folder, where there are several regimes), and tuning is the hunch's, as a rule
            `"auto"`: replicated where a fast engine serves, else once.

    Returns:
        The study; for a hunch with regimes, or about two knobs, a `HunchAnswer`.

    Raises:
        PlanError: If there is no such hunch, or a keyword does not go with it; and what `compare` raises.

    Example:
        >>> import hunch
        >>> study = hunch.test("bn-fewer-iterations", seeds=6, budget=30, target=2.2, progress=False,
        ...                    base=hunch.Arm("base", lr=1.0))
        >>> len(study.verdicts)
        1
    """
    hunch = find(name).quickly() if quick else find(name)
    settings: dict[str, Any] = {
        "metric": hunch.metric,
        "seeds": hunch.seeds,
        "budget": hunch.budget,
        "seed": hunch.seed,
        **compares,
    }
    reporter = Reporter(bool(settings.get("progress", True)))
    data = "digits" if data is None else data
    if build is None:
        data = load(data, y=settings.pop("y", None), missing=settings.pop("missing", "error"))
    builds, notes = _networks(hunch, build, data)
    for sentence in notes:
        reporter.say(sentence)
    if hunch.finer is not None:
        return _tune(hunch, builds, data, settings, notes)
    if not hunch.regimes:
        [(regime, each)] = builds
        given = _of(regime) | settings
        return compare(each, data, **given)
    return _compare_all(hunch, builds, data, settings, notes, reporter)


test.__test__ = False  # type: ignore[attr-defined]  # pytest must not take the verb for a test

Builds = list[tuple[Regime, Callable[[], nn.Module]]]


def _networks(hunch: Hunch, build: Callable[[], nn.Module] | None, data: Any) -> tuple[Builds, list[str]]:
    """(regimes, filled in, with what makes their network; what the reader must know of that)."""
    if build is not None:
        yours = hunch.filled(Regime(name=YOURS, widths=(), activation=""))
        return [(yours, build)], _left_out(hunch)
    regimes = [_fitted(regime, data) for regime in hunch.tested_in]
    notes: list[str] = []
    if any(new.widths != old.widths for new, old in zip(regimes, hunch.tested_in, strict=True)):
        notes.append(
            f"The networks have {regimes[0].widths[0]:,} inputs and {regimes[0].widths[-1]:,} outputs here, as the "
            f"data ask: {'; '.join(dict.fromkeys(regime.network for regime in regimes))}."
        )
    return [(regime, mlp(regime.widths, regime.activation)) for regime in regimes], notes


def _fitted(regime: Regime, data: Data) -> Regime:
    """The regime with the first and the last width that the data ask for."""
    n_in = math.prod(data.x.shape[1:])
    n_out = data.n_classes if data.labels else math.prod(data.y.shape[1:])
    return replace(regime, widths=(n_in, *regime.widths[1:-1], n_out))


def _left_out(hunch: Hunch) -> list[str]:
    """What a network of the user's own leaves out."""
    if not hunch.regimes:
        return []
    names = ", ".join(regime.name for regime in hunch.regimes)
    if hunch.finer is None and not hunch.claims:
        raise PlanError(
            f"{hunch.name} is only about the networks that it brings ({names}), and says nothing of one alone. Leave "
            "the network out: your data may be your own.",
            "plan-hunch-network",
        )
    asked = hunch.finer.text if hunch.finer else "; ".join(claim.text for claim in hunch.claims)
    notes = [
        f"On a network of your own there is one regime, that network, and what is asked of it is: {asked}. The hunch's "
        f"own regimes ({names}) are left out."
    ]
    if hunch.across:
        across = "; ".join(claim.text for claim in hunch.across)
        notes.append(f"So are the claims across them: {across}. Leave the network out to test those.")
    return notes


def _of(regime: Regime) -> dict[str, Any]:
    """What a regime, filled in, gives `compare`."""
    return {"arms": regime.arms, "claims": regime.claims, "base": regime.base, "tuning": regime.tuning}


def _compare_all(
    hunch: Hunch, builds: Builds, data: Any, settings: dict[str, Any], notes: list[str], reporter: Reporter
) -> HunchAnswer:
    """Every regime as a study of its own, at its share of alpha."""
    for word in ("arms", "claims"):
        if word in settings:
            raise PlanError(
                f"{hunch.name} is tested in regimes that bring {word} of their own; {word}= cannot be given. Use "
                "hunch.compare for a comparison of your own.",
                "plan-hunch-keyword",
            )
    alpha, store = settings.pop("alpha", ALPHA), settings.pop("store", None)
    several = len(builds) > 1
    files = _files(store, [regime.name for regime, _ in builds]) if several else {builds[0][0].name: store}
    n_claims = sum(len(regime.claims or ()) for regime, _ in builds) + (len(hunch.across) if several else 0)
    studies: dict[str, Study] = {}
    with _folder(store if several else None):
        for k, (regime, build) in enumerate(builds):
            if several:
                reporter.say(f"Regime {k + 1} of {len(builds)}: {regime.name} ({regime.network})")
            given = {
                **_of(regime),
                "alpha": _share(alpha, len(regime.claims or ()), n_claims),
                "store": files[regime.name], **settings,
            }  # fmt: skip
            studies[regime.name] = compare(build, data, **given)
    return HunchAnswer(hunch, studies, alpha=alpha, notes=notes)


def _tune(hunch: Hunch, builds: Builds, data: Any, settings: dict[str, Any], notes: list[str]) -> HunchAnswer:
    """Two knobs side by side on the network of every regime."""
    assert hunch.finer is not None
    asked = {name: value for name, value in settings.items() if name not in OF_TUNABILITY and name != "base"}
    unfit = sorted(name for name, value in asked.items() if value != USUAL.get(name))
    if unfit:
        raise PlanError(
            f"{hunch.name} compares two knobs by hunch.tunability, which has no {', '.join(unfit)}. Leave "
            f"{'it' if len(unfit) == 1 else 'them'} out.",
            "plan-hunch-keyword",
        )
    given: dict[str, Any] = {"tuning": hunch.tuning} | {
        k: value for k, value in settings.items() if k in OF_TUNABILITY
    }
    if given.get("seeds") is None:
        given.pop("seeds", None)
    alpha = given.pop("alpha", ALPHA)
    bases = {regime.base for regime, _ in builds}
    arm = settings.get("base") or next(iter(bases))
    networks: Any = {regime.name: build for regime, build in builds}
    if len(builds) == 1:
        networks = builds[0][1]
    found = tunability(
        networks,
        data,
        knobs=(hunch.finer.than, hunch.finer.knob),
        doses=hunch.finer.doses,
        outcome=hunch.finer.outcome,
        alpha=_share(alpha, 1, len(builds)),
        arm=arm,
        **given,
    )
    return HunchAnswer(hunch, {}, alpha=alpha, tunability=found, notes=notes)


def _share(alpha: Any, part: int, whole: int) -> Any:
    """A regime's share of alpha; what is no alpha is left to be refused in the words of those who use it."""
    is_one = is_number(alpha) and 0 < alpha < 0.5
    return alpha * part / whole if is_one and part else alpha


def _files(store: str | PathLike[str] | None, names: list[str]) -> Mapping[str, Path | None]:
    """A study file for every regime, in a folder.

    Raises:
        PlanError: If there is a file where the folder should be.
    """
    if store is None:
        return dict.fromkeys(names)
    folder = Path(store)
    if folder.is_file():
        raise PlanError(
            f"store={str(store)!r} is a file, and a hunch with several regimes stores each in a file of its own. Name "
            "a folder, which need not exist.",
            "plan-hunch-store",
        )
    return {name: folder / f"{slug(name)}.hunch" for name in names}


@contextmanager
def _folder(store: str | PathLike[str] | None) -> Iterator[None]:
    """The folder for several study files; taken away again if it was made here and nothing came into it."""
    if store is None or Path(store).is_dir():
        yield
        return
    folder = Path(store)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {folder}: {error.strerror or error}. Name one where you may write.",
            "store-write",
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # refuses where there is something in it
