"""Runs as TensorBoard event files: one folder a run, scalars with steps, hyperparameters, verdicts as text.

By TensorBoard's own record writer and messages; neither torch nor TensorFlow is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from hunch.errors import StoreError
from hunch.results.export_runs import COST, FAILED, HELD_COST, HELD_ERROR, ToldRun, ToldStudy
from hunch.results.export_tables import missing_extra
from hunch.results.writing import write_whole

HPARAMS, PROTOS = "tensorboard.plugins.hparams", "tensorboard.compat.proto.summary_pb2"
FILE_NAME = "events.out.tfevents.{started:010d}.hunch"
"""One name for one study: a second export replaces the first, where a clock in it would put both side by side."""


def write_tensorboard(told: ToldStudy, folder: Path) -> Path:
    """Write an event file for each run, in a folder `ARM/seed-SEED` of its own, and one for the study.

    Iterations are the steps. A run's clock starts when the study did and goes on evenly over the seconds that the run
    took: within a run only the total was measured.

    Raises:
        UnsupportedError: If TensorBoard is not installed.
        StoreError: If it cannot be written.
    """
    try:
        import_module(f"{HPARAMS}.summary_v2")
        text_pb = import_module("tensorboard.plugins.text.summary_v2").text_pb
    except ImportError:
        raise missing_extra("an event file", "TensorBoard", "tensorboard") from None
    file_name = FILE_NAME.format(started=int(told.started))
    config = _experiment(told)
    texts = [text_pb(f"verdicts/{said.about}", said.text) for said in told.conclusions]
    _write(folder / file_name, _records(told.started, [(told.started, 0, one) for one in [config, *texts]]))
    taken: set[str] = set()
    for run in told.runs:
        place = folder_name(run, taken)
        taken.add(place.casefold())
        _write(folder / place / file_name, _records(told.started, _events(run, told.started)))
    return folder


def folder_name(run: ToldRun, taken: set[str]) -> str:
    """ARM/seed-SEED with nothing in it that a file system minds; numbered where two would be the same.

    Args:
        run: The run.
        taken: Names that other runs have, in small letters.
    """
    arm = re.sub(r"[^\w.=+-]+", "-", run.arm).strip("-.") or "arm"
    name = f"{arm}/seed-{run.params['seed']}"
    if name.casefold() in taken:
        name = f"{name}-lr-{run.params['lr']:g}"
    unique, k = name, 2
    while unique.casefold() in taken:
        unique, k = f"{name}-{k}", k + 1
    return unique


def _events(run: ToldRun, started: float) -> Iterable[tuple[float, int, Any]]:
    """(time, step, summary) of a run: hyperparameters, scalars in the order of their steps, how it ended."""
    protos = import_module(PROTOS)
    summary_v2 = import_module(f"{HPARAMS}.summary_v2")
    yield started, 0, summary_v2.hparams_pb(run.params, trial_id=run.name, start_time_secs=started)
    by_step: dict[int, list[Any]] = {}
    for series in run.series:
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            by_step.setdefault(step, []).append(protos.Summary.Value(tag=series.name, simple_value=value))
    budget = max(int(run.params["budget"]), 1)
    for step, values in sorted(by_step.items()):
        yield started + run.wall_s * min(step / budget, 1.0), step, protos.Summary(value=values)
    yield started + run.wall_s, budget, _ended(run, started + run.wall_s)


def _ended(run: ToldRun, ended: float) -> Any:
    """How a run ended, as the dashboard of hyperparameters reads it; the maker of it there needs TensorFlow."""
    api = import_module(f"{HPARAMS}.api_pb2")
    messages, metadata = import_module(f"{HPARAMS}.plugin_data_pb2"), import_module(f"{HPARAMS}.metadata")
    status = api.STATUS_FAILURE if run.outcome == FAILED else api.STATUS_SUCCESS
    info = messages.SessionEndInfo(status=status, end_time_secs=ended)
    return _for_hparams(metadata.SESSION_END_INFO_TAG, messages.HParamsPluginData(session_end_info=info))


def _experiment(told: ToldStudy) -> Any:
    """Which hyperparameters and metrics there are.

    Without it the dashboard would take every reading for a metric. The maker of it there leaves out which parameters
    differ between runs, and those that do not are hidden.
    """
    api = import_module(f"{HPARAMS}.api_pb2")
    messages, metadata = import_module(f"{HPARAMS}.plugin_data_pb2"), import_module(f"{HPARAMS}.metadata")
    infos = []
    for name in dict.fromkeys(name for run in told.runs for name in run.params):
        values = [run.params.get(name) for run in told.runs]
        known = [value for value in values if value is not None]
        info = api.HParamInfo(name=name, differs=len({str(value) for value in values}) > 1)
        if all(isinstance(value, bool) for value in known):
            info.type = api.DATA_TYPE_BOOL
            info.domain_discrete.extend(sorted(set(known)))
        elif any(isinstance(value, str) for value in known):
            info.type = api.DATA_TYPE_STRING
            info.domain_discrete.extend(sorted({str(value) for value in known}))
        else:
            info.type = api.DATA_TYPE_FLOAT64
            info.domain_interval.min_value, info.domain_interval.max_value = (
                float(min(known)),
                float(max(known)),
            )
        infos.append(info)
    metrics = [api.MetricInfo(name=api.MetricName(tag=tag)) for tag in (COST, HELD_COST, HELD_ERROR)]
    experiment = api.Experiment(hparam_infos=infos, metric_infos=metrics, time_created_secs=told.started)
    return _for_hparams(metadata.EXPERIMENT_TAG, messages.HParamsPluginData(experiment=experiment))


def _for_hparams(tag: str, data: Any) -> Any:
    protos, metadata = import_module(PROTOS), import_module(f"{HPARAMS}.metadata")
    value = protos.Summary.Value(
        tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR
    )
    return protos.Summary(value=[value])


def _records(started: float, events: Iterable[tuple[float, int, Any]]) -> bytes:
    event = import_module("tensorboard.compat.proto.event_pb2").Event
    target = BytesIO()
    writer = import_module("tensorboard.summary.writer.record_writer").RecordWriter(target)
    writer.write(event(wall_time=started, file_version="brain.Event:2").SerializeToString())
    for time, step, summary in events:
        writer.write(event(wall_time=time, step=step, summary=summary).SerializeToString())
    return target.getvalue()


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {path.parent}: {error.strerror or error}. Name one where you may write.",
            "results-report-write",
        ) from error
    write_whole(path, content, called="export")
