"""Arms and claims as they are typed: `before:norm=batch,keep_prob=0:0.8;2:0.5`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hunch.errors import PlanError, Problem
from hunch.plan import Arm, Claim, parse_claim

EXAMPLE = "before:norm=batch,lr=0.1"
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def parse_arms(texts: Iterable[str]) -> list[Arm]:
    """Read arms of the form `name[:key=value[,key=value…]]`.

    A value has the type of the arm's field. Several numbers are separated by semicolons:
    `keep_prob=0:0.8;2:0.5` keeps 0.8 at site 0 and 0.5 at site 2, `betas=0.9;0.99` are two numbers.

    Raises:
        PlanError: If a text does not have that form, or an arm makes no sense; lists every problem.

    Example:
        >>> parse_arms(["none", "drop:keep_prob=0.8,lr=0.1"])
        [Arm('none'), Arm('drop', keep_prob=0.8, lr=0.1)]
    """
    arms: list[Arm] = []
    problems: list[Problem] = []
    for text in texts:
        name, colon, settings = text.partition(":")
        if not name.strip() or "=" in name:
            problems.append(
                Problem(
                    f"--arm {text!r}: an arm begins with its name. Write for instance --arm {EXAMPLE}.",
                    "cli-arm-form",
                )
            )
        elif colon and not settings.strip():
            problems.append(
                Problem(
                    f"--arm {text!r}: nothing follows the colon. Write --arm {name.strip()}, or name what it "
                    f"changes, for instance --arm {EXAMPLE}.",
                    "cli-arm-form",
                )
            )
        else:
            _collect(arms, problems, f"--arm {text!r}", name.strip(), settings)
    PlanError.raise_all(problems)
    return arms


def parse_base(text: str | None, *, option: str = "--base") -> Arm | None:
    """Read what all arms have where they name nothing: `lr=0.1,optimizer=adam`.

    Args:
        text: What was typed.
        option: After which option.

    Raises:
        PlanError: If the text does not have that form, or makes no sense.

    Example:
        >>> parse_base("lr=0.1,optimizer=adam")
        Arm('base', optimizer='adam', lr=0.1)
    """
    if text is None:
        return None
    arms: list[Arm] = []
    problems: list[Problem] = []
    _collect(arms, problems, f"{option} {text!r}", "base", text)
    PlanError.raise_all(problems)
    return arms[0]


def parse_claims(texts: Iterable[str]) -> list[Claim]:
    """Read claims of the forms of `hunch.plan.parse_claim`.

    Raises:
        PlanError: If some text has none of these forms; lists all of them.
    """
    claims: list[Claim] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            claims.append(parse_claim(text))
        except PlanError as error:
            problems.extend(error.problems)
    PlanError.raise_all(problems)
    return claims


def _collect(arms: list[Arm], problems: list[Problem], where: str, name: str, settings: str) -> None:
    """Add the arm, or else what is wrong with it."""
    found, wrong = _settings(where, settings)
    try:
        arms.append(Arm(name, **found))
    except PlanError as error:
        wrong.extend(error.problems)
    problems.extend(wrong)


def _settings(where: str, text: str) -> tuple[dict[str, Any], list[Problem]]:
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    types = {key: kind for key, kind in get_type_hints(Arm).items() if key != "name"}
    for piece in filter(str.strip, text.split(",")):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not value:
            problems.append(_no_pair(where, piece.strip(), key))
        elif key not in types:
            problems.append(_unknown(where, key, types))
        elif key in found:
            problems.append(Problem(f"{where}: {key} is set twice. Set it once.", "cli-arm-form"))
        else:
            reader, wanted = _reader(types[key])
            try:
                found[key] = reader(value)
            except ValueError:
                problems.append(Problem(f"{where}: {key} must be {wanted}, got {value!r}.", "cli-arm-value"))
    return found, problems


def _no_pair(where: str, piece: str, key: str) -> Problem:
    hint = "Write key=value, with commas between, for instance norm=batch,lr=0.1."
    if ":" in key:
        hint = "Sites are separated by semicolons: keep_prob=0:0.8;2:0.5."
    return Problem(f"{where}: {piece!r} is no setting. {hint}", "cli-arm-form")


def _unknown(where: str, key: str, types: Mapping[str, Any]) -> Problem:
    near = get_close_matches(key.lower().replace("-", "_"), types, n=1)
    hint = f'Did you mean "{near[0]}"? ' if near else ""
    if key in ("p", "dropout_p", "rate"):
        hint = "Dropout is given as the probability to keep: keep_prob=0.8 is PyTorch's p=0.2. "
    return Problem(
        f"{where}: {key!r} is not a setting of an arm. {hint}The settings are {', '.join(sorted(types))}.",
        "plan-arm-setting",
    )


def _reader(annotation: Any) -> tuple[Callable[[str], Any], str]:
    """How a value of a field's type is read, and what it must be, in words."""
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    if any(get_origin(kind) is Mapping for kind in kinds):
        return _number_or_sites, "a number, or one a site as in keep_prob=0:0.8;2:0.5"
    if any(get_origin(kind) is tuple for kind in kinds):
        return _numbers, "numbers with semicolons between, as in betas=0.9;0.999"
    if bool in kinds:
        return _yes_or_no, "true or false"
    if int in kinds:
        return int, "a whole number"
    if float in kinds:
        return float, "a number"
    return str, "a word"


def _number_or_sites(text: str) -> float | dict[str, float]:
    if ":" not in text:
        return float(text)
    pairs = [piece.split(":") for piece in text.split(";") if piece.strip()]
    if any(len(pair) != 2 or not pair[0].strip() for pair in pairs):
        raise ValueError(text)
    sites = {site.strip(): float(number) for site, number in pairs}
    if len(sites) < len(pairs):
        raise ValueError(text)
    return sites


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(piece) for piece in text.split(";"))


def _yes_or_no(text: str) -> bool:
    word = text.lower()
    if word not in _WORDS:
        raise ValueError(text)
    return _WORDS[word]
