"""docs/what-holds.md: a function of the study files, with every hunch of the catalogue."""

import os
import re
import sys
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import hunch
from hunch.catalogue import Finer, Hunch, Quick, Regime, hunches
from hunch.engine import Choice
from hunch.plan import Arm, faster, lower_cost, same
from hunch.traces import Provenance

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "study"))

from benchmarks.findings_page import BEGIN, END, Found, in_readme, page, short  # noqa: E402
from made_curves import Curves  # noqa: E402

from benchmarks import findings  # noqa: E402

GOLD = ROOT / "tests" / "gold" / "what-holds.md"
BASE = Arm("base", lr=0.3, batch_size=16)
QUICKER = Hunch(
    name="a-is-quicker", statement="What is called a is quicker than b.", source="Somebody 2014.", holds="Here.",
    fails="There.", arms=(Arm("a"), Arm("b")), claims=(faster("a", than="b"),), base=BASE, seeds=10, budget=200,
    widths=(8, 6, 3), activation="relu",
)  # fmt: skip
EVERYWHERE = replace(
    QUICKER,
    name="everywhere",
    statement="It is so | everywhere.",
    predicts="not supported",
    claims=(lower_cost("b", than="a", margin=0.01),),
    widths=(),
    regimes=tuple(Regime(name=f"{n} units", widths=(8, n, 3), activation="relu") for n in (3, 9)),
    across=(same("3 units: a", "9 units: a", of="cost", margin=0.02),),
    quick=Quick(seeds=8, regimes=("3 units",)),
)
FINER = replace(
    EVERYWHERE, name="finer", statement="It tunes finer.", arms=(), claims=(), across=(), predicts="supported",
    finer=Finer(knob="l2", than="keep_prob", doses=((0.5, 0.8, 1.0), (0.0, 0.01, 0.1))),
)  # fmt: skip
CATALOGUE = (QUICKER, EVERYWHERE, FINER)
SEEN = Provenance(
    "2026-01-02T03:04:05+00:00",
    (("python", "3.11.1"), ("hunch-lab", "0.1.0")),
    "A CPU, 2 cores, Linux x86_64",
)


@contextmanager
def made():
    """These hunches instead of the catalogue's, and curves that are drawn instead of an engine."""
    by_name = {one.name: one for one in CATALOGUE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hunch.study.hunches.find", by_name.__getitem__)
        patch.setattr("hunch.study.hunches_all.find", by_name.__getitem__)
        patch.setattr("hunch.study.hunches_all.hunches", lambda: CATALOGUE)
        patch.setattr("hunch.study.setup.choose", lambda *_, **__: Choice(Curves(faster_a=2.0), "made"))
        for name in ("compare", "dose_runs"):
            patch.setattr(import_module(f"hunch.study.{name}"), "provenance", lambda: SEEN)
        yield


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(20260103)
    y = np.arange(240) % 3
    return (rng.normal(size=(3, 8))[y] + 0.4 * rng.normal(size=(240, 8))).astype(np.float32), y


@pytest.fixture(scope="module")
def store(data, tmp_path_factory):
    """Study files of all hunches on the digits (here: on made data), and of one on MNIST."""
    folder = tmp_path_factory.mktemp("findings")
    with made():
        assert findings.run(folder, "digits", data, quick=False, only=None)
        assert findings.run(folder, "mnist", data, quick=False, only=["everywhere"])
    return folder


@pytest.fixture(scope="module")
def found(store):
    return findings.read(store, quick=False, catalogue=CATALOGUE)


def test_the_page_is_the_gold_page(found):
    told = page(found)
    if os.environ.get("HUNCH_GOLD") == "accept":
        GOLD.write_text(told, encoding="utf-8")
    assert told == GOLD.read_text(encoding="utf-8")


def test_the_same_files_give_the_same_page(found, store):
    assert page(findings.read(store, quick=False, catalogue=CATALOGUE)) == page(found)


def test_every_verdict_of_the_files_stands_on_the_page(found, store):
    told = page(found)
    for one in CATALOGUE:
        assert f"### {one.name}\n" in told
        assert f"**{one.statement}**" in told
    answer = hunch.results.answer_in(EVERYWHERE, store / "digits")
    lines = hunch.results.lines_of(answer)
    assert len(lines) == 3
    for line in lines:
        assert f"| {line.decision} | {line.size} | {line.seeds} |" in told


def test_what_is_expected_to_be_wrong_is_alpha_for_every_test_of_a_hunch(found):
    total = sum(len(lines) for told in found.lines.values() for lines in told.values())
    n_open = sum(
        v.decision == "undecided" for told in found.lines.values() for lines in told.values() for v in lines
    )
    assert f"{total} claims in 4 such tests, together **0.2**" in page(found)
    assert f"{n_open} of these verdicts are undecided" in page(found)


def test_nothing_of_the_machine_but_processor_and_cores(found):
    told = page(found)
    assert "- Machine: A CPU, 2 cores.\n" in told
    assert "Linux" not in told
    assert "- Date: 2026-01-02.\n" in told


def test_what_is_not_tested_yet_says_so(store):
    nothing = findings.read(store / "nowhere", quick=False, catalogue=CATALOGUE)
    assert "There are no verdicts yet." in page(nothing)
    assert page(nothing).count("not tested yet") == 2 * 2 * 3 + 2
    assert short(nothing).count("not tested yet") == 6


def test_quick_plans_lie_in_a_place_of_their_own_and_the_page_says_so(store, data):
    with made():
        assert findings.run(store, "digits", data, quick=True, only=["everywhere"])
    assert (store / "digits-quick" / "everywhere.hunch").is_file()
    told = page(findings.read(store, quick=True, catalogue=CATALOGUE))
    assert "each by its quick plan" in told
    assert "make findings QUICK=1" in told


def test_the_short_form_goes_between_the_marks_and_nothing_else_changes(found):
    before = f"# Hunch\n\n{BEGIN}\nold\n{END}\n\nmore\n"
    after = in_readme(before, short(found))
    assert after.startswith(f"# Hunch\n\n{BEGIN}\n| what is said |")
    assert after.endswith(f"\n{END}\n\nmore\n")
    assert in_readme(after, short(found)) == after
    for broken in ("no marks", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\n{END}"):
        with pytest.raises(ValueError, match="the README needs"):
            in_readme(broken, "table")


def test_the_command_writes_the_page_and_the_readme(found, store, tmp_path, monkeypatch):
    written: list[Found] = []
    with monkeypatch.context() as patch:
        patch.setattr(findings, "hunches", lambda: CATALOGUE)
        patch.setattr(findings, "write", written.append)
        assert findings.main(["--store", str(store), "--write"]) == 0
    assert page(written[0]) == page(found)
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    findings.write(found, tmp_path / "page.md", tmp_path / "README.md")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page(found)
    assert short(found) in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_where_mnist_is_not_there_that_is_said(tmp_path, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        findings, "run", lambda store, data, source, **_: asked.append((data, source)) or True
    )
    monkeypatch.setattr(findings, "write", lambda found: None)
    gone = str(tmp_path / "gone.npz")
    assert findings.main(["--store", str(tmp_path), "--mnist", gone]) == 0
    assert asked == [("digits", "digits")]
    assert f"MNIST is left out: there is no file {gone}." in capsys.readouterr().err
    assert findings.main(["--data", "mnist", "--mnist", gone]) == 1
    (tmp_path / "mnist.npz").write_bytes(b"")
    monkeypatch.setenv("MNIST", str(tmp_path / "mnist.npz"))
    assert findings.main(["--store", str(tmp_path), "--data", "mnist", "--only", "x"]) == 0
    assert asked[1:] == [("mnist", str(tmp_path / "mnist.npz"))]


def test_ctrl_c_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(findings, "run", stopped)
    assert findings.main(["--store", str(tmp_path), "--data", "digits"]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert findings.main(["--store", str(tmp_path), "--data", "digits", "--only", "gone"]) == 130


def test_a_name_that_there_is_not_is_told(tmp_path, capsys):
    assert findings.main(["--store", str(tmp_path), "--data", "digits", "--only", "bn-fewer-iteration"]) == 2
    assert "PlanError: the catalogue has no hunch" in capsys.readouterr().err


def test_the_committed_page_and_the_readme_name_every_hunch_of_the_catalogue():
    told = (ROOT / "docs" / "what-holds.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    between = readme.split(BEGIN)[1].split(END)[0]
    for one in hunches():
        assert f"\n### {one.name}\n" in told, f"{one.name}: run `make findings`"
        assert f"**{one.statement}**" in told
        assert f"(docs/what-holds.md#{one.name})" in between, f"{one.name}: run `make findings`"
    assert set(re.findall(r"^### (\S+)$", told, re.MULTILINE)) == {one.name for one in hunches()}
