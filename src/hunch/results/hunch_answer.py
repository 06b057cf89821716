"""`HunchAnswer`: a hunch that was tested in several regimes, with a verdict for each and one summary."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hunch.catalogue import Hunch
from hunch.evidence import (
    NO_MEANINGFUL_DIFFERENCE,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Between,
    Found,
    NoiseDifference,
    Summary,
    Verdict,
    compare_noise,
    compare_regimes,
    decide_across,
    describe_between,
    describe_tunability,
    number,
    summarise,
)
from hunch.report import Card, Part, between_part, hunch_fragment, hunch_page, hunch_picture, regime_part
from hunch.results.study import Study
from hunch.results.tunability import Tunability, TunabilityPart
from hunch.results.writing import PICTURE_KINDS, plain, report_kind, write_whole
from hunch.traces import Provenance

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("regime", "claim", "verdict", "effect", "low", "high", "seeds", "reason")


class HunchAnswer:
    """A hunch of the catalogue, its verdict in every regime, and one summary.

    `print(answer)` says it; `answer.studies["12 units"]` is an ordinary `Study`.

    Args:
        hunch: The entry of the catalogue.
        studies: Regime → its study; empty where the hunch is about two knobs.
        alpha: Share of wrong verdicts allowed, over all regimes and across them together.
        tunability: Two knobs on the network of every regime, where the hunch is about that.
        notes: What a reader must know of how it was tested, as sentences: what was left out, and why.
    """

    def __init__(
        self,
        hunch: Hunch,
        studies: Mapping[str, Study],
        *,
        alpha: float,
        tunability: Tunability | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """Keep the parts; nothing is computed before it is asked for."""
        self.hunch, self.studies, self.tunability = hunch, dict(studies), tunability
        self.alpha, self.notes = float(alpha), tuple(notes)

    @property
    def statement(self) -> str:
        """The statement that was tested."""
        return self.hunch.statement

    @cached_property
    def across(self) -> tuple[Between, ...]:
        """Verdicts between arms of different regimes, in the order of the hunch's claims."""
        claims = [c for c in self.hunch.across if all(self._has(arm) for arm in c.arms)]
        share = self.alpha * len(claims) / max(1, self._n_claims + len(claims))
        return decide_across(self._parts, claims, share) if claims else ()

    @cached_property
    def between(self) -> tuple[Between | NoiseDifference, ...]:
        """Whether the effect of what two regimes both ask differs between them, at an alpha of its own."""
        if self.tunability is not None:
            return compare_noise({name: part.answer for name, part in self._tuned()}, self.alpha)
        return compare_regimes(self._parts, self.alpha)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, regime by regime, then those across them; none where the hunch is about two knobs."""
        own = tuple(verdict for study in self.studies.values() for verdict in study.verdicts)
        return own + tuple(found.verdict for found in self.across)

    @property
    def decisions(self) -> tuple[str, ...]:
        """What was decided, in the order of `frame()`: also where the hunch is about two knobs."""
        return tuple(found.decision for found in self._found)

    @cached_property
    def summary(self) -> Summary:
        """All verdicts in one: `.word` is `holds`, `fails`, `depends on the regime`, `mixed` or `undecided`."""
        return summarise(self._found, self.between, self.hunch.predicts)

    def frame(self) -> pd.DataFrame:
        """One row a regime and claim.

        Returns:
            Columns `regime, claim, verdict, effect, low, high, seeds, reason`: effects are positive in the claim's
            direction, for iterations log ratios; `high` is infinite where the effect is only bounded from below. For
            two knobs they are log ratios of the scatter over seeds under the other knob to that under the finer one.
        """
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=pd.Index(COLUMNS))

    def text(self) -> str:
        """The report as text: the answer, then the text of every regime's study."""
        parts = [str(self)]
        parts += [f"{name}\n{'-' * len(name)}\n{study.text()}" for name, study in self.studies.items()]
        return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report; files that are there are replaced.

        Args:
            path: Where. Its ending says what: `.txt`, the text that `text()` gives; `.json`, what `to_json()` gives;
                `.html` (or `.htm`), a page with the answer, and beside it a page a regime, STEM-REGIME.html; `.png` or
                `.svg`, every verdict in one picture.

        Returns:
            The path.

        Raises:
            PlanError: If the path ends in something else.
            StoreError: If it cannot be written.
        """
        place = Path(path)
        kind = report_kind(place)
        if kind in PICTURE_KINDS:
            return write_whole(place, hunch_picture(self._regime_parts({}), kind[1:]), called="picture")
        if kind == ".txt":
            return write_whole(place, self.text())
        if kind == ".json":
            return write_whole(place, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")
        pages = {name: place.with_name(f"{place.stem}-{slug(name)}{place.suffix}") for name in self.studies}
        for name, page in pages.items():
            self.studies[name].report(page)
        return write_whole(place, self._page(pages))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values that `json.dumps` takes; NaN and infinity become None."""
        return plain(
            {
                "hunch": self.hunch.to_json(),
                "statement": self.statement,
                "word": self.summary.word,
                "summary": self.summary.text,
                "alpha": self.alpha,
                "notes": list(self.notes),
                "verdicts": self._rows(),
                "across": [_between_json(found) for found in self.across],
                "between": [_between_json(found) for found in self.between],
                "regimes": [{"name": name, "study": s.to_json()} for name, s in self.studies.items()],
                "tunability": None if self.tunability is None else self.tunability.to_json(),
            }
        )

    def __str__(self) -> str:
        """The statement, every verdict, and the summary."""
        lines = [self.statement]
        for name, study in self.studies.items():
            lines += [f"{name} ({study.facts.network})", *_indented(str(study))]
        if self.tunability is not None:
            lines += str(self.tunability).splitlines()
        if self.across:
            lines += ["across regimes", *_indented(*map(describe_between, self.across))]
        if self.between:
            title = f"between regimes, at an alpha of {number(self.alpha)} of its own"
            lines += [title, *_indented(*map(describe_between, self.between))]
        return "\n".join([*lines, *(f"({note})" for note in self.notes), self.summary.text])

    def __repr__(self) -> str:
        """The hunch and the summary."""
        return f"<HunchAnswer to {self.hunch.name}: {self.summary.text}>"

    def _repr_html_(self) -> str:
        """Statement, summary and verdicts in words and in a picture, for notebooks: no script in it."""
        summary = (self.summary.word, self.summary.rest)
        return hunch_fragment(self.statement, summary, self._regime_parts({}), self.notes)

    @property
    def _parts(self) -> dict[str, Any]:
        return {name: (study.plan, study.table) for name, study in self.studies.items()}

    @property
    def _n_claims(self) -> int:
        return sum(len(study.plan.claims) for study in self.studies.values())

    @property
    def _found(self) -> list[Found]:
        return [Found(row["regime"], row["claim"], row["verdict"]) for row in self._rows()]

    def _rows(self) -> list[dict[str, Any]]:
        rows = [_row(name, v) for name, study in self.studies.items() for v in study.verdicts]
        rows += [_row("across regimes", found.verdict) for found in self.across]
        for name, part in self._tuned():
            assert self.tunability is not None and self.hunch.finer is not None
            word, answer = self.tunability.decisions[name or part.facts.network], part.answer
            noise = None if answer is None else answer.noise
            nothing = (math.nan, math.nan, math.nan, 0)
            found = nothing if noise is None else (noise.log_ratio, noise.low, noise.high, noise.n)
            decision = {self.hunch.finer.knob: SUPPORTED, self.hunch.finer.than: REFUTED}.get(word, word)
            assert decision in (SUPPORTED, REFUTED, NO_MEANINGFUL_DIFFERENCE, UNDECIDED)
            reason = "" if answer is None else answer.reason
            values = (name or part.facts.network, self.hunch.finer.text, decision, *found, reason)
            rows.append(dict(zip(COLUMNS, values, strict=True)))
        return rows

    def _has(self, joint: str) -> bool:
        return any(joint.startswith(f"{name}: ") for name in self.studies)

    def _page(self, pages: Mapping[str, Path]) -> str:
        """The page with the answer."""
        parts = self._regime_parts(pages)
        return hunch_page(
            self.hunch, self.summary, parts, alpha=self.alpha, notes=self.notes, provenance=self._provenance()
        )

    def _regime_parts(self, pages: Mapping[str, Path]) -> list[Part]:
        """Every regime, then what is said across and between them."""
        parts = [
            regime_part(
                name,
                pages[name].name if name in pages else "",
                study.plan,
                study.table,
                study.verdicts,
                self.verdicts,
            )
            for name, study in self.studies.items()
        ]
        if self.tunability is not None:
            parts = [self._knobs(row, *pair) for row, pair in zip(self._rows(), self._tuned(), strict=True)]
        if self.across:
            parts.append(
                between_part("Across regimes", "Arms of different regimes at equal seeds.", self.across)
            )
        if self.between:
            about = f"Does the effect differ between regimes? At an alpha of {number(self.alpha)} of its own."
            parts.append(between_part("Between regimes", about, self.between))
        return parts

    def _tuned(self) -> list[tuple[str, TunabilityPart]]:
        return [] if self.tunability is None else list(self.tunability.parts.items())

    def _knobs(self, row: dict[str, Any], name: str, part: TunabilityPart) -> Part:
        """Two knobs on one network, for the page."""
        first, *lines, last = describe_tunability(part.answer, part.plan, part.facts, name)
        card = Card(row["verdict"], row["verdict"].replace(" ", "-"), last, None)
        return Part(row["regime"], first, "", (card,), tuple(lines))

    def _provenance(self) -> Provenance:
        """When and where, all regimes together."""
        parts = [*self.studies.values(), *(part for _, part in self._tuned())]
        found = [part.provenance for part in parts]
        return replace(found[0], train_wall_s=sum(one.train_wall_s for one in found))


def slug(name: str) -> str:
    """A regime's name as it stands in the name of a file.

    Example:
        >>> slug("12 units, relu")
        '12-units-relu'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "regime"


def _row(regime: str, verdict: Verdict) -> dict[str, Any]:
    high = math.inf if verdict.high is None else verdict.high
    values = (
        regime, verdict.claim.text, verdict.decision, verdict.effect, verdict.low, high, verdict.seeds, verdict.reason,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _between_json(found: Between | NoiseDifference) -> dict[str, Any]:
    told = {"regimes": list(found.regimes), "text": describe_between(found)}
    if isinstance(found, NoiseDifference):
        return told | {"about": "scatter over seeds", "verdict": asdict(found)}
    entry = asdict(found.verdict)
    entry["claim"] = found.verdict.claim.to_json() | {"text": found.verdict.claim.text}
    return told | {"about": None if found.about is None else found.about.text, "verdict": entry}


def _indented(*texts: str) -> list[str]:
    return [f"  {line}" for text in texts for line in text.splitlines()]
