"""The text of docs/what-holds.md: a function of the study files and the catalogue alone."""

# ruff: noqa: E501  (sentences of the page)

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from hunch.catalogue import Hunch, families
from hunch.evidence import UNDECIDED, number
from hunch.results import HunchAnswer, Line, lines_of
from hunch.traces import Provenance, StudyFacts

DIGITS, MNIST = "digits", "mnist"
NAMES = {DIGITS: "digits", MNIST: "MNIST"}
BEGIN, END = "<!-- what-holds: begin, written by make findings -->", "<!-- what-holds: end -->"
ALONE = "the one network"
MISSING = "not tested yet"

READING = """\
A **verdict** is the answer to one claim, in one *regime*: one network, one way to train it. It is `supported`, `refuted`, `no
meaningful difference` (the two differ by less than a margin fixed beforehand), or `undecided`: the runs do not say, which is not the
same as no difference. **Effect** is how large it is, with its interval in brackets; it is positive where it speaks for the claim, and in
the unit of what is claimed: ×2 is a ratio (twice as few iterations, say), other numbers are differences of costs, gaps or readings.
**Seeds** is how many independent repetitions it rests on; arms are compared seed by seed.

The **summary** of a hunch *holds* if every verdict is as the statement predicts, *fails* if every one is decided and none is; it
*depends on the regime* only where two regimes come to different verdicts and the difference between them is itself shown; otherwise it
is *mixed*, or *undecided* if no verdict is decided.

All of it is about these networks, these data and these budgets. [Test yours](hunches.md)."""


@dataclass(frozen=True)
class Found:
    """What the study files say.

    Args:
        catalogue: The hunches, in the order of the page.
        answers: Data set → hunch → its answer; None where it is not tested yet.
        quick: Whether these are the quick plans.
    """

    catalogue: tuple[Hunch, ...]
    answers: Mapping[str, Mapping[str, HunchAnswer | None]]
    quick: bool

    @cached_property
    def lines(self) -> dict[str, dict[str, tuple[Line, ...]]]:
        """Data set → hunch → its verdicts; none where it is not tested yet."""
        return {
            data: {name: () if one is None else lines_of(one) for name, one in told.items()}
            for data, told in self.answers.items()
        }

    def tested(self, data: str) -> list[HunchAnswer]:
        """The answers that there are."""
        return [one for one in self.answers[data].values() if one is not None]

    def word(self, data: str, name: str) -> str:
        """The summary in one word or few."""
        one = self.answers[data].get(name)
        return MISSING if one is None else one.summary.word


def page(found: Found) -> str:
    """The whole page, in Markdown."""
    return "\n".join([*_head(found), *_chance(found), *_families(found), *_made(found)]) + "\n"


def short(found: Found) -> str:
    """The table for the README, with a sentence on what it shows."""
    counted = "; ".join(
        f"{NAMES[data]}, {_counted(found, data)}" for data in found.answers if found.tested(data)
    )
    says = f"Each by its {'quick' if found.quick else 'full'} plan. Summaries: {counted}. " if counted else ""
    lines = [*_overview(found, "docs/what-holds.md"), "", f"{says}Every verdict with its effect, interval and seeds: [what holds](docs/what-holds.md)."]  # fmt: skip
    return "\n".join(lines)


def in_readme(text: str, table: str) -> str:
    """The README with the table between its two marks.

    Raises:
        ValueError: If the marks are not there, each once and in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        raise ValueError(f"the README needs {BEGIN} and, after it, {END}, each once")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def _head(found: Found) -> Iterator[str]:
    yield "# What holds"
    yield ""
    plans = "each by its quick plan" if found.quick else "each by its full plan"
    sets = " and ".join(f"on {_told(found, data)}" for data in found.answers)
    yield f"Every hunch of the catalogue, tested {plans}: {sets}. This page is written by `make findings`; it reports what was"
    yield "measured, also where that contradicts the folklore or a paper."
    yield ""
    yield "## How to read it"
    yield ""
    yield READING
    yield ""
    yield "## All of them"
    yield ""
    yield from _overview(found, "")
    yield ""


def _told(found: Found, data: str) -> str:
    """A data set in words."""
    facts = next((f for one in found.tested(data) for f in _facts(one)), None)
    if facts is None:
        return f"{NAMES[data]} ({MISSING})"
    what = {DIGITS: "the embedded digits (8×8 pixels", MNIST: "MNIST (28×28 pixels"}[data]
    return f"{what}; {facts.n_train:,} examples to train on, {facts.n_held:,} held out)"


def _overview(found: Found, where: str) -> Iterator[str]:
    """A row a hunch."""
    yield f"| what is said | {' | '.join(NAMES[data] for data in found.answers)} |"
    yield f"|---|{'---|' * len(found.answers)}"
    for one in found.catalogue:
        words = " | ".join(found.word(data, one.name) for data in found.answers)
        yield f"| [{_cell(one.statement.rstrip('.'))}]({where}#{one.name}) | {words} |"


def _counted(found: Found, data: str) -> str:
    """How many hunches have which summary."""
    words = Counter(one.summary.word for one in found.tested(data))
    told = ", ".join(f"{word} {n}" for word, n in words.most_common())
    return f"of {sum(words.values())} hunches {told}"


def _chance(found: Found) -> Iterator[str]:
    """How many verdicts are wrong by chance."""
    every = [one for data in found.answers for one in found.tested(data)]
    yield "## How many of these verdicts are wrong?"
    yield ""
    if not every:
        yield "There are no verdicts yet."
        yield ""
        return
    per = [(one.alpha, lines_of(one)) for one in every]
    total = sum(len(lines) for _, lines in per)
    open_ = sum(line.decision == UNDECIDED for _, lines in per for line in lines)
    between = sum(one.alpha for one in every if one.between)
    alphas = sorted({one.alpha for one in every})
    share = number(alphas[0]) if len(alphas) == 1 else f"{number(alphas[0])} to {number(alphas[-1])}"
    yield (
        f"Each test of a hunch on one data set is allowed an alpha of {share}, divided equally among all its claims in all regimes. "
        "A claim's part is the probability, at most, that its verdict comes out wrong: that something is called supported or refuted "
        "whose opposite is true or that makes no difference, or no meaningful difference where there is one beyond the margin. So the number of wrong "
        "verdicts to be expected is at most alpha times the number of claims that could go wrong, each with its own part of alpha: "
        f"{total} claims in {len(every)} such tests, together **{number(sum(a for a, _ in per))}**."
    )
    yield ""
    yield (
        f"{open_} of these verdicts are undecided, which states nothing that could be wrong; so the wrong ones are among the other "
        f"{total - open_}. Which ones, nobody can tell; a narrow interval far from 0 is the least likely to be one. The tests of "
        f"differences between regimes, which only settle whether a summary says *depends on the regime*, add {number(between)}."
    )
    yield ""
    yield (
        "This holds as far as the method's assumptions do; [validation.md](validation.md) measures how far that is. A hunch that was "
        "tested on both data sets counts twice."
    )
    yield ""


def _families(found: Found) -> Iterator[str]:
    names = {one.name: family for family, members in families().items() for one in members}
    last = ""
    for one in found.catalogue:
        family = names.get(one.name, "others")
        if family != last:
            yield f"## {family[:1].upper()}{family[1:]}"
            yield ""
            last = family
        yield from _hunch(found, one)


def _hunch(found: Found, one: Hunch) -> Iterator[str]:
    yield f"### {one.name}"
    yield ""
    yield f"**{one.statement}** {_predicted(one)}".rstrip()
    yield ""
    yield f"- networks (the first and the last width are those that the data ask for): {one.network}"
    for data, told in found.answers.items():
        answer = told.get(one.name)
        summary = MISSING if answer is None else f"**{answer.summary.word}**. {answer.summary.rest}"
        yield f"- {NAMES[data]}: {summary}{'' if summary.endswith('.') else '.'}"
    yield ""
    rows = _rows(found, one)
    if rows:
        columns = " | ".join(f"{NAMES[data]} | effect | seeds" for data in found.answers)
        yield f"| regime | claim | {columns} |"
        yield f"|---|---|{'---|---|---:|' * len(found.answers)}"
        yield from rows
        yield ""


def _rows(found: Found, one: Hunch) -> list[str]:
    """A row a regime and claim: the verdict on each data set."""
    by_data = {
        data: {(_regime(one, v), v.claim): v for v in told.get(one.name, ())}
        for data, told in found.lines.items()
    }
    asked = list(dict.fromkeys(key for lines in by_data.values() for key in lines))
    rows: list[str] = []
    for regime, claim in asked:
        cells = [_cell(regime), _cell(claim)]
        for lines in by_data.values():
            line = lines.get((regime, claim))
            cells += ["—", "", ""] if line is None else [line.decision, line.size, str(line.seeds)]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _regime(one: Hunch, line: Line) -> str:
    """What a regime is called; a hunch without regimes names its network, which has other inputs on other data."""
    return line.regime if one.regimes else ALONE


def _predicted(one: Hunch) -> str:
    if one.finer is not None or one.predicts == "supported":
        return ""
    return f"(It predicts of each claim below: {one.predicts}.)"


def _made(found: Found) -> Iterator[str]:
    seen = [p for data in found.answers for one in found.tested(data) for p in _provenance(one)]
    files = sum(len(list(_facts(one))) for data in found.answers for one in found.tested(data))
    yield "## How it was made"
    yield ""
    yield f"- Command: `make findings{' QUICK=1' if found.quick else ''}`; {files} study files, one a hunch, regime and data set."
    if seen:
        days = sorted({one.started[:10] for one in seen})
        yield f"- Date: {days[0]}{f' to {days[-1]}' if len(days) > 1 else ''}."
        yield f"- Versions: {'; '.join(dict.fromkeys(_versions(one) for one in seen))}."
        yield f"- Machine: {'; '.join(dict.fromkeys(_machine(one) for one in seen))}."
    yield "- Plans, claims and margins: `hunch list NAME`, fixed before the runs; where one was changed after a result had been seen, the"
    yield "  catalogue says so and the runs are those of another study seed."


def _versions(one: Provenance) -> str:
    return ", ".join(f"{name} {version}" for name, version in one.versions)


def _machine(one: Provenance) -> str:
    """Processor and cores; no more of a machine belongs on a page."""
    return ", ".join(one.machine.split(", ")[:2])


def _facts(one: HunchAnswer) -> Iterator[StudyFacts]:
    yield from (study.facts for study in one.studies.values())
    yield from (part.facts for part in (one.tunability.parts if one.tunability else {}).values())


def _provenance(one: HunchAnswer) -> Iterator[Provenance]:
    yield from (study.provenance for study in one.studies.values())
    yield from (part.provenance for part in (one.tunability.parts if one.tunability else {}).values())


def _cell(text: str) -> str:
    """A text that may stand in a table of Markdown."""
    return re.sub(r"([|*<\[\]])", r"\\\1", text)
