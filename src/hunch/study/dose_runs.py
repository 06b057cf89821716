"""The runs of a dose-response study: pilot, every dose on the same seeds, the ends if needed, fresh seeds at last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike

from torch import nn

from hunch.evidence import dose_claim, fresh_pair, wanted_spares
from hunch.plan import CONFIRM, TUNE, Doses, Plan
from hunch.study.blocks import Blocks
from hunch.study.execute import Workshop
from hunch.study.pilot import run_pilot
from hunch.study.price import duration, price_of_search
from hunch.study.progress import Reporter
from hunch.study.setup import Prepared, provenance
from hunch.study.start import refuse_met_target
from hunch.traces import Provenance, RunTable, StudyFacts, open_or_create


def train_doses(
    build: Callable[[], nn.Module], prepared: Prepared, store: str | PathLike[str] | None, *, progress: bool
) -> tuple[Plan, StudyFacts, Provenance, RunTable]:
    """Train what the plan's doses ask for.

    Args:
        build: Makes the network.
        prepared: The plan as asked, with its doses; facts, data and engine.
        store: Path of the study file; None: nothing is stored.
        progress: Whether to show progress on stderr.

    Returns:
        The frozen plan, facts, provenance and runs.
    """
    facts, reporter, data = prepared.facts, Reporter(progress), prepared.data
    refuse_met_target(build, data, prepared.plan, prepared.own)
    with open_or_create(store, prepared.plan, facts, provenance()) as file:
        workshop = Workshop(prepared.choice.engine, file, reporter, own=prepared.own)
        plan = file.plan
        for sentence in (prepared.choice.sentence, *prepared.said):
            reporter.say(sentence)
        if not plan.is_frozen:
            search = price_of_search(plan)
            if search:
                reporter.say(f"First {search}.")
            plan = run_pilot(workshop, plan, facts, build, data)
            file.freeze(plan)
        runs = _DoseRuns(Blocks(workshop, plan, facts, build, data), reporter)
        runs.run()
        return plan, facts, file.provenance, file.table()


@dataclass(eq=False)
class _DoseRuns:
    """Buys the blocks of a dose-response study.

    Args:
        blocks: Makes tuning and confirm runs.
        reporter: Says what they cost.
    """

    blocks: Blocks
    reporter: Reporter

    def __post_init__(self) -> None:
        """Of readings and single examples no curve makes use."""
        self.plan = self.blocks.plan
        for stage in (CONFIRM, TUNE):
            found = self.blocks.setting(stage)
            self.blocks.use(stage, replace(found, readings=False, answers=False, losses=False))

    def run(self) -> None:
        """All doses on the same seeds; then those beyond an end, if the best mean lies there; then fresh seeds."""
        plan, doses = self.plan, self._doses
        base = [arm for curve in doses.curves for arm in curve.base]
        self._say_price(len(base))
        self._train("doses", range(doses.n_seeds), base)
        table = self.blocks.table()
        beyond = [arm for curve in doses.curves for arm in wanted_spares(plan, table, curve)]
        if beyond:
            self.reporter.say(
                f"The best mean lies at an end of the doses, so those beyond it are tried: {', '.join(beyond)}."
            )
            self._train("doses beyond the end", range(doses.n_seeds), beyond)
        fresh = range(doses.n_seeds, len(plan.seeds))
        if doses.asks == "near_optimal" and fresh:
            table = self.blocks.table()
            for curve in doses.curves:
                pair = fresh_pair(plan, table, curve)
                if pair is not None:
                    self._train(f"{pair[0]} and {pair[1]} on fresh seeds", fresh, pair)

    @property
    def _doses(self) -> Doses:
        assert self.plan.doses is not None, "only plans of dose-response studies come here"
        return self.plan.doses

    def _train(self, said: str, blocks: range, arms: Sequence[str]) -> None:
        claim = dose_claim(self._doses.outcome, self._doses.arms)
        self.blocks.make(said, blocks, [(claim, arm) for arm in dict.fromkeys(arms)])

    def _say_price(self, n_doses: int) -> None:
        plan, n_seeds = self.plan, self._doses.n_seeds
        assert plan.budget is not None, "a frozen plan has a budget"
        n_rates = max(len(plan.grid(arm.name)) for arm in plan.arms)
        runs = n_doses * n_seeds * (1 + n_rates)
        seconds = self.blocks.workshop.seconds(float(runs) * plan.budget)
        each = f", each at {n_rates} learning rates and then once more" if n_rates else ""
        time = "" if seconds is None else f", about {duration(seconds)}"
        self.reporter.say(
            f"{n_doses} doses on {n_seeds} seeds{each}: {runs:,} runs of {plan.budget:,} iterations{time}."
        )
