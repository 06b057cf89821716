"""`overview`: several studies on one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hunch.errors import PlanError
from hunch.report import Shown, overview_page
from hunch.results.opening import open as open_study
from hunch.results.study import Study
from hunch.results.writing import write_whole


def overview(studies: Sequence[Study | str | os.PathLike[str]], path: str | os.PathLike[str]) -> Path:
    """Write one page over several studies: all verdicts in one picture, then study by study.

    The page opens offline, and the same studies give the same bytes. Nothing is decided anew: studies that were not
    planned together keep an alpha each, and the page says what these add up to.

    Args:
        studies: Studies, or paths of study files, at least one; each is called as its file.
        path: Where the page goes; it ends in `.html` or `.htm`. A file that is there is replaced.

    Returns:
        The path.

    Raises:
        PlanError: If there is none, one of them compares no arms (a dose-response curve, for instance), or the path
            ends in something else.
        StoreError: If one cannot be read, or the page cannot be written.
    """
    place = Path(path)
    if place.suffix.lower() not in (".html", ".htm"):
        raise PlanError(
            f"an overview is a page, and {str(path)!r} does not end in .html. Write for instance "
            f"{str(place.with_suffix('.html')) if place.name else 'overview.html'!r}.",
            "overview-kind",
        )
    if isinstance(studies, str | os.PathLike):
        studies = [studies]
    if not studies:
        raise PlanError(
            "an overview needs at least one study, got none. Give studies, or paths of study files.",
            "overview-empty",
        )
    found = [_opened(study) for study in studies]
    names = _distinct([_name(study, k) for k, study in enumerate(found)])
    shown = [
        Shown(name, study.plan, study.table, study.verdicts, study.provenance)
        for name, study in zip(names, found, strict=True)
    ]
    return write_whole(place, overview_page(shown))


def _opened(study: Study | str | os.PathLike[str]) -> Study:
    opened = open_study(study) if isinstance(study, str | os.PathLike) else study
    if not isinstance(opened, Study):
        where = study if isinstance(study, str | os.PathLike) else "one of them"
        raise PlanError(
            f"an overview is over studies that compare arms, and {where} holds a {type(opened).__name__}. Leave it "
            "out; its own report() has a page for it.",
            "overview-other-study",
        )
    return opened


def _name(study: Study, k: int) -> str:
    return f"study {k + 1}" if study.path is None else study.path.stem


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that are there already.

    Example:
        >>> _distinct(["bn", "bn", "l2"])
        ['bn', 'bn (2)', 'l2']
    """
    found: list[str] = []
    for name in names:
        k, distinct = 1, name
        while distinct in found:
            k += 1
            distinct = f"{name} ({k})"
        found.append(distinct)
    return found
