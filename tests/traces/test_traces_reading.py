import os
import pickle
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_study import (
    all_traces,
    freeze,
    make_facts,
    make_plan,
    make_provenance,
    make_trace,
    same_runs,
)

from hunch.errors import StoreError
from hunch.traces import StudyFile, open_or_create, read_study

HERE = Path(__file__).parent
ROOM = {"PYTHONPATH": str(HERE.parents[1] / "src"), "PATH": os.environ["PATH"]}


def writer(path, n_seeds):
    """A process that writes a study, and says each run that is safe."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "made_study.py"), str(path), str(n_seeds)],
        env=ROOM,
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_study(path, n_runs, n_seeds=50):
    """A study whose writer was killed after at least that many runs; returns the lines it had said."""
    process = writer(path, n_seeds)
    said = [process.stdout.readline() for _ in range(n_runs + 1)]
    process.send_signal(signal.SIGKILL)
    said += process.communicate()[0].splitlines()
    return [line.strip() for line in said[1:] if line.count(" ") == 2]


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def as_nobody(code, *arguments):
    """Run code as a user who may write nothing."""
    become = "import os; os.geteuid() or (os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
    imports = (
        f"import sys, tempfile; sys.path.insert(0, {str(HERE)!r}); from made_study import *\n"
        "from hunch.traces import open_or_create, read_study\n"
    )
    return subprocess.run(
        [sys.executable, "-B", "-c", imports + become + code, *map(str, arguments)],
        env=ROOM,
        capture_output=True,
        text=True,
        check=False,
    )


READ = "stored = read_study(sys.argv[1]); print(len(stored.table), stored.plan.is_frozen)"


# --- what a reader gets --------------------------------------------------------------------------


def test_a_stored_study_is_read_whole(stored, asked):
    plan, facts, provenance = asked
    found = read_study(str(stored))
    assert found.plan == freeze(plan)
    assert found.facts == facts
    assert found.provenance.started == provenance.started
    assert found.is_complete
    assert same_runs(found.table, sorted(all_traces(plan), key=lambda t: t.key))


def test_a_study_is_complete_when_every_confirm_run_is_there(tmp_path, asked):
    plan, path = asked[0], tmp_path / "study.hunch"
    *most, last = [t for t in all_traces(plan) if t.key.stage == "confirm"]
    with open_or_create(path, *asked) as file:
        assert not read_study(path).is_complete
        file.freeze(freeze(plan))
        file.append_many(most)
        assert not read_study(path).is_complete
        file.append(make_trace(last.key.arm, last.key.seed, failed="no"))
        assert not read_study(path).is_complete
        file.append(last)
        assert read_study(path).is_complete


def test_reading_leaves_the_file_and_its_folder_alone(stored):
    before = stored.read_bytes(), stored.stat().st_mtime_ns
    read_study(stored)
    assert names(stored.parent) == ["study.hunch"]
    assert (stored.read_bytes(), stored.stat().st_mtime_ns) == before


def test_a_reader_in_the_writers_own_process_sees_every_run_that_was_appended(tmp_path, asked):
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as file:
        for seed in range(5):
            file.append(make_trace("none", seed))
            assert same_runs(read_study(path).table, file.traces())


# --- files that are no studies -------------------------------------------------------------------


def other_database(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE run (id, body, sha256)")
    db.close()


def newer_study(path, asked=None):
    StudyFile.create(path, make_plan(), make_facts(), make_provenance()).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=7")
    db.close()


def study_of_another_plan(path):
    """Whole, but its plan has a field that this version does not know."""
    import hunch.traces.schema as schema
    from hunch.traces.codec import to_text

    class Later(type(make_plan())):
        def to_text(self):
            return to_text(self.to_json() | {"look_ahead": 3})

    with sqlite3.connect(path, isolation_level=None) as db:
        schema.fill(db, Later(**{f: getattr(make_plan(), f) for f in make_plan().__slots__}), make_facts(),
                    make_provenance())  # fmt: skip
    db.close()


NO_STUDIES = {
    "text": (
        lambda p: p.write_text("no study\n" * 100),
        "not a study file: it does not begin",
        "store-not-a-study",
    ),
    "a pickle": (lambda p: p.write_bytes(pickle.dumps([1] * 500)), "not a study file", "store-not-a-study"),
    "empty": (lambda p: p.touch(), "it is empty", "store-not-a-study"),
    "another database": (other_database, "another program's", "store-not-a-study"),
    "a folder": (lambda p: p.mkdir(), "is a folder, not a study file", "store-folder"),
    "missing": (lambda p: None, "there is no file", "store-missing"),
    "newer": (newer_study, r"format is 7, and this version reads formats up to 3\. Update", "store-newer"),
    "another plan": (study_of_another_plan, r"does not know: look_ahead.*another version", "store-newer"),
}


@pytest.mark.parametrize("kind", NO_STUDIES)
@pytest.mark.parametrize("verb", ["read", "resume"])
def test_a_file_that_is_no_study_is_refused_and_left_alone(tmp_path, asked, kind, verb):
    make, text, slug = NO_STUDIES[kind]
    path = tmp_path / "s.hunch"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=f"{text}.*{slug}"):
        read_study(path) if verb == "read" else StudyFile.resume(path, *asked)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert names(tmp_path) == (["s.hunch"] if kind != "missing" else [])


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_a_path_that_cannot_be_is_a_store_error(path):
    with pytest.raises(StoreError, match=r"store-(read|missing)"):
        read_study(path)


# --- read-only places ----------------------------------------------------------------------------


@pytest.fixture
def locked_folder(tmp_path):
    """A folder in which nobody but root may write."""
    # pytest's own folders are closed to others, so they are opened on the way down.
    for parent in (tmp_path, *tmp_path.parents):
        if parent == Path(parent.anchor):
            break
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(0o755)
    folder = tmp_path / "locked"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)


def lock(folder):
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


def test_a_study_in_a_read_only_folder_can_be_read(locked_folder, stored):
    shutil.copy(stored, locked_folder / "s.hunch")
    lock(locked_folder)
    done = as_nobody(READ, locked_folder / "s.hunch")
    assert done.stdout.split() == ["12", "True"], done.stderr
    assert names(locked_folder) == ["s.hunch"]


@pytest.mark.parametrize("left", [("-wal", "-shm"), ("-wal",)], ids=["as killed", "copied without the index"])
def test_a_killed_study_in_a_read_only_folder_can_be_read(locked_folder, tmp_path, left):
    said = killed_study(tmp_path / "s.hunch", 5)
    for suffix in ("", *left):
        shutil.copy(tmp_path / f"s.hunch{suffix}", locked_folder)
    lock(locked_folder)
    done = as_nobody(READ, locked_folder / "s.hunch")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= len(said)
    assert names(locked_folder) == sorted(f"s.hunch{suffix}" for suffix in ("", *left))


def test_writing_where_one_may_not_is_a_clear_error(locked_folder, stored):
    code = (
        "for name in ('s.hunch', 'new.hunch'):\n"
        "    try: open_or_create(sys.argv[1] + '/' + name, make_plan(), make_facts(), make_provenance())\n"
        "    except Exception as error: print(type(error).__name__, error.slug)\n"
    )
    shutil.copy(stored, locked_folder / "s.hunch")
    lock(locked_folder)
    done = as_nobody(code, locked_folder)
    assert done.stdout.split() == ["StoreError", "store-write"] * 2, done.stderr
    assert names(locked_folder) == ["s.hunch"]


# --- while another process writes, and after it was killed --------------------------------------


def test_readers_see_whole_studies_that_only_grow_while_another_process_writes(tmp_path):
    path, n_seeds = tmp_path / "s.hunch", 40
    process = writer(path, n_seeds)
    assert process.stdout.readline() == "open\n"
    seen = []
    while process.poll() is None:
        table = read_study(path).table
        seen.append(len(table))
        assert all(t.failed is None and len(t.cost) == len(t.eval_at) for t in table)
    said = process.communicate()[0].splitlines()
    assert said[-1] == "closed"
    assert len(said) == 2 * n_seeds + 4 + 1
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert names(tmp_path) == ["s.hunch"]
    expected = sorted(all_traces(make_plan(n_seeds)), key=lambda t: t.key)
    assert same_runs(read_study(path).table, expected)


@pytest.mark.parametrize("n_runs", [0, 1, 7, 23])
def test_a_killed_study_has_every_run_that_was_said_and_goes_on_to_the_same_end(tmp_path, n_runs):
    path, n_seeds = tmp_path / "s.hunch", 12
    said = killed_study(path, n_runs, n_seeds)
    kept = {f"{t.key.stage} {t.key.arm} {t.key.seed}" for t in read_study(path).table}
    assert set(said) <= kept
    process = writer(path, n_seeds)
    again = process.communicate()[0].splitlines()
    assert not kept & set(again)
    assert names(tmp_path) == ["s.hunch"]
    expected = sorted(all_traces(make_plan(n_seeds)), key=lambda t: t.key)
    assert same_runs(read_study(path).table, expected)


@pytest.mark.slow
def test_a_study_killed_at_any_moment_until_it_is_done_ends_the_same(tmp_path):
    path, n_seeds = tmp_path / "s.hunch", 400
    n_read = []
    for k in range(100):
        process = writer(path, n_seeds)
        process.stdout.readline()
        time.sleep(0.002 * k)
        process.kill()
        process.communicate()
        n_read.append(len(read_study(path).table))
        if n_read[-1] == 2 * n_seeds + 4:
            break
    assert len(set(n_read)) > 3
    assert n_read == sorted(n_read)
    writer(path, n_seeds).communicate()
    assert names(tmp_path) == ["s.hunch"]
    expected = sorted(all_traces(make_plan(n_seeds)), key=lambda t: t.key)
    assert same_runs(read_study(path).table, expected)


@pytest.mark.slow
def test_a_writer_killed_while_it_begins_leaves_a_whole_study_or_none(tmp_path):
    for k in range(40):
        path = tmp_path / f"{k}.hunch"
        process = writer(path, 1)
        time.sleep(0.01 * k)
        process.kill()
        process.communicate()
        if path.exists():
            assert len(read_study(path).table) <= 6
