"""Runs for MLflow and TensorBoard, read back by their own libraries."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from made_study import BUDGET, make_facts, make_plan, make_provenance, make_trace

from hunch.errors import StoreError, UnsupportedError
from hunch.results import Study
from hunch.results.export_runs import Told, run_name, run_params, tell_runs
from hunch.results.export_tensorboard import folder_name
from hunch.traces import RunTable


@pytest.fixture
def little(plan, tmp_path):
    """Three runs: one that reached, one that diverged, one that failed; kept in a file called bn."""
    traces = [
        make_trace("none", 0), make_trace("before", 0, diverged_at=20), make_trace("none", 1, failed="no"),
    ]  # fmt: skip
    return Study(plan, make_facts(), make_provenance(), RunTable(make_facts(), traces), tmp_path / "bn.hunch")


# --- what is told --------------------------------------------------------------------------------


def test_a_run_has_parameters_series_with_steps_and_no_number_that_is_none(little):
    told = little._told(None)
    assert told.name == f"bn {little.plan.hash[:8]}"
    assert [run.name for run in told.runs] == ["none, seed 0", "none, seed 1", "before, seed 0"]
    first, failed, diverged = told.runs
    assert (first.params["arm"], first.params["lr"], first.params["budget"]) == ("none", 0.3, BUDGET)
    cost = next(series for series in first.series if series.name == "cost/train")
    trace = next(t for t in little.table if t.key.arm == "none" and t.key.seed == 0)
    assert list(cost.steps) == list(trace.eval_at)
    assert list(cost.values) == list(trace.cost)
    names = {series.name for series in first.series}
    assert names > {"cost/held_out", "error/held_out", "readings/0/saturation"}
    assert "readings/2/saturation" not in names, "does not apply there"
    assert (failed.outcome, failed.series) == ("failed", ())
    assert diverged.outcome == "diverged"
    assert all(np.isfinite(series.values).all() for series in diverged.series)
    assert max(next(s for s in diverged.series if s.name == "cost/train").steps) < 20


def test_parameters_are_one_level_deep(plan):
    arm = replace(plan.arms[1], keep_prob={"0": 0.8, "2": 0.5})
    params = run_params(arm, make_trace("before", 3))
    assert params["keep_prob.2"] == 0.5
    assert params["betas"] == "0.9, 0.999"
    assert {type(value) for value in params.values()} <= {str, int, float, bool}


def test_runs_of_one_arm_and_seed_have_names_of_their_own():
    taken = set()
    for trace in (
        make_trace("none", 0), make_trace("none", 0, lr=0.1), make_trace("none", 0, lr=0.1, stage="pilot"),
    ):  # fmt: skip
        name = run_name(trace, taken)
        assert name not in taken
        taken.add(name)
    assert taken == {"none, seed 0", "none, seed 0, lr 0.1", f"none, seed 0, lr 0.1, pilot, budget {BUDGET}"}


@pytest.mark.parametrize("arm", ["a/b", "../../up", "..", "", "a b", "keep 0.8", "ü"])
def test_no_name_of_an_arm_leaves_the_folder(arm):
    run = SimpleNamespace(arm=arm, params={"seed": 3, "lr": 0.1})
    name = folder_name(run, set())
    parts = name.split("/")
    assert len(parts) == 2
    assert parts[1] == "seed-3"
    assert parts[0] not in ("", ".", "..")
    again = folder_name(run, {name.casefold()})
    assert again != name
    assert folder_name(run, {name.casefold(), again.casefold()}) not in (name, again)


@pytest.mark.parametrize(
    ("tool", "module"),
    [("mlflow", "mlflow.tracking"), ("tensorboard", "tensorboard.plugins.hparams.summary_v2")],
)
def test_where_the_tool_is_absent_the_extra_is_named(little, monkeypatch, tmp_path, tool, module):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    with pytest.raises(UnsupportedError, match=rf"pip install 'hunch-lab\[{tool}\]'.*results-export-extra"):
        little.export(tmp_path / "there", to=tool)


# --- TensorBoard ---------------------------------------------------------------------------------


def read_events(folder):
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = module.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    return found


@pytest.fixture
def board(little, tmp_path):
    pytest.importorskip("tensorboard")
    return little.export(tmp_path / "board", to="tensorboard")


def test_tensorboard_reads_the_scalars_of_every_run(board, little):
    assert sorted(str(p.relative_to(board)) for p in board.glob("*/*")) == [
        "before/seed-0", "none/seed-0", "none/seed-1",
    ]  # fmt: skip
    found = read_events(board / "none" / "seed-0")
    trace = next(t for t in little.table if t.key.arm == "none" and t.key.seed == 0)
    events = found.Scalars("cost/train")
    assert [event.step for event in events] == list(trace.eval_at)
    np.testing.assert_allclose([event.value for event in events], trace.cost, rtol=1e-6)
    assert events[-1].wall_time - events[0].wall_time == pytest.approx(trace.wall_s, abs=1e-3)
    held = [event.value for event in found.Scalars("error/held_out")]
    np.testing.assert_allclose(held, trace.held_error, rtol=1e-6)


def test_tensorboard_reads_hyperparameters_and_how_a_run_ended(board):
    from tensorboard.plugins.hparams import api_pb2, metadata

    def told(folder, tag):
        content = read_events(folder).SummaryMetadata(tag).plugin_data.content
        return metadata._parse_plugin_data_as(content, tag.rpartition("/")[2])

    start = told(board / "before" / "seed-0", metadata.SESSION_START_INFO_TAG)
    assert start.hparams["norm"].string_value == "batch"
    assert start.hparams["seed"].number_value == 0
    for folder, status in (("none/seed-0", api_pb2.STATUS_SUCCESS), ("none/seed-1", api_pb2.STATUS_FAILURE)):
        assert told(board / folder, metadata.SESSION_END_INFO_TAG).status == status
    config = told(board, metadata.EXPERIMENT_TAG)
    infos = {info.name: info for info in config.hparam_infos}
    assert set(infos) >= {"arm", "lr", "seed", "norm"}
    assert infos["arm"].type == api_pb2.DATA_TYPE_STRING
    assert list(infos["arm"].domain_discrete) == ["before", "none"]
    assert (infos["lr"].domain_interval.min_value, infos["lr"].domain_interval.max_value) == (0.3, 1.0)
    assert infos["nesterov"].type == api_pb2.DATA_TYPE_BOOL
    assert {name for name, info in infos.items() if info.differs} == {"arm", "lr", "seed", "norm"}
    assert [info.name.tag for info in config.metric_infos] == [
        "cost/train",
        "cost/held_out",
        "error/held_out",
    ]


def test_the_verdicts_are_text_in_tensorboard(board, little):
    texts = read_events(board).Tensors("verdicts/before faster than none")
    assert texts[0].tensor_proto.string_val[0].decode() == str(little).splitlines()[0]


def test_a_second_export_replaces_the_first_byte_for_byte(board, little):
    before = {path: path.read_bytes() for path in sorted(board.rglob("events*"))}
    little.export(board, to="tensorboard")
    assert {path: path.read_bytes() for path in sorted(board.rglob("events*"))} == before


def test_tensorboard_needs_neither_torch_nor_tensorflow(stored, tmp_path):
    pytest.importorskip("tensorboard")
    code = (
        "import sys, hunch\n"
        f"hunch.open({str(stored)!r}).export({str(tmp_path / 'b')!r}, to='tensorboard')\n"
        "assert not {'torch', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- MLflow --------------------------------------------------------------------------------------

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
)


def read_experiment(path, name):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{path}")
    experiment = client.get_experiment_by_name(name)
    return (
        client,
        experiment,
        {r.data.tags["hunch.run"]: r for r in client.search_runs([experiment.experiment_id])},
    )


@pytest.mark.slow  # MLflow makes its tables by some fifty migrations
def test_mlflow_reads_one_experiment_with_params_metrics_and_verdicts(little, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "mlflow.db"
    assert little.export(place, to="mlflow") == place
    client, experiment, runs = read_experiment(place, f"bn {little.plan.hash[:8]}")
    assert experiment.tags["hunch.sentence.1"] == str(little).splitlines()[0]
    assert experiment.tags["hunch.plan_hash"] == little.plan.hash
    assert set(runs) == {"none, seed 0", "none, seed 1", "before, seed 0"}
    run = runs["none, seed 0"]
    assert run.info.status == "FINISHED"
    assert runs["none, seed 1"].info.status == "FAILED"
    assert (run.data.params["arm"], run.data.params["lr"]) == ("none", "0.3")
    assert run.data.tags["hunch.verdict.1"] == little.verdicts[0].decision
    history = client.get_metric_history(run.info.run_id, "cost/train")
    trace = next(t for t in little.table if t.key.arm == "none" and t.key.seed == 0)
    assert [(m.step, m.value) for m in history] == list(zip(trace.eval_at, trace.cost, strict=True))
    assert run.data.metrics["iterations_to_target"] == little.frame()["iterations"][0]
    assert not (tmp_path / "mlruns").exists()

    # A study that went on: what is there stays, what is new comes, and what was cut short is redone.
    client.create_run(experiment.experiment_id, tags={"hunch.run": "before, seed 1"})
    more = [*little.table, make_trace("before", 1)]
    Study(little.plan, little.facts, little.provenance, RunTable(little.facts, more), little.path).export(
        f"sqlite:///{place}", to="mlflow"
    )
    _, _, again = read_experiment(place, experiment.name)
    assert set(again) == {*runs, "before, seed 1"}
    assert again["none, seed 0"].info.run_id == run.info.run_id
    assert again["before, seed 1"].data.metrics["cost/train"] > 0

    (tmp_path / "notes.db").write_text("no database", encoding="utf-8")
    with pytest.raises(
        StoreError, match=r"file is not a database\. Name an SQLite file.*results-export-mlflow"
    ):
        little.export(tmp_path / "notes.db", to="mlflow")
    assert (tmp_path / "notes.db").read_text(encoding="utf-8") == "no database"
    with pytest.raises(StoreError, match=r"MLflow cannot write to ftp://nowhere.*results-export-mlflow"):
        little.export("ftp://nowhere/there", to="mlflow")


def test_what_was_concluded_reaches_the_arms_that_it_is_about():
    from hunch.results.export_mlflow import _verdicts

    told = SimpleNamespace(conclusions=(Told(("a", "b"), "a faster than b", "supported", "So."),))
    assert _verdicts(told, "a")["hunch.verdict.1"] == "supported"
    assert _verdicts(told, "c") == {}
    assert _verdicts(told) == {
        "hunch.claim.1": "a faster than b", "hunch.verdict.1": "supported", "hunch.sentence.1": "So.",
    }  # fmt: skip


def test_a_study_that_is_not_stored_is_told_too():
    plan = make_plan()
    held = SimpleNamespace(
        plan=plan,
        facts=make_facts(),
        provenance=make_provenance(),
        table=RunTable(make_facts(), []),
        path=None,
    )
    told = tell_runs(held, "confirm", ())
    assert told.name == f"hunch {plan.hash[:8]}"
    assert told.runs == ()
