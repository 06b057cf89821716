"""`Tunability`: two knobs side by side, on one network or on several."""

from __future__ import annotations

import html
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hunch.errors import PlanError
from hunch.evidence import TunabilityAnswer, describe_tunability, read_tunability
from hunch.plan import Plan
from hunch.report import PICTURES, tunability_chart, write_picture
from hunch.results.export import Exports
from hunch.results.export_runs import ToldStudy, tell_runs
from hunch.results.frames import curve_frame, reading_frame, run_frame
from hunch.results.writing import nothing_to_draw, plain, write_whole
from hunch.traces import Provenance, RunTable, StudyFacts

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "network", "knob", "low_dose", "high_dose", "spread", "tunability", "chance_low", "chance_high", "default",
    "default_loses", "common_low", "common_high", "levels", "common_chance_low", "common_chance_high",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TunabilityPart:
    """Two knobs on one network.

    Args:
        plan: The plan.
        facts: Facts of network and data.
        provenance: Where and when.
        table: The runs.
        path: The study file; None if nothing is stored.
    """

    plan: Plan
    facts: StudyFacts
    provenance: Provenance
    table: RunTable
    path: Path | None = None

    @cached_property
    def answer(self) -> TunabilityAnswer | None:
        """What the runs show; None where the outcome is not known."""
        return read_tunability(self.plan, self.table)


class Tunability(Exports):
    """Which of two knobs is easier to tune, on each network.

    `print(found)` says it; `found.parts` are the networks, `found.frame()` the numbers.

    Args:
        parts: Name → network; an empty name stands for the network's own description.
    """

    def __init__(self, parts: Mapping[str, TunabilityPart]) -> None:
        """Keep the parts; nothing is computed before it is asked for."""
        self.parts = dict(parts)

    @property
    def decisions(self) -> dict[str, str]:
        """Network → the knob that tunes finer, `"no meaningful difference"` or `"undecided"`."""
        return {
            self._name(name): "undecided" if part.answer is None else part.answer.word
            for name, part in self.parts.items()
        }

    def frame(self) -> pd.DataFrame:
        """One row a network and knob.

        Returns:
            Columns `network, knob, low_dose, high_dose` (the declared range), `spread` (worst less best mean; a log
            ratio for iterations), `tunability` (spread over the simultaneous half-width), `chance_low, chance_high` (of
            one draw from the declared range to be near-optimal), `default, default_loses` (at most), and over the span
            of outcomes that both knobs reach: `common_low, common_high` (the range), `levels` (span over half-width),
            `common_chance_low, common_chance_high`.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for name, part in self.parts.items():
            if part.answer is None:
                continue
            for side in (part.answer.first, part.answer.second):
                curve = side.curve
                default = curve.curve.default
                rows.append(
                    {
                        "network": self._name(name),
                        "knob": side.knob,
                        "low_dose": curve.doses[0].value[0],
                        "high_dose": curve.doses[-1].value[0],
                        "spread": float(curve.tunability.spread) if curve.tunability else math.nan,
                        "tunability": float(curve.tunability.value) if curve.tunability else math.nan,
                        "chance_low": curve.chance[0],
                        "chance_high": curve.chance[1],
                        "default": math.nan if default is None else curve.curve.value(default)[0],
                        "default_loses": float(curve.default.high) if curve.default else math.nan,
                        "common_low": side.ends[0],
                        "common_high": side.ends[1],
                        "levels": side.levels,
                        "common_chance_low": side.chance[0],
                        "common_chance_high": side.chance[1],
                    }
                )
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS))

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: `.html` (picture and sentences), `.txt`, `.json`, or the picture alone as `.png` or `.svg`.

        Raises:
            PlanError: If the path ends in something else, or nothing is there yet to be drawn.
            StoreError: If it cannot be written.
        """
        place = Path(path)
        kind = place.suffix.lower()
        if kind in PICTURES:
            known = {
                self._name(name): (part.answer, part.facts)
                for name, part in self.parts.items()
                if part.answer is not None
            }
            if not known:
                raise nothing_to_draw()
            title = "Which knob tunes finer?"
            return write_picture(tunability_chart(known, title), str(path), text=str(self), title=title)
        if kind not in (".txt", ".json"):
            raise PlanError(
                f"this report ends in .html, .txt, .json, .png or .svg, got {str(path)!r}. Write for instance "
                "'tunability.html'.",
                "results-report-kind",
            )
        text = str(self) if kind == ".txt" else json.dumps(self.to_json(), indent=2, ensure_ascii=False)
        return write_whole(place, text + "\n")

    def text(self) -> str:
        """The report as text, for a terminal."""
        return str(self)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values that `json.dumps` takes; NaN and infinity become None."""
        networks = []
        for name, part in self.parts.items():
            answer = part.answer
            noise = None if answer is None else answer.noise
            networks.append(
                {
                    "network": self._name(name),
                    "decision": self.decisions[self._name(name)],
                    "ratio": None if noise is None else math.exp(noise.log_ratio),
                    "low": None if noise is None else math.exp(noise.low),
                    "high": None if noise is None else math.exp(noise.high),
                    "reason": "" if answer is None else answer.reason,
                    "text": describe_tunability(answer, part.plan, part.facts, name),
                    "plan": part.plan.to_json(),
                    "plan_hash": part.plan.hash,
                    "facts": asdict(part.facts),
                    "provenance": asdict(part.provenance),
                }
            )
        return plain({"networks": networks, "rows": self.frame().to_dict("records")})

    def _tables(self) -> Mapping[str, Callable[[str], pd.DataFrame]]:
        return {
            "runs": lambda stage: self._joined(run_frame, stage),
            "curves": lambda stage: self._joined(curve_frame, stage),
            "readings": lambda stage: self._joined(reading_frame, stage),
            "doses": lambda _: self.frame(),
        }

    def _joined(self, make: Callable[..., pd.DataFrame], stage: str) -> pd.DataFrame:
        """The frames of all networks, one under the other; a column says which."""
        import pandas as pd

        frames = [make(part.plan, part.table, stage) for part in self.parts.values()]
        for name, frame in zip(self.parts, frames, strict=True):
            frame.insert(0, "network", self._name(name))
        return pd.concat(frames, ignore_index=True)

    def _told(self, stage: str | None) -> ToldStudy:
        if len(self.parts) > 1:
            raise PlanError(
                f"there are {len(self.parts)} networks here, and a tracker has one experiment a study. Export each of "
                "the stored study files by itself.",
                "results-export-what",
            )
        (part,) = self.parts.values()
        return tell_runs(part, stage or self._stage(), ())

    def __str__(self) -> str:
        """A paragraph a network."""
        return "\n".join(
            "\n  ".join(describe_tunability(part.answer, part.plan, part.facts, name))
            for name, part in self.parts.items()
        )

    def __repr__(self) -> str:
        """The networks and what was decided."""
        return f"<Tunability: {'; '.join(f'{name}: {word}' for name, word in self.decisions.items())}>"

    def _repr_html_(self) -> str:
        """The sentences, for notebooks."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def _name(self, name: str) -> str:
        return name or self.parts[name].facts.network
