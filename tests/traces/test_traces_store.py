import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_study import (
    all_traces,
    freeze,
    make_plan,
    make_trace,
    same_runs,
    same_trace,
)

import hunch.traces.schema as schema
from hunch.errors import PlanError, StoreError
from hunch.plan import Arm, faster
from hunch.traces import StudyFile, open_or_create, read_study
from hunch.traces.codec import to_text

HERE = Path(__file__).parent
ROOM = {"PYTHONPATH": str(HERE.parents[1] / "src"), "PATH": os.environ["PATH"]}


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture(params=["file", "memory"])
def place(request, tmp_path):
    """Where a study is kept: both must behave alike."""
    return tmp_path / "study.hunch" if request.param == "file" else None


# --- what both kinds of store promise ------------------------------------------------------------


def test_runs_come_back_to_the_bit_in_the_order_of_their_keys(place, asked):
    traces = all_traces(asked[0])
    with open_or_create(place, *asked) as file:
        for trace in reversed(traces):
            file.append(trace)
        expected = sorted(traces, key=lambda t: t.key)
        assert same_runs(file.traces(), expected)
        assert same_runs(file.table(), expected)
        assert len(file) == len(traces)


def test_a_stored_run_does_not_change_when_the_engine_goes_on_with_its_arrays(place, asked):
    trace = make_trace("none", 0)
    with open_or_create(place, *asked) as file:
        file.append(trace)
        trace.cost[:] = -1.0
        assert same_trace(file.traces()[0], make_trace("none", 0))


def test_the_plan_is_as_asked_until_it_is_frozen(place, asked):
    plan = asked[0]
    with open_or_create(place, freeze(plan), *asked[1:]) as file:
        assert file.plan == plan
        assert not file.plan.is_frozen
        file.freeze(freeze(plan))
        assert file.plan == freeze(plan)
        file.freeze(freeze(plan))  # the same again changes nothing


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p: p, "no budget, rates or margins"),
        (lambda p: freeze(replace(p, alpha=0.01)), "not ask what this study"),
        (lambda p: freeze(p, target=0.4), "another plan was frozen before"),
    ],
)
def test_a_plan_is_frozen_once_and_only_as_asked(place, asked, change, why):
    with open_or_create(place, *asked) as file:
        file.freeze(freeze(asked[0]))
        with pytest.raises(StoreError, match=rf"{why}.*\[store-freeze\]"):
            file.freeze(change(asked[0]))
        assert file.plan == freeze(asked[0])


def test_a_run_is_made_once_but_a_failed_one_may_be_made_again(place, asked):
    with open_or_create(place, *asked) as file:
        file.append(make_trace("none", 0, failed="RuntimeError: no"))
        assert make_trace("none", 0).key not in file
        file.append(make_trace("none", 0))
        assert make_trace("none", 0).key in file
        with pytest.raises(
            StoreError, match=r"arm 'none' at seed 0 is in the study already.*store-run-twice"
        ):
            file.append(make_trace("none", 0))
        with pytest.raises(StoreError, match="store-run-twice"):
            file.append_many([make_trace("none", 1), make_trace("none", 1)])
        assert same_runs(file.traces(), [make_trace("none", 0)])


def test_many_runs_are_kept_together_or_not_at_all(place, asked):
    odd = replace(make_trace("none", 1), cost=np.zeros(2))
    with open_or_create(place, *asked) as file:
        file.append(make_trace("none", 2))
        with pytest.raises(StoreError, match="store-trace-shape"):
            file.append_many([make_trace("none", 0), odd])
        assert [t.key.seed for t in file.traces()] == [2]
        file.append(make_trace("none", 0))
        assert [t.key.seed for t in file.traces()] == [0, 2]


def test_nothing_is_written_after_closing_but_all_can_be_read(place, asked):
    file = open_or_create(place, *asked)
    file.append(make_trace("none", 0))
    file.close()
    file.close()
    assert same_runs(file.traces(), [make_trace("none", 0)])
    with pytest.raises(StoreError, match=r"was closed.*\[store-closed\]"):
        file.append(make_trace("none", 1))


def test_an_interrupt_inside_an_append_loses_only_that_append(place, asked, monkeypatch):
    import hunch.traces.store as store

    with open_or_create(place, *asked) as file:
        file.append(make_trace("none", 0))

        def interrupt(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, "update_document", interrupt)
            with pytest.raises(KeyboardInterrupt):
                file.append(make_trace("none", 1))
        assert [t.key.seed for t in file.traces()] == [0]
        file.append(make_trace("none", 2))
        assert [t.key.seed for t in file.traces()] == [0, 2]
    if place:
        assert [t.key.seed for t in read_study(place).table] == [0, 2]


def test_an_interrupt_right_after_a_commit_keeps_what_was_committed(place, asked):
    class Interrupted:
        """A connection that is interrupted once, just after it committed."""

        def __init__(self, conn):
            self.conn, self.is_armed = conn, True

        def execute(self, sql, *parameters):
            answer = self.conn.execute(sql, *parameters)
            if sql == "COMMIT" and self.is_armed:
                self.is_armed = False
                raise KeyboardInterrupt
            return answer

        def __getattr__(self, name):
            return getattr(self.conn, name)

    with open_or_create(place, *asked) as file:
        file._conn = Interrupted(file._conn)
        with pytest.raises(KeyboardInterrupt):
            file.append(make_trace("none", 0))
        file.append(make_trace("none", 1))
        assert [t.key.seed for t in file.traces()] == [0, 1]
    if place:
        assert [t.key.seed for t in read_study(place).table] == [0, 1]


def test_several_threads_may_append(place, asked):
    traces = all_traces(make_plan(8))
    with open_or_create(place, *asked) as file:
        parts = [
            threading.Thread(target=lambda k=k: [file.append(t) for t in traces[k::4]]) for k in range(4)
        ]
        for part in parts:
            part.start()
        for part in parts:
            part.join()
        assert same_runs(file.traces(), sorted(traces, key=lambda t: t.key))


# --- the file ------------------------------------------------------------------------------------


def test_a_closed_study_is_exactly_one_file(tmp_path, asked):
    with open_or_create(tmp_path / "study.hunch", *asked) as file:
        file.append(make_trace("none", 0))
        assert names(tmp_path) == ["study.hunch", "study.hunch-shm", "study.hunch-wal"]
    assert names(tmp_path) == ["study.hunch"]


def test_the_file_is_an_sqlite_database_that_other_tools_can_list(stored, asked):
    with sqlite3.connect(stored) as db:
        rows = db.execute(
            "SELECT stage, arm, seed, lr, budget FROM run WHERE stage='confirm' ORDER BY seed, arm"
        )
        assert rows.fetchone() == ("confirm", "before", 0, 1.0, 200)
        assert db.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
        assert db.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        (seal,) = db.execute("SELECT text FROM document WHERE name='seal'").fetchone()
        assert asked[0].hash in seal
    db.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(12)))
def test_the_order_in_which_runs_finish_changes_nothing_that_is_read(tmp_path, asked, order):
    traces = all_traces(asked[0])
    path = tmp_path / f"{'-'.join(map(str, order))}.hunch"
    with open_or_create(path, *asked) as file:
        file.append_many(traces[k] for k in order)
    assert same_runs(read_study(path).table, sorted(traces, key=lambda t: t.key))
    path.unlink()


@pytest.mark.parametrize(
    "name", ["a study?.hunch", "100%25 #1.hunch", "Überprüfung·λ.hunch", "'; DROP.hunch"]
)
def test_any_file_name_works(tmp_path, asked, name):
    with open_or_create(tmp_path / name, *asked) as file:
        file.append(make_trace("none", 0))
    assert names(tmp_path) == [name]
    assert len(read_study(tmp_path / name).table) == 1


def test_a_study_behind_a_link_is_resumed_where_it_lies(tmp_path, stored, asked):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "link.hunch").symlink_to(stored)
    with open_or_create(folder / "link.hunch", *asked) as file:
        assert len(file) == 12
    assert names(folder) == ["link.hunch"]


def test_creating_never_overwrites(stored, asked):
    before = stored.read_bytes()
    with pytest.raises(StoreError, match=r"exists already.*\[store-exists\]"):
        StudyFile.create(stored, *asked)
    assert stored.read_bytes() == before


def test_two_that_create_at_once_do_not_overwrite_each_other(tmp_path, asked, monkeypatch):
    import hunch.traces.opening as opening

    path = tmp_path / "study.hunch"
    monkeypatch.setattr(opening, "refuse_existing", lambda _: path.write_text("the other was faster"))
    with pytest.raises(StoreError, match="exists already"):
        StudyFile.create(path, *asked)
    assert path.read_text() == "the other was faster"
    assert names(tmp_path) == ["study.hunch"]


def test_a_file_system_without_links_will_do(tmp_path, asked, monkeypatch):
    def refuse(*_):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    with open_or_create(tmp_path / "study.hunch", *asked) as file:
        file.append(make_trace("none", 0))
    assert names(tmp_path) == ["study.hunch"]


def test_a_folder_that_is_not_there_is_named(tmp_path, asked):
    with pytest.raises(StoreError, match=r"there is no folder .*gone.*\[store-no-folder\]"):
        open_or_create(tmp_path / "gone" / "study.hunch", *asked)
    assert names(tmp_path) == []


def test_something_that_is_no_path_is_refused(asked):
    with pytest.raises(StoreError, match=r"got 5\. Write for instance 'bn\.hunch'.*\[store-path\]"):
        open_or_create(5, *asked)


def test_a_home_folder_is_written_out(tmp_path, asked, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_or_create("~/study.hunch", *asked) as file:
        file.append(make_trace("none", 0))
    assert len(read_study("~/study.hunch").table) == 1
    assert names(tmp_path) == ["study.hunch"]


def test_a_full_disk_is_an_error_that_says_what_is_safe(tmp_path, asked):
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as file:
        file.append(make_trace("none", 0))
        file._conn.execute("PRAGMA max_page_count=1")
        with pytest.raises(StoreError, match=r"no room left.*safe.*\[store-full\]"):
            file.append_many([make_trace("none", seed) for seed in range(1, 40)])
        assert len(file) == 1
    assert same_runs(read_study(path).table, [make_trace("none", 0)])
    assert names(tmp_path) == ["study.hunch"]


def test_the_seconds_of_all_sessions_add_up(tmp_path, asked, monkeypatch):
    import hunch.traces.store as store

    clock = iter(np.arange(0.0, 1000.0, 10.0))
    monkeypatch.setattr(store.time, "monotonic", lambda: float(next(clock)))
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as file:
        file.append(make_trace("none", 0))
        file.append(make_trace("none", 1))
        assert file.provenance.train_wall_s == 20.0
    with open_or_create(path, *asked) as file:
        assert file.provenance.train_wall_s == 20.0
        file.append(make_trace("none", 2))
    assert read_study(path).provenance == replace(asked[2], train_wall_s=30.0)


# --- resuming ------------------------------------------------------------------------------------


def test_the_same_call_goes_on_where_the_file_stands(stored, asked):
    with open_or_create(stored, *asked) as file:
        assert file.plan == freeze(asked[0])
        assert same_runs(file.traces(), sorted(all_traces(asked[0]), key=lambda t: t.key))


def test_what_was_found_when_the_study_began_stays(stored, asked):
    plan, facts, provenance = asked
    later = replace(provenance, started="2026-01-01T00:00:00+00:00", machine="another")
    with open_or_create(stored, plan, replace(facts, engine_reason="another reason"), later) as file:
        assert file.facts == facts
        assert file.provenance.started == provenance.started


def test_failed_runs_are_kept_for_the_reader_and_dropped_on_resume(tmp_path, asked):
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as file:
        file.append_many([make_trace("none", 0), make_trace("none", 1, failed="ValueError: no")])
    assert [t.failed for t in read_study(path).table] == [None, "ValueError: no"]
    with open_or_create(path, *asked) as file:
        assert same_runs(file.traces(), [make_trace("none", 0)])
    assert len(read_study(path).table) == 1


def with_arm(plan, **changes):
    return replace(plan, arms=(plan.arms[0], replace(plan.arms[1], **changes)))


DIFFERENCES = {
    "an arm's setting": (
        lambda p, f, v: (with_arm(p, norm="layer"), f, v),
        "arms differ: arm \"before\" has norm='batch' in the file and norm='layer' in this call",
        "arms",
    ),
    "an arm's setting that was not given": (
        lambda p, f, v: (with_arm(p, keep_prob={"0": 0.5}), f, v),
        "has keep_prob=(not given) in the file and keep_prob={'0': 0.5} in this call",
        "arms",
    ),
    "an arm more": (
        lambda p, f, v: (replace(p, arms=(*p.arms, Arm("after", norm="layer").resolved(1437))), f, v),
        'arm "after" is in this call and not in the file',
        "arms",
    ),
    "an arm less": (
        lambda p, f, v: (replace(p, arms=p.arms[1:], claims=()), f, v),
        'arm "none" is in the file and not in this call',
        "arms",
    ),
    "the order of arms": (
        lambda p, f, v: (replace(p, arms=p.arms[::-1]), f, v),
        "their order is none, before in the file and before, none in this call",
        "arms",
    ),
    "a claim": (
        lambda p, f, v: (replace(p, claims=(faster("none", than="before", margin=1.2),)), f, v),
        'claims differ: "before faster than none" and "before lower saturation than none" only in the file, '
        '"none faster than before" by 1.2 only in this call',
        "claims",
    ),
    "the order of claims": (
        lambda p, f, v: (replace(p, claims=p.claims[::-1]), f, v),
        "claims differ in their order or number",
        "claims",
    ),
    "data": (
        lambda p, f, v: (replace(p, data_hash="f" * 64), replace(f, data_source="d.csv", n_train=80), v),
        "the data differ: digits: 1,797 images of 8 × 8 with 1437 training examples, hash dddddddddddd, in "
        "the file and d.csv with 80 training examples, hash ffffffffffff, in this call",
        "data",
    ),
    "network": (
        lambda p, f, v: (replace(p, network_hash="f" * 64), replace(f, network="64 → 9 → 10"), v),
        "the network or its initial weights differ: 64 → 100 → 10, sigmoid, hash eeeeeeeeeeee, in the file "
        "and 64 → 9 → 10, hash ffffffffffff, in this call",
        "network",
    ),
    "seeds": (
        lambda p, f, v: (replace(p, seeds=tuple(range(20))), f, v),
        "seeds differ: 4 (0, 1, 2, 3) in the file and 20 (0, 1, … 19) in this call",
        "settings",
    ),
    "the study seed": (
        lambda p, f, v: (replace(p, seed=1, seeds=(1_000_000,), pilot_seeds=()), f, v),
        "seed differs: 0 in the file and 1 in this call",
        "settings",
    ),
    "budget": (
        lambda p, f, v: (replace(p, asked_budget=500), f, v),
        "budget differs: (not given) in the file and 500 in this call",
        "settings",
    ),
    "alpha": (
        lambda p, f, v: (replace(p, alpha=0.01), f, v),
        "alpha differs: 0.05 in the file and 0.01 in this call",
        "settings",
    ),
    "engine": (
        lambda p, f, v: (p, replace(f, engine="native"), v),
        "the engine differs: loop (cpu, one thread) in the file and native (cpu, one thread) here",
        "engine",
    ),
    "the engine's detail": (
        lambda p, f, v: (p, replace(f, engine_detail="cpu, AVX2"), v),
        "the engine differs: loop (cpu, one thread) in the file and loop (cpu, AVX2) here",
        "engine",
    ),
    "the library": (
        lambda p, f, v: (p, f, replace(v, versions=(("hunch-lab", "0.2.0"), ("torch", "2.13.0")))),
        "the library differs: the file was made with hunch-lab 0.1.0, and this is hunch-lab 0.2.0",
        "library",
    ),
    "torch": (
        lambda p, f, v: (p, f, replace(v, versions=(("hunch-lab", "0.1.0"),))),
        "the library differs: the file was made with torch 2.13.0, and this is torch unknown",
        "library",
    ),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_a_difference_is_named_and_nothing_is_written(stored, asked, case):
    change, text, kind = DIFFERENCES[case]
    before, files = stored.read_bytes(), names(stored.parent)
    with pytest.raises(PlanError, match="cannot resume") as caught:
        open_or_create(stored, *change(*asked))
    assert text in str(caught.value)
    assert "Nothing was written" in str(caught.value)
    assert f"store-resume-{kind}" in {p.slug for p in caught.value.problems}
    assert stored.read_bytes() == before
    assert names(stored.parent) == files


def test_all_differences_are_named_at_once(stored, asked):
    plan, facts, provenance = asked
    with pytest.raises(PlanError, match="3 problems") as caught:
        open_or_create(
            stored, with_arm(replace(plan, alpha=0.1), lr=0.5), replace(facts, engine="native"), provenance
        )
    assert [p.slug for p in caught.value.problems] == [
        "store-resume-arms", "store-resume-settings", "store-resume-engine",
    ]  # fmt: skip
    assert str(caught.value).count("Nothing was written") == 1


@pytest.mark.parametrize(
    ("change", "can_be_explored"),
    [
        (lambda p: replace(p, claims=p.claims[:1]), True),
        (lambda p: replace(p, alpha=0.01), True),
        (lambda p: replace(p, asked_target=0.7), True),
        (lambda p: replace(p, seeds=(*p.seeds, 99)), False),
        (lambda p: with_arm(p, lr=0.5), False),
    ],
)
def test_what_can_be_asked_of_the_stored_runs_is_said(stored, asked, change, can_be_explored):
    with pytest.raises(PlanError, match="cannot resume") as caught:
        open_or_create(stored, change(asked[0]), *asked[1:])
    assert (f"hunch.open({str(stored)!r}).explore(" in str(caught.value)) == can_be_explored


def test_a_frozen_plan_of_the_same_call_may_resume(stored, asked):
    with open_or_create(stored, freeze(asked[0], target=0.1), *asked[1:]) as file:
        assert file.plan == freeze(asked[0])


# --- one writer ----------------------------------------------------------------------------------


def test_a_second_writer_is_told_so_and_the_first_goes_on(tmp_path, asked):
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as file:
        file.append(make_trace("none", 0))
        with pytest.raises(
            StoreError, match=r"being written by another process.*hunch\.open.*\[store-busy\]"
        ):
            open_or_create(path, *asked)
        file.append(make_trace("none", 1))
    with open_or_create(path, *asked) as file:
        assert len(file) == 2


def test_a_second_writer_in_another_process_is_told_so_while_the_first_writes(tmp_path, asked):
    path = tmp_path / "study.hunch"
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from made_study import *\nfrom hunch.traces import open_or_create\n"
        "from hunch.errors import StoreError\n"
        "for _ in range(3):\n"
        "    try:\n        open_or_create(sys.argv[1], make_plan(), make_facts(), make_provenance())\n"
        "    except StoreError as error:\n        print(error.slug)\n"
    )
    with open_or_create(path, *asked) as file:
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(HERE)], env=ROOM, stdout=subprocess.PIPE, text=True
        )
        seed = 0
        while other.poll() is None:
            file.append(make_trace("none", seed))
            seed += 1
        said = other.communicate()[0]
    assert said.split() == ["store-busy"] * 3
    assert len(read_study(path).table) == seed


def test_a_writer_that_lost_its_file_to_another_says_so_and_spoils_nothing(tmp_path, asked, monkeypatch):
    monkeypatch.setattr("hunch.traces.store._CLOSE_TIMEOUT_S", 0.05)
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as first:
        first._conn.execute("ROLLBACK")  # as if it had been between two commits
        with open_or_create(path, *asked) as second:
            second.append(make_trace("none", 0))
        with pytest.raises(StoreError, match="store-busy"):
            first.append(make_trace("none", 1))
    assert same_runs(read_study(path).table, [make_trace("none", 0)])


def test_a_reader_that_stays_does_not_keep_the_writer_from_closing(tmp_path, asked, monkeypatch):
    monkeypatch.setattr("hunch.traces.store._CLOSE_TIMEOUT_S", 0.05)
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as file:
        file.append(make_trace("none", 0))
        reader = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM run").fetchone()
    reader.close()
    assert len(read_study(path).table) == 1
    open_or_create(path, *asked).close()
    assert names(tmp_path) == ["study.hunch"]


# --- formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_formats_1_and_2_are_read_and_gone_on_with(tmp_path, asked, version, monkeypatch):
    """They hold no losses of single examples, and facts without what a constant does on them."""
    path = tmp_path / "old.hunch"
    made = sorted(all_traces(asked[0]), key=lambda t: t.key)
    with monkeypatch.context() as then:
        then.setattr(schema, "facts_to_text", lambda facts: to_text(facts.in_short()))
        with open_or_create(path, *asked) as file:
            file.append_many(made[:-1])
    with sqlite3.connect(path) as db:
        (facts,) = db.execute("SELECT text FROM document WHERE name='facts'").fetchone()
        assert "constant" not in facts
        db.execute(f"PRAGMA user_version={version}")
    db.close()
    stored = read_study(path)
    assert same_runs(stored.table, made[:-1])
    assert stored.facts == asked[1]
    now = replace(asked[1], constant_losses=(2.0, 3.0))
    with open_or_create(path, asked[0], now, asked[2]) as file:
        file.append(replace(made[-1], held_losses=np.float32([1.0, 2.0])))
        assert file.facts == asked[1]
    again = read_study(path)
    assert same_runs(again.table, [*made[:-1], replace(made[-1], held_losses=np.float32([1.0, 2.0]))])
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
    db.close()


def add_a_table(conn):
    conn.execute("CREATE TABLE later (x)")


def test_an_older_format_is_read_as_it_is_and_brought_up_to_date_by_the_next_writer(
    stored, asked, monkeypatch
):
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_a_table))
    monkeypatch.setattr("hunch.traces.opening.MIGRATIONS", schema.MIGRATIONS)
    before = hashlib.sha256(stored.read_bytes()).digest()
    expected = sorted(all_traces(asked[0]), key=lambda t: t.key)
    assert same_runs(read_study(stored).table, expected)
    assert hashlib.sha256(stored.read_bytes()).digest() == before
    with open_or_create(stored, *asked) as file:
        assert same_runs(file.traces(), expected)
    with sqlite3.connect(stored) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        assert db.execute("SELECT * FROM later").fetchall() == []
    db.close()
