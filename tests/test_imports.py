"""Who imports whom: `--help` loads nothing heavy, the reading half no torch, rooms go through doors."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hunch

SOURCE = Path(hunch.__file__).parent
HEAVY = {"torch", "numpy", "pandas", "scipy", "altair", "jinja2", "narwhals", "vl_convert", "sqlite3"}
READING_HALF = ("errors", "data", "plan", "catalogue", "traces", "stats", "evidence", "report", "results")
COMMANDS = ("list", "test", "compare", "show", "report", "recover", "dropout", "info")
MOST_LINES = 600
BESIDE_THE_DOOR = {"hunch.engine.native_extension"}  # what the machine has; no part of what the room promises
JUNK = {"utils", "helpers", "common", "base", "misc"}


def in_a_fresh_python(code):
    """The last line of what the code prints, as words."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def loaded_by_command(*args):
    return in_a_fresh_python(
        "import sys\n"
        "from hunch.cli import main\n"
        f"try: main({list(args)!r})\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "print()\n"
        "print(*sys.modules)"
    )


# ---- help and the reading commands -------------------------------------------------------------------------


@pytest.mark.parametrize("args", [("--help",), *((command, "--help") for command in COMMANDS)], ids=" ".join)
def test_help_loads_nothing_but_typer(args):
    loaded = loaded_by_command(*args)
    assert "typer" in loaded
    assert not loaded & HEAVY
    ours = {name for name in loaded if name.partition(".")[0] == "hunch"}
    assert ours == {"hunch", "hunch.cli", "hunch.cli.app"}


def test_the_version_loads_nothing_but_typer():
    loaded = loaded_by_command("--version")
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith("hunch.") and "hunch.cli" not in name}


def test_list_loads_neither_torch_nor_numpy():
    loaded = loaded_by_command("list")
    assert "hunch.catalogue" in loaded
    assert not loaded & {"torch", "numpy", "pandas", "scipy"}


def test_the_law_of_one_layer_loads_no_torch_and_a_picture_of_it_none_either(tmp_path):
    for more in ((), ("--output", str(tmp_path / "law.svg"))):
        loaded = loaded_by_command("dropout", "12", "--keep", "0.8", *more)
        assert "hunch.results" in loaded
        assert "torch" not in loaded


def test_the_check_on_loaded_modules_can_fail():
    assert "sqlite3" in in_a_fresh_python("import sys, sqlite3; print(*sys.modules)")
    with pytest.raises(AssertionError, match="ModuleNotFoundError"):
        in_a_fresh_python("import no_such_module")


# ---- the reading half works without torch ------------------------------------------------------------------

BLOCK_TORCH = (
    "import sys\n"
    "class Block:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.partition('.')[0] == 'torch': raise ImportError('torch is blocked here')\n"
    "sys.meta_path.insert(0, Block())\n"
)


def modules_of(room):
    """The modules of a room, by qualified name."""
    if (SOURCE / f"{room}.py").exists():
        return [f"hunch.{room}"]
    files = sorted((SOURCE / room).rglob("*.py"))
    assert files, f"there is no room {room}"
    names = [".".join(f.relative_to(SOURCE.parent).with_suffix("").parts) for f in files]
    return [name.removesuffix(".__init__") for name in names]


def test_every_module_of_the_reading_half_is_imported_without_torch():
    names = [name for room in READING_HALF for name in modules_of(room)]
    code = (
        f"{BLOCK_TORCH}import importlib\nfor name in {names!r}: importlib.import_module(name)\nprint('done')"
    )
    assert in_a_fresh_python(code) == {"done"}


def test_the_block_on_torch_can_be_felt():
    with pytest.raises(AssertionError, match="torch is blocked here"):
        in_a_fresh_python(f"{BLOCK_TORCH}import hunch.network")


# ---- doors, sizes, names -----------------------------------------------------------------------------------


def imports_of(path):
    """(module, names taken from it) for every import of a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []


def is_part(folder, name):
    """Whether a name is a file or a folder in that folder."""
    return (folder / f"{name}.py").exists() or (folder / name).is_dir()


def door_problems(path, source=SOURCE):
    """What is wrong with the way a file imports other parts of hunch."""
    room = path.relative_to(source).parts[0]
    for module, names in imports_of(path):
        steps = module.split(".")
        if module.startswith("."):
            yield f"{module}: imports are absolute"
        elif module == "hunch" and not all(is_part(source, name) for name in names):
            yield f"{module}: {', '.join(names)} stands in a room; take it from there"
        elif steps[0] != "hunch" or len(steps) == 1 or path.stem in ("__init__", "__main__"):
            continue
        elif steps[1] == room and len(steps) == 2 and not all(is_part(source / room, n) for n in names):
            yield f"{module}: a file goes to its neighbour, not through its own door"
        elif steps[1] != room and len(steps) > 2 and module not in BESIDE_THE_DOOR:
            yield f"{module}: another room is entered by its door"


FILES = sorted(p for p in SOURCE.rglob("*.py") if p.parent != SOURCE)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_rooms_are_entered_by_their_doors_and_files_go_to_their_neighbours(path):
    assert list(door_problems(path)) == []


def test_the_check_on_doors_can_fail(tmp_path):
    for room in ("plan", "traces"):
        (tmp_path / room).mkdir()
    (tmp_path / "plan" / "arms.py").write_text("", encoding="utf-8")
    fine = tmp_path / "plan" / "fine.py"
    fine.write_text(
        "import json, hunch\nfrom hunch import plan\nfrom hunch.plan import arms\n"
        "from hunch.plan.arms import Arm\nfrom hunch.traces import Trace\n",
        encoding="utf-8",
    )
    wrong = tmp_path / "plan" / "wrong.py"
    wrong.write_text(
        "from hunch.plan import Arm\ndef f():\n    from hunch import Claim\nfrom . import arms\n"
        "from hunch.traces.records import Trace\n",
        encoding="utf-8",
    )
    assert list(door_problems(fine, tmp_path)) == []
    assert sorted(door_problems(wrong, tmp_path)) == [
        ".: imports are absolute",
        "hunch.plan: a file goes to its neighbour, not through its own door",
        "hunch.traces.records: another room is entered by its door",
        "hunch: Claim stands in a room; take it from there",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_stay_small_and_have_names_that_say_something(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert path.stem not in JUNK
