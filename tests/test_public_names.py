"""What `import hunch` promises: these names, each from its room, and nothing loaded before it is used."""

import inspect
import subprocess
import sys

import pytest

import hunch

PROMISED = {
    # plan
    "Arm", "Claim", "Plan", "faster", "lower_cost", "lower_error", "lower", "higher", "same", "contrast",
    # verbs
    "compare", "train", "test", "test_all", "audit", "place", "open", "overview",
    "tune", "equivalent", "tunability", "search",
    # replaying a run
    "batches", "noise", "mlp",
    # exact mathematics
    "dropout_law", "DropoutLaw",
    # results
    "Study", "Runs", "Audit", "Verdict", "DoseResponse", "Equivalence", "Tunability", "Search",
    "HunchAnswer", "HunchAnswers",
    # errors
    "HunchError", "PlanError", "DataError", "NetworkError", "PlacementError", "UnsupportedError",
    "StoreError", "EngineError", "HunchWarning",
    "__version__",
}  # fmt: skip


def in_a_fresh_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_public_names_are_these():
    assert set(hunch.__all__) == PROMISED
    assert len(hunch.__all__) == len(PROMISED), "no name twice"
    assert sorted(hunch.__all__) == hunch.__all__, "sorted, for whoever looks one up"


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_public_name_is_there_and_explains_itself(name):
    thing = getattr(hunch, name)
    assert getattr(hunch, name) is thing, "the second look finds the same"
    if name == "__version__":
        assert thing[0].isdigit()
    else:
        assert callable(thing)
        assert inspect.getdoc(thing)
        assert thing.__name__ == name


def test_every_public_name_is_declared_for_type_checkers_too():
    source = inspect.getsource(hunch)
    declared = {name for name in PROMISED if f" import {name} as {name}\n" in source}
    assert declared == PROMISED - {"__version__"}
    assert "    __version__: str\n" in source


def test_a_name_comes_from_where_type_checkers_are_told():
    for line in inspect.getsource(hunch).splitlines():
        words = line.split()
        if words[:1] == ["from"] and words[4:5] == ["as"]:
            room, name = words[1], words[3]
            assert getattr(hunch, name) is getattr(sys.modules[room], name)


def test_star_import_and_dir_give_the_public_names():
    space = {}
    exec("from hunch import *", space)
    assert set(space) >= PROMISED
    assert set(dir(hunch)) >= PROMISED


def test_dir_names_them_before_any_is_fetched():
    listed = in_a_fresh_python("import hunch; print(*dir(hunch))")
    assert set(listed) >= PROMISED


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("compair", "compare"), ("arm", "Arm"), ("lower_costs", "lower_cost"), ("Verdicts", "Verdict")],
)
def test_a_typo_is_answered_with_the_nearest_name(typo, meant):
    with pytest.raises(
        AttributeError, match=f"module 'hunch' has no attribute '{typo}'. Did you mean hunch.{meant}\\?"
    ):
        getattr(hunch, typo)


def test_a_name_like_no_other_is_answered_with_all_of_them():
    with pytest.raises(AttributeError, match=r"The public names are Arm, .*, tune\."):
        hunch.zzzzzz  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'zzzzzz'"):
        from hunch import zzzzzz  # type: ignore[attr-defined]  # noqa: F401


def test_names_that_tools_ask_for_get_a_plain_answer():
    assert not hasattr(hunch, "__wrapped__")
    assert not hasattr(hunch, "_ipython_display_")
    with pytest.raises(AttributeError, match=r"^module 'hunch' has no attribute '_hidden'$"):
        hunch._hidden  # noqa: B018


def test_importing_hunch_and_writing_a_plan_load_neither_torch_nor_numpy():
    loaded = in_a_fresh_python(
        "import sys, hunch\n"
        "hunch.Plan(arms=(hunch.Arm('a'), hunch.Arm('b')), claims=(hunch.faster('a', than='b'),), "
        "cost='cross_entropy', seeds=(0, 1))\n"
        "hunch.PlanError, hunch.__version__\n"
        "print(*sys.modules)"
    )
    assert "hunch.plan" in loaded
    assert not {"torch", "numpy", "scipy", "pandas"} & set(loaded)
