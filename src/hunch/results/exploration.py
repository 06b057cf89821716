"""`Exploration`: what the runs of a study say about claims that were not declared."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hunch.evidence import CAUTION, EXPLORATORY, Explored, Verdict, describe_explored
from hunch.plan import Plan
from hunch.results.writing import plain
from hunch.traces import StudyFacts

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "claim", "decision", "effect", "low", "high", "seeds", "p_value", "adjusted", "margin", "alpha", "target",
    "tuned_for", "declared",
)  # fmt: skip


@dataclass(frozen=True)
class Exploration:
    """What `Study.explore` returns: answers to claims that were asked after the runs were seen.

    `print(exploration)` shows one answer a line, and how far it may be trusted.

    Args:
        plan: The plan of the study.
        facts: Its facts.
        answers: One a claim, in the order in which they were asked.
    """

    plan: Plan
    facts: StudyFacts
    answers: tuple[Explored, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The answers as verdicts, each with `exploratory=True` and words of its own."""
        return tuple(found.verdict for found in self.answers)

    def frame(self) -> pd.DataFrame:
        """The answers as a table, one row a claim.

        Returns:
            Columns `claim, decision, effect, low, high, seeds, p_value, adjusted, margin, alpha, target,
            tuned_for, declared`. `adjusted` is the p-value after Benjamini-Hochberg over all rows, `high` is
            NaN for a bound, `declared` the study's own verdict where it declared the same claim.
        """
        import pandas as pd

        rows: list[dict[str, object]] = []
        for found in self.answers:
            v = found.verdict
            rows.append(
                {"claim": v.claim.text, "tuned_for": _tuned_for(found)}
                | {name: getattr(found, name) for name in ("adjusted", "target", "declared")}
                | {name: getattr(v, name) for name in COLUMNS if hasattr(v, name) and name != "claim"}
            )
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS)).astype({"high": "float64", "target": "float64"})

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values that `json.dumps` takes; NaN and infinity become None.

        Returns:
            A dict with the keys `exploratory` (true), `caution` (why these are no verdicts), `answers` and
            `plan_hash`. An answer holds the fields of its `Verdict`, with `exploratory` true among them, and
            `adjusted`, `asked`, `target`, `tuned_for`, `is_own`, `declared`, and `text`, its sentences.
        """
        answers = []
        for found in self.answers:
            entry = asdict(found.verdict)
            entry["claim"] = found.verdict.claim.to_json() | {"text": found.verdict.claim.text}
            rest = {name: value for name, value in asdict(found).items() if name != "verdict"}
            answers.append(entry | rest | {"text": self._sentence(found)})
        told = {"exploratory": True, "caution": CAUTION, "answers": answers, "plan_hash": self.plan.hash}
        return plain(told)

    def __str__(self) -> str:
        """One answer a line, and what they all lack."""
        return "\n".join([*(self._sentence(found) for found in self.answers), CAUTION])

    def __repr__(self) -> str:
        """The decisions."""
        return f"<Exploration, no verdicts: {'; '.join(v.decision for v in self.verdicts)}>"

    def _repr_html_(self) -> str:
        """A table of the answers, for notebooks."""
        rows = "".join(
            f"<tr><td>{html.escape(v.claim.text)}</td><td><b>{EXPLORATORY}: {v.decision}</b></td>"
            f'<td style="text-align:left">{html.escape(self._sentence(found))}</td></tr>'
            for v, found in zip(self.verdicts, self.answers, strict=True)
        )
        head = "<thead><tr><th>claim</th><th>no verdict</th><th></th></tr></thead>"
        return f"<table>{head}<tbody>{rows}</tbody></table><p>{html.escape(CAUTION)}</p>"

    def _sentence(self, found: Explored) -> str:
        return describe_explored(found, self.plan, self.facts.error_unit)


def _tuned_for(found: Explored) -> str:
    goals = dict.fromkeys("given" if goal is None else goal for _, goal in found.tuned_for)
    return ", ".join(goals)
