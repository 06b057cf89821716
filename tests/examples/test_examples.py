"""Every example runs, on tiny data and a tiny budget, and is short."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "examples"
MOST_LINES = 60


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    """A few seconds; what is written goes into an empty folder."""
    monkeypatch.setenv("HUNCH_TINY", "1")
    monkeypatch.chdir(tmp_path)


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_cells():
    notebook = json.loads((FOLDER / "notebook.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def table(tmp_path):
    """A small table with the columns of the real one, made up: the price rises with the income."""
    rng = np.random.default_rng(7)
    n = 160
    income = rng.uniform(1, 10, n)
    rooms = np.where(rng.random(n) < 0.05, np.nan, rng.integers(100, 900, n))
    frame = pd.DataFrame(
        {
            "longitude": rng.uniform(-124, -115, n), "latitude": rng.uniform(33, 42, n),
            "housing_median_age": rng.integers(1, 52, n), "total_rooms": rng.integers(500, 6000, n),
            "total_bedrooms": rooms, "population": rng.integers(300, 3000, n),
            "households": rng.integers(100, 900, n), "median_income": income,
            "median_house_value": 40_000 * income + rng.normal(0, 20_000, n),
            "ocean_proximity": rng.choice(["INLAND", "NEAR BAY", "<1H OCEAN"], n),
        }
    )  # fmt: skip
    frame.to_csv(tmp_path / "small.csv", index=False)
    return tmp_path / "small.csv"


def test_convnet(capsys):
    study = load("convnet").main()
    assert study.facts.engine == "batched"
    assert [site.name for site in study.facts.sites] == ["features.0", "features.3", "classify"]
    assert len(study.verdicts) == 3
    assert Path("convnet.html").stat().st_size
    assert "seeds" in capsys.readouterr().out


def test_housing(table, capsys):
    study = load("housing").main(table)
    assert study.facts.error_unit == "target"
    assert len(study.verdicts) == 2
    said = capsys.readouterr().out
    assert "drop: off by " in said
    assert 10_000 < study.frame()["held_out_error"].mean() < 1_000_000, "dollars"


def test_lightning_module(capsys):
    pytest.importorskip("lightning")
    inside, whole = load("lightning_module").main()
    assert whole.facts.engine == "batched"
    assert [site.name for site in whole.facts.sites] == ["net.0", "net.2"]
    assert inside.facts.n_parameters == whole.facts.n_parameters
    assert "the module as it is" in capsys.readouterr().out


def test_notebook_cell_by_cell():
    names = {}
    for cell in code_cells():
        exec(compile("".join(cell["source"]), "notebook.ipynb", "exec"), names)
    assert names["study"].verdicts
    assert Path("notebook.html").stat().st_size
    assert Path("notebook.csv").stat().st_size


@pytest.mark.slow
def test_notebook_in_a_kernel(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(FOLDER / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert any("norm faster than none" in out.get("data", {}).get("text/html", "") for out in shown)


def test_the_notebook_holds_no_outputs():
    for cell in code_cells():
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_every_example_is_short_and_has_a_test():
    names = {path.stem for path in FOLDER.iterdir() if path.suffix in (".py", ".ipynb")}
    tested = Path(__file__).read_text(encoding="utf-8")
    assert names == {"convnet", "housing", "lightning_module", "notebook"}
    for name in names:
        assert f"def test_{name}" in tested
    for path in FOLDER.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path.name
    assert sum(len(cell["source"]) for cell in code_cells()) <= MOST_LINES
