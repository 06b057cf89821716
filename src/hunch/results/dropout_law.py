"""`DropoutLaw`: what dropout at one keep probability does to a layer of so many units, exactly."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from hunch.report import NARROW_RULE, count_rows, law_facts, law_text, law_title, narrow_text
from hunch.stats import KeptUnits

if TYPE_CHECKING:
    import pandas as pd


class DropoutLaw(KeptUnits):
    """The law of the number of units that dropout keeps, and what follows from it; made by `dropout_law`.

    `print(law)` shows it as a table. The numbers are those of `hunch.stats.KeptUnits`: `mean`, `sd`,
    `none_dropped`, `all_dropped`, `relative_noise`, `probability(k)`, `support`, `exact_steps`,
    `matched_gaussian_sd`, `sign_flips`, `realised`, `too_narrow`, `least_keep`, `least_units`, `with_dropout(kind)`.
    """

    __slots__ = ()

    def frame(self) -> pd.DataFrame:
        """The law as a table, a row for each number of units that can be kept.

        Returns:
            Columns `kept` (units), `share` (of all units), `probability` and `at_most` (chance of so many or
            fewer).

        Raises:
            PlanError: If the dropout is gaussian, which has no number of kept units.
        """
        import pandas as pd

        kept = list(self.support)
        probability = self.probability(kept)
        return pd.DataFrame(
            {
                "kept": kept,
                "share": [k / self.units for k in kept],
                "probability": probability,
                "at_most": [self.at_most(k) for k in kept],
            }
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values; None where gaussian dropout has no answer.

        Returns:
            A dict with the arguments and properties by name, `pytorch_p` (1 - keep_prob), and `kept`: pairs of a
            number of units and its chance, those left out whose chance lies beyond 1e-12 at either end.
        """
        counted = self.dropout != "gaussian"
        least, one_more = self.exact_steps
        fewest, most = self.window(1e-12) if counted else (0, -1)
        kept = range(fewest, most + 1)
        return {
            "units": self.units,
            "keep_prob": self.keep_prob,
            "pytorch_p": 1 - self.keep_prob,
            "dropout": self.dropout,
            "mean": self.mean,
            "sd": self.sd,
            "none_dropped": self.none_dropped if counted else None,
            "all_dropped": self.all_dropped if counted else None,
            "relative_noise": self.relative_noise,
            "exact_steps": [least, one_more],
            "matched_gaussian_sd": self.matched_gaussian_sd,
            "sign_flips": self.sign_flips,
            "realised": self.realised,
            "too_narrow": self.too_narrow,
            "least_keep": self.least_keep,
            "least_units": self.least_units,
            "kept": [[k, p] for k, p in zip(kept, self.probability(kept).tolist(), strict=True)]
            if counted
            else None,
        }

    def __str__(self) -> str:
        """The table with bars, and what follows from it."""
        return law_text(self)

    def _repr_html_(self) -> str:
        """The same for notebooks."""
        parts = [f"<p><b>{html.escape(law_title(self))}</b></p>"]
        if self.dropout != "gaussian":
            rows = count_rows(self)
            highest = max(row.chance for row in rows)
            cells = "".join(
                f"<tr><td>{row.label}</td><td>{100 * row.chance:.3g} %</td><td style='text-align:left'>"
                f"<div style='background:#0072B2;height:.8em;width:{150 * row.chance / highest:.1f}px'></div>"
                "</td></tr>"
                for row in rows
            )
            parts.append(f"<table><tr><th>units kept</th><th>chance</th><th></th></tr>{cells}</table>")
        items = "".join(
            f"<li>{html.escape(name)}: {html.escape(text)}</li>" for name, text in law_facts(self)
        )
        parts.append(f"<ul>{items}</ul>")
        if self.too_narrow:
            parts.append(f"<p><b>Too narrow:</b> {html.escape(f'{narrow_text(self)}. {NARROW_RULE}')}</p>")
        return "".join(parts)


def dropout_law(units: int, keep_prob: float, dropout: str = "bernoulli") -> DropoutLaw:
    """What dropout does to a layer, exactly: the law of the number of units that it keeps.

    It is the law for one example in one training step. See docs/dropout.md for what follows from it.

    Args:
        units: Units of the layer, from 1.
        keep_prob: Probability that a unit is *kept* (PyTorch's `nn.Dropout(p)` has p = 1 - keep_prob), in
            (0, 1].
        dropout: `"bernoulli"`: each unit on its own. `"exact"`: the floor or ceiling of keep·units, drawn so
            that the mean is keep·units. `"gaussian"`: each unit is multiplied by N(1, (1 - keep)/keep), so that
            none is dropped and there is no number of kept units.

    Raises:
        PlanError: If a value is out of range; the error lists every problem.

    Example:
        >>> law = dropout_law(12, 11 / 12)
        >>> [round(law.probability(k), 3) for k in (12, 11, 10)]
        [0.352, 0.384, 0.192]
        >>> dropout_law(12, 0.875).mean, dropout_law(12, 0.875, "exact").sd
        (10.5, 0.5)
    """
    return DropoutLaw(units, keep_prob, dropout)
