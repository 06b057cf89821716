"""Where the studies of a hunch lie in a folder, and the answer that they give together."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from hunch.catalogue import Hunch, Regime
from hunch.plan import Plan
from hunch.results.hunch_answer import HunchAnswer, slug
from hunch.results.opening import open as open_study
from hunch.results.study import Study
from hunch.results.tunability import Tunability

ALPHA = 0.05


def as_answer(hunch: Hunch, found: Study | HunchAnswer) -> HunchAnswer:
    """What `hunch.test` returned, as an answer: a study alone is one regime, called like its network."""
    if isinstance(found, HunchAnswer):
        return found
    return HunchAnswer(hunch, {found.facts.network: found}, alpha=found.plan.alpha)


def place_of(hunch: Hunch, folder: str | PathLike[str], *, alone: bool = False) -> Path:
    """What to give `hunch.test` as `store` for this hunch: a folder in this folder, or a file where one is enough.

    Args:
        hunch: The hunch, quick or not, as it is tested.
        folder: The folder for many hunches.
        alone: Whether it is tested on one network of the user's own.
    """
    several = len(hunch.tested_in) > 1 and not alone
    return Path(folder) / (hunch.name if several else f"{hunch.name}.hunch")


def files_of(hunch: Hunch, folder: str | PathLike[str]) -> dict[str, Path]:
    """Regime → its study file in the folder, whether it is there or not."""
    place = place_of(hunch, folder)
    names = [regime.name for regime in hunch.tested_in]
    if len(names) == 1:
        return {names[0]: place}
    return {name: place / f"{slug(name)}.hunch" for name in names}


def answer_in(hunch: Hunch, folder: str | PathLike[str], *, alpha: float = ALPHA) -> HunchAnswer | None:
    """The answer that the study files in a folder give; imports no torch.

    Args:
        hunch: The hunch, quick or not, as it was tested.
        folder: The folder.
        alpha: Share of wrong verdicts that was allowed, over all claims together.

    Returns:
        The answer; None where a file is missing, its study is not complete, or it was made by another plan than the
        hunch's.
    """
    by_name = {regime.name: regime for regime in hunch.tested_in}
    studies: dict[str, Study] = {}
    parts: dict[str, Tunability] = {}
    for name, path in files_of(hunch, folder).items():
        if not path.is_file():
            return None
        found = open_study(path)
        if isinstance(found, Tunability):
            [part] = found.parts.values()
            if part.answer is None or not _has_seeds(part.plan, hunch):
                return None
            parts[name] = found
        elif isinstance(found, Study) and found.is_complete and _is_of(found.plan, hunch, by_name[name]):
            studies[name or found.facts.network] = found
        else:
            return None
    tuned = {name: part for name, found in parts.items() for part in found.parts.values()}
    return HunchAnswer(hunch, studies, alpha=alpha, tunability=Tunability(tuned) if tuned else None)


def _is_of(plan: Plan, hunch: Hunch, regime: Regime) -> bool:
    """Whether a study was made by the hunch's plan in this regime: one that was changed later would mix two plans."""
    arms = tuple(
        arm.over(regime.base).resolved(made.batch_size or 1)
        for arm, made in zip(regime.arms or (), plan.arms, strict=False)
    )
    asked = (arms, regime.claims, hunch.budget, hunch.metric)
    return asked == (plan.arms, plan.claims, plan.asked_budget, plan.metric) and _has_seeds(plan, hunch)


def _has_seeds(plan: Plan, hunch: Hunch) -> bool:
    """Whether its seeds are those of the hunch; of one that buys as many as it needs, the study seed alone."""
    return plan.seed == hunch.seed and (hunch.seeds is None or len(plan.seeds) == hunch.seeds)
