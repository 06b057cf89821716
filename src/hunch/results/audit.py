"""`Audit`: how often identical arms were told apart, and how often a planted difference was found."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hunch.evidence import AuditedStudy, Planted, Tally, audit_conclusion, audit_sentences
from hunch.plan import Plan
from hunch.results.writing import plain
from hunch.traces import Provenance, StudyFacts

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "study_seed", "blocks", "decision", "is_false", "effect", "low", "high", "p_value", "reached", "is_guarded",
    "planted_decision", "is_found", "planted_effect", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """What `hunch.audit` returns: many studies of two identical arms, on the user's own network and data.

    `print(audit)` says in sentences whether it is passed, what so many studies can tell, and how it was done.

    Args:
        plan: The plan that the studies share; each study has run seeds of its own.
        facts: Facts of network and data.
        provenance: Where and when; no part of what must be equal.
        studies: The studies.
        planted: The difference that was planted into one arm.
    """

    plan: Plan
    facts: StudyFacts
    provenance: Provenance = field(compare=False)
    studies: tuple[AuditedStudy, ...]
    planted: Planted

    @cached_property
    def tally(self) -> Tally:
        """The counts: `.false`, `.false_interval`, `.guarded`, `.undecided`, `.found`, …."""
        return Tally.of(self.studies, self.plan.alpha)

    @property
    def conclusion(self) -> str:
        """`"passed"`; `"failed"`: too many false verdicts, or the planted difference is missed; `"invalid"`."""
        return audit_conclusion(self.tally)

    @property
    def passed(self) -> bool:
        """Whether the audit is valid, alpha is kept as far as can be told, and what was planted is found."""
        return self.tally.passed

    @property
    def is_valid(self) -> bool:
        """Whether no more than 10 % of the studies had nothing to rest a verdict on."""
        return self.tally.is_valid

    def frame(self) -> pd.DataFrame:
        """The studies as a table, one row a study, in the order of their seeds.

        Returns:
            Columns `study_seed, blocks, decision, is_false, effect, low, high, p_value, reached, is_guarded,
            planted_decision, is_found, planted_effect, reason`. `effect` is the log ratio of iterations or a
            difference in the outcome's unit; the truth is 0. `high` is NaN for a bound.
        """
        import pandas as pd

        rows = [
            asdict(s) | {"study_seed": s.seed, "is_false": s.is_false, "is_found": s.is_found}
            for s in self.studies
        ]
        frame = pd.DataFrame(rows, columns=pd.Index(COLUMNS))
        return frame.astype({"high": "float64"})

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values that `json.dumps` takes; NaN and infinity become None.

        Returns:
            A dict with the keys `conclusion`, `passed`, `valid`, `text` (the sentences), `alpha`, `studies`,
            `false`, `false_interval`, `same`, `undecided`, `guarded`, `found`, `found_interval`, `planted`,
            `rows` (those of `frame()`), `plan`, `facts` and `provenance`.
        """
        tally = self.tally
        rows = [
            {name: plain(value) for name, value in row.items()} for row in self.frame().to_dict("records")
        ]
        return {
            "conclusion": self.conclusion,
            "passed": tally.passed,
            "valid": tally.is_valid,
            "text": list(self._sentences()),
            "alpha": tally.alpha,
            "studies": tally.n,
            "false": tally.false,
            "false_interval": list(tally.false_interval),
            "same": tally.same,
            "undecided": tally.undecided,
            "guarded": tally.guarded,
            "found": tally.found,
            "found_interval": list(tally.found_interval),
            "planted": asdict(self.planted),
            "rows": rows,
            "plan": self.plan.to_json(),
            "facts": plain(self.facts.in_short()),
            "provenance": plain(asdict(self.provenance)),
        }

    def __str__(self) -> str:
        """The sentences, one a line."""
        return "\n".join(self._sentences())

    def __repr__(self) -> str:
        """The counts."""
        t = self.tally
        return (
            f"<Audit, {self.conclusion}: {t.false} of {t.n} studies false, {t.found} found what was planted>"
        )

    def _repr_html_(self) -> str:
        """The sentences as a list, the conclusion in bold, for notebooks."""
        first, *others = (html.escape(sentence) for sentence in self._sentences())
        word, _, rest = first.partition(":")
        items = "".join(f"<li>{sentence}</li>" for sentence in others)
        return f"<p><b>{word}</b>:{rest}</p><ul>{items}</ul>"

    def _sentences(self) -> tuple[str, ...]:
        return audit_sentences(self.tally, self.studies, self.planted, self.plan)
