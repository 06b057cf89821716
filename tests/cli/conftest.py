"""Running the command in this process, and a study that trains nothing."""

import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from hunch.cli import main


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run `hunch …` in an empty folder and return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def go(*args):
        with pytest.raises(SystemExit) as stopped:
            main(list(args))
        told = capsys.readouterr()
        return Done(stopped.value.code, told.out, told.err)

    return go


@dataclass
class FakeStudy:
    """Looks like a study from the outside."""

    decisions: tuple = ("supported",)
    wrote: list = field(default_factory=list)
    advice: str = ""

    @property
    def verdicts(self):
        return tuple(SimpleNamespace(decision=decision) for decision in self.decisions)

    def report(self, path):
        Path(path).write_text("<html>", encoding="utf-8")
        self.wrote.append(path)

    def to_json(self):
        return {"verdicts": list(self.decisions), "effect": float("nan")}

    def text(self):
        return f"{self}\n\nall about it"

    def __str__(self):
        lines = [f"{decision.upper()}  before faster than none" for decision in self.decisions]
        return "\n".join([*lines, self.advice] if self.advice else lines)


@dataclass
class Trainer:
    """Stands in for the verbs: keeps what they were called with, and gives a study."""

    study: FakeStudy = field(default_factory=FakeStudy)
    calls: list = field(default_factory=list)
    raises: BaseException | None = None
    prints: str = ""
    warns: tuple = ()

    def _answer(self, *call, **options):
        self.calls.append((call, options))
        if self.prints:
            print(self.prints)
        for warning in self.warns:
            warnings.warn(warning, stacklevel=2)
        if self.raises is not None:
            raise self.raises
        return self.study

    def test(self, name, build=None, data=None, **options):
        return self._answer("test", name, build, data, **options)

    def compare(self, build, data, **options):
        return self._answer("compare", build, data, **options)


@pytest.fixture
def trainer(monkeypatch):
    """The verbs, replaced."""
    made = Trainer()
    room = ModuleType("hunch.study")
    room.test, room.compare = made.test, made.compare
    monkeypatch.setitem(sys.modules, "hunch.study", room)
    return made


@pytest.fixture
def opened(monkeypatch):
    """`hunch.results.open`, replaced; the paths it was asked for are in `.paths`."""
    study = FakeStudy(decisions=("undecided",))
    study.paths = []
    room = ModuleType("hunch.results")
    room.open = lambda path: study.paths.append(path) or study
    monkeypatch.setitem(sys.modules, "hunch.results", room)
    return study


@pytest.fixture
def net(tmp_path):
    """A file with a function that makes a network (of nothing)."""
    path = tmp_path / "net.py"
    path.write_text("def build():\n    return 'a network'\n", encoding="utf-8")
    return path
