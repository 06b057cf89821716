"""`hunch test` and `hunch compare`, with verbs that train nothing."""

import inspect
import json
from pathlib import Path

import pytest

from hunch.catalogue import find
from hunch.errors import DataError, HunchWarning
from hunch.plan import Arm, faster

DEFAULTS = {"max_seeds": 80, "looks": "planned", "robust": False, "stop_at_target": False}
COMPARE = ("compare", "net.py:build", "--data", "d.csv", "--arm", "none", "--arm", "before:norm=batch")


def test_a_hunch_is_tested_with_its_own_network_and_data(run, trainer):
    done = run("test", "bn-fewer-iterations")
    [(call, options)] = trainer.calls
    assert call == ("test", "bn-fewer-iterations", None, None)
    assert options == {**DEFAULTS, "missing": "error", "progress": True, "quick": False}
    assert done.code == 0


def test_the_verdict_comes_first_then_where_the_page_is(run, trainer, tmp_path):
    done = run("test", "bn-fewer-iterations")
    page = tmp_path / "bn-fewer-iterations.html"
    lines = done.out.splitlines()
    assert lines[0] == "SUPPORTED  before faster than none"
    assert lines[-1].split() == ["report", str(page)]
    assert page.read_text(encoding="utf-8") == "<html>"


def test_before_training_it_says_what_is_claimed_by_whom_and_what_is_done(run, trainer):
    done = run("test", "bn-fewer-iterations", "--seeds", "7")
    for words in (
        "Batch norm before the activation reduces the iterations",
        "Ioffe & Szegedy 2015",
        "64 → 100 → 100 → 100 → 10, sigmoid; the embedded digits",
        "none, before; 7 seeds each",
        "before faster than none",
    ):
        assert words in done.err
    assert "Ioffe" not in done.out


def test_quiet_says_nothing_before_the_verdict(run, trainer):
    done = run("test", "bn-fewer-iterations", "-q")
    assert done.err == ""
    assert trainer.calls[0][1]["progress"] is False


def test_no_report_writes_none(run, trainer, tmp_path):
    done = run("test", "bn-fewer-iterations", "--no-report")
    assert list(tmp_path.iterdir()) == []
    assert "report" not in done.out


def test_options_reach_the_verb_and_what_is_left_out_does_not(run, trainer, net, tmp_path):
    (tmp_path / "d.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    run(
        "test", "bn-before-activation", "--net", "net.py:build", "--data", "d.csv", "--y", "b",
        "--missing", "drop", "--base", "optimizer=adam,batch_size=32", "--seeds", "9", "--seed", "3",
        "--budget", "400", "--target", "0.5", "--store", "s.hunch", "--report", "page.html",
    )  # fmt: skip
    [((_, _, build, data), options)] = trainer.calls
    assert build() == "a network"
    assert data == "d.csv"
    assert options == {
        **DEFAULTS, "y": "b", "missing": "drop", "base": Arm("base", optimizer="adam", batch_size=32),
        "seeds": 9, "seed": 3, "budget": 400, "target": 0.5, "store": "s.hunch", "progress": True, "quick": False,
    }  # fmt: skip
    assert trainer.study.wrote == ["page.html"]


def test_where_it_is_stored_is_said(run, trainer):
    done = run("test", "bn-fewer-iterations", "--store", "s.hunch", "--no-report")
    assert done.out.splitlines()[-1].split() == ["stored", "in", "s.hunch"]


def test_compare_hands_over_arms_and_claims(run, trainer, net):
    done = run(
        *COMPARE, "--claim", "before faster than none", "--y", "target", "--metric", "held_out",
        "--cost", "huber", "--tuning", "none", "--alpha", "0.1", "--engine", "loop", "--base", "lr=0.1",
    )  # fmt: skip
    [((_, build, data), options)] = trainer.calls
    assert (build(), data) == ("a network", "d.csv")
    assert options["arms"] == [Arm("none"), Arm("before", norm="batch")]
    assert options["claims"] == [faster("before", than="none")]
    assert (options["metric"], options["cost"], options["tuning"]) == ("held_out", "huber", "none")
    assert (options["alpha"], options["engine"], options["y"]) == (0.1, "loop", "target")
    assert options["base"] == Arm("base", lr=0.1)
    assert done.code == 0
    assert trainer.study.wrote == [], "compare writes a page only where it is told to"


@pytest.mark.parametrize(
    ("typed", "looks"),
    [("anytime", "anytime"), ("10,20, 40", [10, 20, 40]), ("12", [12]), ("often", "often")],
)
def test_looks_are_a_word_or_numbers(run, trainer, net, typed, looks):
    run(*COMPARE, "--looks", typed, "--max-seeds", "40", "--robust")
    options = trainer.calls[0][1]
    assert (options["looks"], options["max_seeds"], options["robust"]) == (looks, 40, True)


def test_compare_without_claims_only_measures(run, trainer, net):
    assert run(*COMPARE).code == 0
    assert trainer.calls[0][1]["claims"] == []


def test_every_default_is_the_verbs_own():
    from hunch.cli import app
    from hunch.study import compare as verb

    ours = inspect.signature(app.compare).parameters
    theirs = inspect.signature(verb).parameters
    shared = set(ours) & set(theirs) - {"data", "store"}
    assert shared >= {
        "y",
        "missing",
        "seeds",
        "seed",
        "budget",
        "target",
        "metric",
        "cost",
        "tuning",
        "alpha",
    }
    assert {name: ours[name].default for name in shared} == {name: theirs[name].default for name in shared}


@pytest.mark.parametrize(
    ("decisions", "code"),
    [
        (("supported",), 0),
        (("no meaningful difference",), 0),
        (("supported", "refuted"), 1),
        (("undecided", "supported"), 1),
        ((), 0),
    ],
)
def test_strict_exits_with_1_only_when_a_claim_was_refuted_or_undecided(run, trainer, decisions, code):
    trainer.study.decisions = decisions
    assert run("test", "bn-fewer-iterations", "--strict").code == code
    assert run("test", "bn-fewer-iterations").code == 0


def test_what_a_verdict_advises_is_said_in_options_of_the_command(run, trainer):
    trainer.study.advice = 'give target=, a larger budget= or a study with max_seeds=97; arm "seeds=3" stays'
    said = run("test", "bn-fewer-iterations").out
    assert 'give --target, a larger --budget or a study with --max-seeds 97; arm "seeds=3" stays' in said


def test_json_is_all_there_is_on_stdout_even_if_the_users_code_prints(run, trainer):
    trainer.prints = "chatter of the user's build"
    done = run("test", "bn-fewer-iterations", "--json", "--store", "s.hunch")
    assert json.loads(done.out) == {
        "hunch": "bn-fewer-iterations",
        "statement": find("bn-fewer-iterations").statement,
        "report": "bn-fewer-iterations.html",
        "store": "s.hunch",
        "study": {"verdicts": ["supported"], "effect": None},
    }
    assert "chatter" in done.err


def test_json_that_prints_while_the_file_is_imported_goes_aside_too(run, trainer, tmp_path):
    (tmp_path / "net.py").write_text("print('hello')\ndef build():\n    pass\n", encoding="utf-8")
    done = run(*COMPARE, "--json")
    assert json.loads(done.out)["report"] is None
    assert "hello" in done.err


def test_a_warning_of_hunch_is_a_sentence_and_others_stay_warnings(run, trainer):
    trainer.warns = (HunchWarning("3 held-out examples also stand in the training part."),)
    done = run("test", "bn-fewer-iterations", "-q")
    assert done.err == "Note: 3 held-out examples also stand in the training part.\n"
    trainer.warns = (UserWarning("of somebody else"),)
    with pytest.warns(UserWarning, match="of somebody else"):
        run("test", "bn-fewer-iterations", "-q")


def test_ctrl_c_says_that_finished_runs_are_kept_and_how_to_go_on(run, trainer):
    trainer.raises = KeyboardInterrupt()
    done = run("test", "bn-fewer-iterations", "--store", "s.hunch")
    assert done.code == 130
    assert "Finished runs are kept in s.hunch; the same command goes on from there." in " ".join(
        done.err.split()
    )
    assert done.out == ""
    assert not Path("bn-fewer-iterations.html").exists()


def test_ctrl_c_without_a_store_says_that_nothing_was_kept(run, trainer):
    trainer.raises = KeyboardInterrupt()
    done = run("test", "bn-fewer-iterations", "--json")
    assert done.code == 130
    assert json.loads(done.out)["error"]["slug"] == "cli-stopped"
    assert "with --store FILE finished runs are kept" in json.loads(done.out)["error"]["message"]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("nowhere/page.html", "there is no folder nowhere"),
        (".", "it is a folder"),
        ("net.py", "does not end in .html. Write net.html."),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_before_training(run, trainer, net, page, words):
    done = run("test", "bn-fewer-iterations", "--report", page)
    assert done.code == 2
    assert words in " ".join(done.err.split())
    assert "[cli-output]" in done.err
    assert trainer.calls == []
    assert net.read_text(encoding="utf-8").startswith("def build")


def test_everything_typed_is_checked_before_training(run, trainer, net):
    assert "[catalogue-unknown-hunch]" in run("test", "bn-fewer").err
    assert "[network-file-missing]" in run("test", "bn-fewer-iterations", "--net", "gone.py").err
    assert "[cli-arm-form]" in run("test", "bn-fewer-iterations", "--base", "adam").err
    assert "[plan-arm-setting]" in run(*COMPARE, "--arm", "x:y=1").err
    assert "[plan-claim-form]" in run(*COMPARE, "--claim", "before is best").err
    assert trainer.calls == []


def test_what_the_verb_refuses_is_told_without_a_traceback(run, trainer):
    trainer.raises = DataError("no column 'z' in d.csv; it has a, b.", "data-no-column")
    done = run("test", "bn-fewer-iterations", "-q")
    assert done.code == 2
    assert done.err == "DataError: no column 'z' in d.csv; it has a, b.  [data-no-column]\n"
    assert list(Path().iterdir()) == []
