"""Runs in MLflow: one experiment a study, one run a run, by MLflow's own client; SQLite, or any tracking server."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from hunch.errors import StoreError
from hunch.results.export_runs import FAILED, ITERATIONS, ToldRun, ToldStudy
from hunch.results.export_tables import missing_extra

METRICS_AT_ONCE, PARAMS_AT_ONCE, LONGEST_TAG = 1000, 100, 4000
RUN_TAG = "hunch.run"


def write_mlflow(told: ToldStudy, place: str | os.PathLike[str]) -> Path:
    """Write the runs that the experiment has not yet, and the verdicts as they are now.

    MLflow would report its use to its makers; that is off here unless MLFLOW_DISABLE_TELEMETRY says otherwise.

    Args:
        told: The study.
        place: Path of an SQLite file, which need not exist, or a tracking URI with `://`.

    Raises:
        UnsupportedError: If MLflow is not installed.
        StoreError: If the store does not take it.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        refused = import_module("mlflow.exceptions").MlflowException
        make_client = import_module("mlflow.tracking").MlflowClient
    except ImportError:
        raise missing_extra("an MLflow experiment", "MLflow", "mlflow") from None
    is_uri = "://" in str(place)
    uri = str(place) if is_uri else f"sqlite:///{Path(place).resolve()}"
    artifacts = None if is_uri else Path(place).resolve().with_suffix(".artifacts").as_uri()
    loud = logging.getLogger("mlflow")
    level = loud.level
    loud.setLevel(logging.WARNING)
    try:
        _write(make_client(tracking_uri=uri), told, artifacts)
    except (refused, *_database_errors(), OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise StoreError(
            f"MLflow cannot write to {place}: {first.rstrip('.')}. Name an SQLite file, as mlflow.db, in a folder that "
            "exists, or the URI of a tracking server that runs.",
            "results-export-mlflow",
        ) from error
    finally:
        loud.setLevel(level)
    return Path(place)


def _database_errors() -> tuple[type[Exception], ...]:
    """What a file that is no database raises; MLflow lets it through."""
    with suppress(ImportError):
        return (import_module("sqlalchemy.exc").SQLAlchemyError,)
    return ()  # a tracking server needs no SQLAlchemy here


def _write(client: Any, told: ToldStudy, artifacts: str | None) -> None:
    found = client.get_experiment_by_name(told.name)
    experiment = (
        client.create_experiment(told.name, artifact_location=artifacts)
        if found is None
        else found.experiment_id
    )
    for name, value in (told.tags | _verdicts(told)).items():
        client.set_experiment_tag(experiment, name, value)
    there = dict(_known_runs(client, experiment))
    for run in told.runs:
        tags = _verdicts(told, run.arm)
        known = there.get(run.name)
        if known is None:
            _write_run(client, experiment, run, told.started, told.tags | tags)
            continue
        for name, value in tags.items():  # the study may have gone on since
            client.set_tag(known, name, value)


def _known_runs(client: Any, experiment: str) -> Iterator[tuple[str, str]]:
    """(name, id) of the runs that are whole; what was cut short is taken away, to be written anew."""
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            name = run.data.tags.get(RUN_TAG)
            if name is None:
                continue  # somebody else's
            if run.info.end_time is None:
                client.delete_run(run.info.run_id)
            else:
                yield name, run.info.run_id
        token = page.token
        if not token:
            return


def _write_run(client: Any, experiment: str, run: ToldRun, started: float, tags: dict[str, str]) -> None:
    entities = import_module("mlflow.entities")
    start, end = round(1000 * started), round(1000 * (started + run.wall_s))
    made = client.create_run(
        experiment,
        start_time=start,
        run_name=run.name,
        tags={RUN_TAG: run.name, "hunch.outcome": run.outcome},
    )
    identity = made.info.run_id
    metrics = [
        entities.Metric(series.name, value, end, step)
        for series in run.series
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True)
    ]
    if run.iterations is not None:
        metrics.append(entities.Metric(ITERATIONS, run.iterations, end, 0))
    params = [entities.Param(name, str(value)) for name, value in run.params.items()]
    for some in _portions(params, PARAMS_AT_ONCE):
        client.log_batch(identity, params=some)
    client.log_batch(identity, tags=[entities.RunTag(name, value) for name, value in tags.items()])
    for some in _portions(metrics, METRICS_AT_ONCE):
        client.log_batch(identity, metrics=some)
    client.set_terminated(identity, "FAILED" if run.outcome == FAILED else "FINISHED", end_time=end)


def _verdicts(told: ToldStudy, arm: str | None = None) -> dict[str, str]:
    """Tags with the conclusions: all of them, or those that an arm takes part in."""
    tags: dict[str, str] = {}
    for k, said in enumerate(told.conclusions, 1):
        if arm is None or arm in said.arms:
            tags[f"hunch.claim.{k}"] = said.about[:LONGEST_TAG]
            tags[f"hunch.verdict.{k}"] = said.word
            tags[f"hunch.sentence.{k}"] = said.text[:LONGEST_TAG]
    return tags


def _portions(items: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
