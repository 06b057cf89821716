"""Confirm runs, block by block and look by look, until every claim is decided or cannot be.

A block is one confirm seed, shared by the arms. With replicated tuning every arm is first tuned for that
block on a seed of its own, once for each outcome that the open claims are about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import nn

from hunch.data import Data, validation_split
from hunch.engine import Setting
from hunch.evidence import (
    ANSWERS,
    LOSSES,
    claim_about,
    confirm_key,
    decide,
    examples_kept,
    provisional_lines,
    tuning_keys,
)
from hunch.plan import CONFIRM, TUNE, TUNE_HELD, Claim, Plan, asks_on_request
from hunch.study.execute import Workshop, arms_of
from hunch.traces import RunKey, RunTable, StudyFacts


@dataclass(eq=False)
class Blocks:
    """Buys blocks.

    Args:
        workshop: Makes the runs.
        plan: The frozen plan.
        facts: Facts of the study.
        build: Makes the network.
        data: The data.
    """

    workshop: Workshop
    plan: Plan
    facts: StudyFacts
    build: Callable[[], nn.Module]
    data: Data

    def __post_init__(self) -> None:
        """Confirm runs see the whole training part; what tunes on held-out outcomes sees four fifths."""
        self._shown: tuple[Claim, ...] = ()
        self._confirm: dict[Claim, dict[str, dict[int, RunKey]]] = {}
        plan, budget = self.plan, self.plan.budget
        assert budget is not None, "a frozen plan has a budget"
        stop_at = plan.target if plan.stop_at_target else None
        confirm = Setting(
            self.build, self.data, plan.cost, budget, self.facts.sites, plan.metric, stop_at=stop_at
        )
        kept = {examples_kept(plan, claim) for claim in plan.claims}
        confirm = replace(confirm, answers=ANSWERS in kept and self.data.labels, losses=LOSSES in kept)
        confirm = replace(confirm, on_request=asks_on_request(plan.claims))
        self._settings = {
            CONFIRM: confirm,
            TUNE: replace(confirm, readings=False, answers=False, losses=False, on_request=False),
        }

    def run(self) -> None:
        """Look after look: what the open claims need, until none is open."""
        done = 0
        for look in self.plan.look_counts:
            claims = self._open()
            if done and self.plan.claims and not claims:
                return
            self._shown = claims
            self._make(done, look, claims or self.plan.claims)
            done = look

    def _open(self) -> tuple[Claim, ...]:
        verdicts = decide(self.plan, self.table())
        return tuple(
            claim for claim, found in zip(self.plan.claims, verdicts, strict=True) if not found.is_final
        )

    def table(self) -> RunTable:
        """All runs so far."""
        return RunTable(self.facts, self.workshop.made())

    def _make(self, start: int, stop: int, claims: Sequence[Claim]) -> None:
        """Blocks `start` to `stop` of every arm that an open claim is about, or none at all."""
        said = f"block {stop}" if stop == start + 1 else f"blocks {start + 1} to {stop}"
        self.make(said, range(start, stop), _wanted(self.plan, claims))

    def make(self, said: str, blocks: range, wanted: Sequence[tuple[Claim, str]]) -> None:
        """Tuning and confirm runs of some arms in some blocks.

        Args:
            said: What they are called on the screen.
            blocks: Positions of the blocks.
            wanted: Pairs (claim, arm): an arm, tuned for the claim's outcome.
        """
        tuning = [
            key
            for block in blocks
            for claim, arm in wanted
            for key in tuning_keys(self.plan, claim, arm, block)
        ]
        for stage, what in ((TUNE, "tuning"), (TUNE_HELD, "tuning on a validation fifth")):
            self._train(f"{said}, {what}", stage, [key for key in tuning if key.stage == stage])
        table = self.table()
        if wanted:
            keys = []
            for block in blocks:
                for claim, arm in wanted:
                    key = confirm_key(self.plan, table, claim, arm, block)
                    keys.append(key)
                    if key is not None:
                        self._confirm.setdefault(claim, {}).setdefault(arm, {})[key.seed] = key
        else:
            keys = [self._plain_key(arm.name, block) for block in blocks for arm in self.plan.arms]
        self._train(
            f"{said}, confirm" if tuning or self.plan.is_sequential or self.plan.doses else "confirm",
            CONFIRM,
            [key for key in keys if key is not None],
        )

    def _plain_key(self, arm: str, block: int) -> RunKey:
        """The confirm run of an arm in a study that claims nothing: at the pilot's rate."""
        plan = self.plan
        return RunKey(CONFIRM, arm, plan.seeds[block], plan.rate(arm) or 0.0, plan.budget or 0)

    def _train(self, text: str, stage: str, keys: Sequence[RunKey]) -> None:
        if not keys:
            return
        # The claim of a dose-response study only says what its doses share; there is nothing to see of it.
        is_seen = self._confirm and self.plan.doses is None
        self.workshop.make(
            text,
            self.setting(stage),
            arms_of(self.plan),
            list(dict.fromkeys(keys)),
            self._glance if is_seen else None,
        )

    def _glance(self) -> tuple[str, ...]:
        """How the claims stand that were open at the last look; decides nothing."""
        runs = {
            claim: {arm: self.workshop.these(self._confirm.get(claim, {}).get(arm, {})) for arm in claim.arms}
            for claim in self._shown or self.plan.claims
        }
        return provisional_lines(self.plan, self.facts, runs)

    def use(self, stage: str, setting: Setting) -> None:
        """Train the runs of a stage by another setting."""
        self._settings[stage] = setting

    def setting(self, stage: str) -> Setting:
        """What the runs of a stage share."""
        if stage == TUNE_HELD and stage not in self._settings:
            self._settings[stage] = replace(self._settings[TUNE], data=validation_split(self.data))
        return self._settings[stage]


def _wanted(plan: Plan, claims: Sequence[Claim]) -> list[tuple[Claim, str]]:
    """Pairs (claim, arm) for which runs are needed: an arm of no claim is kept for the eye."""
    named = {arm for claim in plan.claims for arm in claim.arms}
    pairs = [(claim, arm.name) for arm in plan.arms for claim in claims if arm.name in claim.arms]
    for arm in plan.arms:
        first = claim_about(plan, arm.name)
        if arm.name not in named and first is not None:
            pairs.append((first, arm.name))
    return pairs
