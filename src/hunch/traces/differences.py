"""What differs between a stored study and the call that wants to go on with it, named field by field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hunch.errors import Problem
from hunch.plan import Arm, Plan, cost_words
from hunch.traces.records import Provenance, StudyFacts

LIBRARIES = ("hunch-lab", "torch")
"""Packages whose version decides the bits of a run, so that a study cannot change them half-way."""

_ASKED_NAMES = {"asked_budget": "budget", "asked_target": "target"}
_NOT_ASKED = {"budget", "target", "rates", "grids", "margins", "notes"}
_OWN_WORDS = {"arms", "claims", "data_hash", "network_hash", "seeds", "pilot_seeds", "looks"}


def differences(
    path: Path,
    stored: tuple[Plan, StudyFacts, Provenance],
    call: tuple[Plan, StudyFacts, Provenance],
) -> list[Problem]:
    """Every reason why the call cannot go on with the stored study; empty if it can.

    Args:
        path: The study file, named in the texts.
        stored: Plan as asked, facts and provenance in the file.
        call: The same of this call.
    """
    (plan_1, facts_1, provenance_1), (plan_2, facts_2, provenance_2) = stored, call
    found: list[tuple[str, str]] = []
    found += [("store-resume-arms", text) for text in _arm_differences(plan_1.arms, plan_2.arms)]
    found += [("store-resume-claims", text) for text in _claim_differences(plan_1, plan_2)]
    if plan_1.data_hash != plan_2.data_hash:
        found.append(
            (
                "store-resume-data",
                f"the data differ: {_data(plan_1, facts_1)} in the file and {_data(plan_2, facts_2)} in "
                "this call",
            )
        )
    if plan_1.network_hash != plan_2.network_hash:
        found.append(
            (
                "store-resume-network",
                f"the network or its initial weights differ: {_network(plan_1, facts_1)} in the file and "
                f"{_network(plan_2, facts_2)} in this call",
            )
        )
    found += [
        ("store-resume-settings", text) for text in _setting_differences(plan_1.to_json(), plan_2.to_json())
    ]
    if (facts_1.engine, facts_1.engine_detail) != (facts_2.engine, facts_2.engine_detail):
        found.append(
            (
                "store-resume-engine",
                f"the engine differs: {facts_1.engine} ({facts_1.engine_detail}) in the file and "
                f"{facts_2.engine} ({facts_2.engine_detail}) here, and two engines agree only to rounding",
            )
        )
    versions_1, versions_2 = dict(provenance_1.versions), dict(provenance_2.versions)
    for name in LIBRARIES:
        if versions_1.get(name) != versions_2.get(name):
            found.append(
                (
                    "store-resume-library",
                    f"the library differs: the file was made with {name} {versions_1.get(name, 'unknown')}, "
                    f"and this is {name} {versions_2.get(name, 'unknown')}",
                )
            )
    # The way out is the same for all, so it is said once, after the last.
    way_out = (
        ". Nothing was written. To go on with the stored study make the same call as before, in the same "
        "environment; to start another one give another store=."
    )
    asks = plan_1.claims != plan_2.claims or any(
        getattr(plan_1, name) != getattr(plan_2, name) for name in ("alpha", "asked_target")
    )
    if asks:
        way_out += (
            " Other claims, another alpha or target can be asked of the runs that are there, as exploration and "
            f"without training: hunch.open({str(path)!r}).explore(…)."
        )
    return [
        Problem(f"cannot resume {path}: {text}{way_out if k == len(found) else '.'}", slug)
        for k, (slug, text) in enumerate(found, 1)
    ]


def _arm_differences(stored: tuple[Arm, ...], call: tuple[Arm, ...]) -> list[str]:
    by_name_1, by_name_2 = ({arm.name: arm for arm in arms} for arms in (stored, call))
    texts = [
        f'arms differ: arm "{name}" is in the file and not in this call'
        for name in by_name_1
        if name not in by_name_2
    ]
    texts += [
        f'arms differ: arm "{name}" is in this call and not in the file'
        for name in by_name_2
        if name not in by_name_1
    ]
    for name in by_name_1:
        if name in by_name_2:
            changed = _changed(by_name_1[name].to_json(), by_name_2[name].to_json())
            if changed:
                in_file = ", ".join(f"{k}={_value(a)}" for k, a, _ in changed)
                in_call = ", ".join(f"{k}={_value(b)}" for k, _, b in changed)
                texts.append(
                    f'arms differ: arm "{name}" has {in_file} in the file and {in_call} in this call'
                )
    if not texts and list(by_name_1) != list(by_name_2):
        texts.append(
            f"arms differ: their order is {', '.join(by_name_1)} in the file and {', '.join(by_name_2)} in "
            "this call"
        )
    return texts


def _claim_differences(stored: Plan, call: Plan) -> list[str]:
    if stored.claims == call.claims:
        return []
    both = [{str(c.to_json()): c for c in plan.claims} for plan in (stored, call)]
    only = [
        [
            f'"{c.text}"{"" if c.margin is None else f" by {c.margin:g}"}'
            for k, c in mine.items()
            if k not in other
        ]
        for mine, other in (both, both[::-1])
    ]
    if not only[0] and not only[1]:
        return ["claims differ in their order or number"]
    here = [" and ".join(texts) or "no other" for texts in only]
    return [f"claims differ: {here[0]} only in the file, {here[1]} only in this call"]


def _setting_differences(stored: dict[str, Any], call: dict[str, Any]) -> list[str]:
    changed = _changed(
        {k: v for k, v in stored.items() if k not in _NOT_ASKED | _OWN_WORDS},
        {k: v for k, v in call.items() if k not in _NOT_ASKED | _OWN_WORDS},
    )
    in_words = {"cost": cost_words}
    texts = [
        f"{_ASKED_NAMES.get(k, k)} differs: {in_words.get(k, _value)(a)} in the file and "
        f"{in_words.get(k, _value)(b)} in this call"
        for k, a, b in changed
    ]
    # Another study seed brings other run seeds; saying so thrice would hide the cause.
    if all(k != "seed" for k, _, _ in changed):
        texts += [
            f"{name} differ: {_seeds(stored[name])} in the file and {_seeds(call[name])} in this call"
            for name in ("seeds", "pilot_seeds", "looks")
            if stored[name] != call[name]
        ]
    return texts


def _changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = [*a, *(k for k in b if k not in a)]
    return [(k, a.get(k), b.get(k)) for k in keys if a.get(k) != b.get(k)]


def _value(value: object) -> str:
    return "(not given)" if value is None else repr(value)


def _seeds(seeds: list[int]) -> str:
    if len(seeds) <= 4:
        return f"{len(seeds)} ({', '.join(map(str, seeds)) or 'none'})"
    return f"{len(seeds)} ({seeds[0]}, {seeds[1]}, … {seeds[-1]})"


def _data(plan: Plan, facts: StudyFacts) -> str:
    return f"{facts.data_source} with {facts.n_train} training examples, hash {plan.data_hash[:12]},"


def _network(plan: Plan, facts: StudyFacts) -> str:
    return f"{facts.network}, hash {plan.network_hash[:12]},"
