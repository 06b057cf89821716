# pyright: reportUnnecessaryIsInstance=false
# (values come from users: they are checked at run time, whatever their annotation says)
"""What the law of kept units refuses, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from hunch.errors import PlanError, Problem
from hunch.plan import DROPOUTS, is_number, is_whole, keep_problems

MOST_UNITS = 2**31 - 1


def no_counts() -> PlanError:
    """What is said to whoever asks gaussian dropout for a number of kept units."""
    return PlanError(
        "dropout_law: gaussian dropout multiplies each unit by a number around 1 and drops none, so there is no "
        "number of kept units to ask about. Ask for .mean, .sd or .matched_gaussian_sd, or for the law of "
        'dropout="bernoulli" or "exact".',
        "plan-kept-units",
    )


def law_problems(units: object, keep: object, dropout: object) -> Iterator[Problem]:
    """Every problem of what `dropout_law` was given."""
    where = "dropout_law"
    if not is_whole(units) or not 1 <= units <= MOST_UNITS:
        hint = "Write for instance hunch.dropout_law(12, 0.8)."
        if is_number(units) and 0 < units < 1 and is_whole(keep) and keep > 1:
            hint = f"The units come first: hunch.dropout_law({keep}, {units:g})."
            keep = units  # said once: what stands in its place is no keep probability
        elif is_number(units) and units == int(units) and 1 <= units <= MOST_UNITS:
            hint = f"Write {int(units)}."
        yield Problem(
            f"{where}: units must be a whole number from 1 to 2^31 - 1, got {units!r}. {hint}", "plan-units"
        )
    found = list(keep_problems(where, keep))
    if keep is None:
        found = [Problem(f"{where}: keep_prob must be in (0, 1], got None.", "plan-keep-prob")]
    for problem in found:
        more = "" if "PyTorch" in problem.message else " PyTorch's nn.Dropout(p) has p = 1 - keep_prob."
        yield Problem(f"{problem.message}{more}", problem.slug)
    if not isinstance(dropout, str) or dropout not in DROPOUTS:
        hint = ""
        if is_number(dropout) and 0 < dropout < 1:
            hint = f" To drop {100 * dropout:g} % of the units write keep_prob={1 - dropout:g}."
        yield Problem(
            f"{where}: dropout must be one of {', '.join(DROPOUTS)}, got {dropout!r}.{hint}", "plan-dropout"
        )


def whole_counts(kept: Any) -> npt.NDArray[np.int64]:
    """Whole numbers as an int64 array, whatever they came as."""
    given = np.asarray(kept)
    if given.size == 0:
        return np.zeros(given.shape, dtype=np.int64)
    try:
        numbers = given.astype(np.float64) if given.dtype.kind in "iufO" else None
    except (TypeError, ValueError):
        numbers = None
    whole = np.zeros(given.shape, dtype=bool)
    if numbers is not None:
        whole = np.isfinite(numbers) & (numbers == np.round(numbers))
        if whole.all():
            # Counts beyond any layer are all alike: they cannot happen.
            return np.clip(numbers, -1, MOST_UNITS + 1).astype(np.int64)
    first = given.ravel().tolist()[int(np.argmin(whole))]
    raise PlanError(
        f"dropout_law: a number of kept units is whole, got {first!r}. In one example 11 or 12 units can be kept, "
        "never 11.5; what need not be whole is the mean over examples and steps: .mean.",
        "plan-kept-units",
    )
