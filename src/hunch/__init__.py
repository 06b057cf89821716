"""Hunch: from a hunch about batch norm, dropout or L2 to evidence on your own PyTorch network.

    import hunch

    study = hunch.compare(
        hunch.mlp([64, 100, 10], "sigmoid"), "digits",
        arms=[hunch.Arm("none"), hunch.Arm("before", norm="batch")],
        claims=[hunch.faster("before", than="none")],
    )
    print(study)

Importing hunch imports nothing else: each name is fetched from its room when it is first used, so that a
stored study can be read without loading torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hunch.engine.streams import batches as batches
    from hunch.engine.streams import noise as noise
    from hunch.errors import DataError as DataError
    from hunch.errors import EngineError as EngineError
    from hunch.errors import HunchError as HunchError
    from hunch.errors import HunchWarning as HunchWarning
    from hunch.errors import NetworkError as NetworkError
    from hunch.errors import PlacementError as PlacementError
    from hunch.errors import PlanError as PlanError
    from hunch.errors import StoreError as StoreError
    from hunch.errors import UnsupportedError as UnsupportedError
    from hunch.evidence import Verdict as Verdict
    from hunch.network import mlp as mlp
    from hunch.network import place as place
    from hunch.plan import Arm as Arm
    from hunch.plan import Claim as Claim
    from hunch.plan import Plan as Plan
    from hunch.plan import contrast as contrast
    from hunch.plan import faster as faster
    from hunch.plan import higher as higher
    from hunch.plan import lower as lower
    from hunch.plan import lower_cost as lower_cost
    from hunch.plan import lower_error as lower_error
    from hunch.plan import same as same
    from hunch.results import Audit as Audit
    from hunch.results import DoseResponse as DoseResponse
    from hunch.results import DropoutLaw as DropoutLaw
    from hunch.results import Equivalence as Equivalence
    from hunch.results import HunchAnswer as HunchAnswer
    from hunch.results import HunchAnswers as HunchAnswers
    from hunch.results import Runs as Runs
    from hunch.results import Search as Search
    from hunch.results import Study as Study
    from hunch.results import Tunability as Tunability
    from hunch.results import dropout_law as dropout_law
    from hunch.results import open as open
    from hunch.results import overview as overview
    from hunch.study import audit as audit
    from hunch.study import compare as compare
    from hunch.study import equivalent as equivalent
    from hunch.study import search as search
    from hunch.study import test as test
    from hunch.study import test_all as test_all
    from hunch.study import train as train
    from hunch.study import tunability as tunability
    from hunch.study import tune as tune

    __version__: str

_ROOMS = {
    "engine.streams": ("batches", "noise"),
    "errors": (
        "DataError", "EngineError", "HunchError", "HunchWarning", "NetworkError", "PlacementError",
        "PlanError", "StoreError", "UnsupportedError",
    ),
    "evidence": ("Verdict",),
    "network": ("mlp", "place"),
    "plan": (
        "Arm", "Claim", "Plan", "contrast", "faster", "higher", "lower", "lower_cost", "lower_error", "same",
    ),
    "results": (
        "Audit", "DoseResponse", "DropoutLaw", "Equivalence", "HunchAnswer", "HunchAnswers", "Runs", "Search", "Study",
        "Tunability", "dropout_law", "open", "overview",
    ),
    "study": ("audit", "compare", "equivalent", "search", "test", "test_all", "train", "tunability", "tune"),
}  # fmt: skip
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Arm",
    "Audit",
    "Claim",
    "DataError",
    "DoseResponse",
    "DropoutLaw",
    "EngineError",
    "Equivalence",
    "HunchAnswer",
    "HunchAnswers",
    "HunchError",
    "HunchWarning",
    "NetworkError",
    "PlacementError",
    "Plan",
    "PlanError",
    "Runs",
    "Search",
    "StoreError",
    "Study",
    "Tunability",
    "UnsupportedError",
    "Verdict",
    "__version__",
    "audit",
    "batches",
    "compare",
    "contrast",
    "dropout_law",
    "equivalent",
    "faster",
    "higher",
    "lower",
    "lower_cost",
    "lower_error",
    "mlp",
    "noise",
    "open",
    "overview",
    "place",
    "same",
    "search",
    "test",
    "test_all",
    "train",
    "tunability",
    "tune",
]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its room (PEP 562) and keep it."""
    if name == "__version__":
        value: Any = _version()
    elif name in _HOME:
        from importlib import import_module

        value = getattr(import_module(f"hunch.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'hunch' has no attribute {name!r}{_nearest(name)}", name=name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, fetched or not, beside what every module has."""
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hunch-lab")
    except PackageNotFoundError:
        return "0+unknown"  # run from a checkout that was never installed


def _nearest(name: str) -> str:
    if name.startswith("_"):  # Python and tools ask for such names; they want no advice
        return ""
    from difflib import get_close_matches

    near = get_close_matches(name, __all__, n=1)
    near = near or [public for public in __all__ if public.lower() == name.lower()]
    return f". Did you mean hunch.{near[0]}?" if near else f". The public names are {', '.join(__all__)}."
