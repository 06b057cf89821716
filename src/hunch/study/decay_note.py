"""What a user should know of an arm's L2 or weight decay before it is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from hunch.network import decay_groups
from hunch.plan import Arm

MOST_NAMES = 4


def decay_sentence(placed: nn.Module, arm: Arm, inputs: Any) -> str:
    """On how many weights an arm's penalty acts, and where it only sets the effective learning rate.

    Args:
        placed: The network with the arm's norm in place.
        arm: The arm, resolved.
        inputs: Two examples.

    Returns:
        The sentence; empty where the arm has no penalty, or no norm follows a weight that it acts on.
    """
    acts = [name for name, value in (("L2", arm.l2), ("weight decay", arm.weight_decay)) if value]
    if not acts:
        return ""
    groups = decay_groups(placed, inputs, decay_norm=bool(arm.decay_norm))
    return groups.sentence(acts[0] if len(acts) == 1 else "its penalty (L2 and weight decay)")


def told_once(sentences: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Each sentence once, with the arms that it is about.

    Args:
        sentences: (arm, sentence); empty sentences are left out.

    Example:
        >>> told_once([("a", "it does x"), ("b", ""), ("c", "it does x")])
        ('Arms "a", "c": it does x.',)
    """
    by_sentence: dict[str, list[str]] = {}
    for arm, sentence in sentences:
        if sentence:
            by_sentence.setdefault(sentence, []).append(arm)
    return tuple(f"{_arms(names)}: {sentence}." for sentence, names in by_sentence.items())


def _arms(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"Arm{'s' if len(names) > 1 else ''} {shown}{more}"
