"""Whatever happens to the bytes of a study: the truth, or a StoreError that says what to do."""

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_study import (
    all_traces,
    freeze,
    make_facts,
    make_plan,
    make_provenance,
    make_trace,
    same_runs,
    same_trace,
)

from hunch.errors import StoreError
from hunch.traces import open_or_create, read_study, recover

PLAN = make_plan()
TRUTH = sorted(all_traces(PLAN), key=lambda t: t.key)
BY_KEY = {t.key: t for t in TRUTH}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a whole study."""
    path = tmp_path_factory.mktemp("whole") / "study.hunch"
    with open_or_create(path, PLAN, make_facts(), make_provenance()) as file:
        file.freeze(freeze(PLAN))
        for trace in all_traces(PLAN):
            file.append(trace)
    return path.read_bytes()


@pytest.fixture(scope="module")
def unclosed(tmp_path_factory):
    """(file, -wal) of a study that is still being written."""
    path = tmp_path_factory.mktemp("unclosed") / "study.hunch"
    with open_or_create(path, PLAN, make_facts(), make_provenance()) as file:
        file.freeze(freeze(PLAN))
        for trace in all_traces(PLAN):
            file.append(trace)
        return path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()


def verdict(path):
    """`"whole"` or the slug of the StoreError; anything else fails the test."""
    try:
        found = read_study(path)
    except StoreError as error:
        return error.slug
    assert found.plan == freeze(PLAN)
    assert found.facts == make_facts()
    assert same_runs(found.table, TRUTH)
    return "whole"


def true_rows(table):
    return all(same_trace(trace, BY_KEY[trace.key]) for trace in table)


def flip(data, at, to):
    return data[:at] + bytes([data[at] ^ to]) + data[at + 1 :]


def test_the_check_for_a_whole_study_can_fail(tmp_path, asked):
    path = tmp_path / "study.hunch"
    with open_or_create(path, *asked) as file:
        file.freeze(freeze(asked[0]))
        file.append_many(TRUTH[1:])
    with pytest.raises(AssertionError):
        verdict(path)


# --- reading -------------------------------------------------------------------------------------


def test_a_study_cut_off_anywhere_is_an_error(tmp_path, whole):
    path = tmp_path / "s.hunch"
    offsets = {
        *range(0, 1024, 37),
        *range(0, len(whole), 997),
        *range(4096, len(whole), 4096),
        len(whole) - 1,
    }
    for at in sorted(offsets):
        path.write_bytes(whole[:at])
        assert verdict(path).startswith("store-"), at
        assert [p.name for p in tmp_path.iterdir()] == ["s.hunch"]


def test_bytes_after_the_end_change_nothing(tmp_path, whole):
    path = tmp_path / "s.hunch"
    path.write_bytes(whole + b"\0" * 5000)
    assert verdict(path) == "whole"


def test_a_changed_byte_is_found_or_changes_nothing(tmp_path, whole):
    path = tmp_path / "s.hunch"
    rng = np.random.default_rng(1)
    first = range(200)  # SQLite's header and the schema, where most can go wrong
    offsets = [*first, *rng.integers(0, len(whole), 400)]
    seen = set()
    for at in offsets:
        path.write_bytes(flip(whole, int(at), int(rng.integers(1, 256))))
        seen.add(verdict(path))
    assert {"whole", "store-damaged", "store-not-a-study", "store-newer"} <= seen


@pytest.mark.slow
@pytest.mark.parametrize("start", range(4))
def test_every_fourth_byte_of_a_study_may_change(tmp_path, whole, start):
    path = tmp_path / "s.hunch"
    for at in range(start * len(whole) // 4, (start + 1) * len(whole) // 4, 4):
        path.write_bytes(flip(whole, at, 1 + at % 255))
        assert verdict(path) == "whole" or verdict(path).startswith("store-")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_pages_that_were_zeroed_swapped_or_scrambled_are_found_or_change_nothing(tmp_path, whole, data):
    n_pages = len(whole) // 4096
    pages = [whole[k * 4096 : (k + 1) * 4096] for k in range(n_pages)]
    a, b = data.draw(st.integers(0, n_pages - 1)), data.draw(st.integers(0, n_pages - 1))
    kind = data.draw(st.sampled_from(["zero", "swap", "copy", "noise"]))
    noise = np.random.default_rng(data.draw(st.integers(0, 99))).bytes(4096)
    if kind == "swap":
        pages[a], pages[b] = pages[b], pages[a]
    else:
        pages[a] = {"zero": b"\0" * 4096, "copy": pages[b], "noise": noise}[kind]
    path = tmp_path / "s.hunch"
    path.write_bytes(b"".join(pages))
    assert verdict(path) == "whole" or verdict(path).startswith("store-")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM run WHERE id=3",
        "INSERT INTO run SELECT 99, stage, arm, seed, lr, budget, body, sha256 FROM run WHERE id=3",
        "UPDATE run SET body=(SELECT body FROM run WHERE id=4) WHERE id=3",
        "UPDATE run SET body=zeroblob(100) WHERE id=3",
        "UPDATE run SET body='text', sha256='' WHERE id=3",
        "UPDATE document SET text=replace(text, '0.05', '0.5') WHERE name='asked'",
        "UPDATE document SET name='facts' WHERE name='asked'",
        "DELETE FROM document WHERE name='frozen'",
        "DELETE FROM document WHERE name='seal'",
        "DROP TABLE run",
        "DROP TABLE document",
        "PRAGMA user_version=0",
    ],
)
def test_rows_that_vanished_or_changed_are_damage(tmp_path, whole, sql):
    path = tmp_path / "s.hunch"
    path.write_bytes(whole)
    with sqlite3.connect(path) as db:
        db.execute(sql)
    db.close()
    with pytest.raises(StoreError, match=r"is damaged: .*hunch recover.*\[store-damaged\]"):
        read_study(path)


@pytest.mark.parametrize("which", ["file", "wal"])
def test_an_unclosed_study_with_changed_bytes_gives_true_runs_or_an_error(tmp_path, unclosed, which):
    path, wal = tmp_path / "s.hunch", tmp_path / "s.hunch-wal"
    rng = np.random.default_rng(2)
    seen = set()
    for k in range(150):
        main, log = unclosed
        if which == "file":
            main = flip(main, int(rng.integers(0, len(main))), 1 + k % 255)
        else:
            log = flip(log, int(rng.integers(0, len(log))), 1 + k % 255)
        for old in tmp_path.iterdir():
            old.unlink()
        path.write_bytes(main)
        wal.write_bytes(log)
        try:
            table = read_study(path).table
        except StoreError:
            seen.add("error")
        else:
            assert true_rows(table)
            seen.add(len(table))
    # The -wal has a newer copy of every page of this file; a -wal is read up to its first damaged page.
    assert len(TRUTH) in seen if which == "file" else len(seen) > 5


def test_an_unclosed_study_cut_off_anywhere_in_its_wal_has_the_runs_before_the_cut(tmp_path, unclosed):
    main, log = unclosed
    found = []
    for at in range(0, len(log), 2999):
        folder = tmp_path / str(at)
        folder.mkdir()
        (folder / "s.hunch").write_bytes(main)
        (folder / "s.hunch-wal").write_bytes(log[:at])
        table = read_study(folder / "s.hunch").table
        assert true_rows(table)
        found.append(len(table))
        shutil.rmtree(folder)
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] >= len(TRUTH) - 1


def test_a_damaged_study_is_not_written_to(tmp_path, whole, asked):
    path = tmp_path / "s.hunch"
    path.write_bytes(whole)
    with sqlite3.connect(path) as db:
        (body,) = db.execute("SELECT body FROM run WHERE id=5").fetchone()
    db.close()
    broken = flip(whole, whole.index(body[:50]) + 20, 9)
    path.write_bytes(broken)
    with pytest.raises(StoreError, match=r"run 5 is not what was written.*store-damaged"):
        open_or_create(path, *asked)
    assert path.read_bytes() == broken
    assert [p.name for p in tmp_path.iterdir()] == ["s.hunch"]


def test_damage_where_no_reader_looks_stops_the_next_writer(tmp_path, whole, asked):
    path = tmp_path / "s.hunch"
    path.write_bytes(whole)
    with sqlite3.connect(path) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name='spare'").fetchone()
    db.close()
    broken = whole[: (root - 1) * 4096] + b"\xff" * 4096 + whole[root * 4096 :]
    path.write_bytes(broken)
    assert verdict(path) == "whole"
    with pytest.raises(StoreError, match="store-damaged"):
        open_or_create(path, *asked)


# --- recovering ----------------------------------------------------------------------------------


def recovered(path, out):
    """(report, runs) of a recovery, after checking what every recovery promises."""
    before = {p.name: p.read_bytes() for p in path.parent.iterdir() if p.name.startswith(path.name)}
    report = recover(path, out)
    assert {n: (path.parent / n).read_bytes() for n in before} == before
    found = read_study(out)
    assert true_rows(found.table)
    assert report.saved == len(found.table)
    assert found.facts == make_facts()
    assert found.plan == (freeze(PLAN) if report.is_frozen else PLAN)
    return report, found.table


def test_nothing_is_lost_from_a_whole_study(tmp_path, whole):
    path = tmp_path / "s.hunch"
    path.write_bytes(whole)
    report, table = recovered(path, tmp_path / "out.hunch")
    assert same_runs(table, TRUTH)
    assert report.lost == 0
    assert "Saved 12 runs" in str(report)
    assert "none was lost" in str(report)


def test_all_runs_but_those_on_a_broken_page_are_saved(tmp_path, whole):
    n_pages = len(whole) // 4096
    worst = 0
    for page in range(0, n_pages, 2):
        data = whole[: page * 4096] + b"\xff" * 4096 + whole[(page + 1) * 4096 :]
        path, out = tmp_path / f"{page}.hunch", tmp_path / f"{page}-out.hunch"
        path.write_bytes(data)
        report, table = recovered(path, out)
        assert report.lost == len(TRUTH) - len(table)
        worst = max(worst, report.lost)
    assert 0 < worst <= 4


def test_what_stands_before_a_cut_is_saved(tmp_path, whole):
    saved = []
    for k in (4, 6, 8, 10):
        path, out = tmp_path / f"{k}.hunch", tmp_path / f"{k}-out.hunch"
        path.write_bytes(whole[: len(whole) * k // 10])
        report, _ = recovered(path, out)
        saved.append(report.saved)
    assert saved == sorted(saved)
    assert saved[0] < saved[1] < saved[-1] == len(TRUTH)


def test_a_study_without_its_beginning_can_be_saved(tmp_path, whole):
    path = tmp_path / "s.hunch"
    path.write_bytes(b"\0" * 4096 + whole[4096:])
    with pytest.raises(StoreError, match="hunch recover"):
        read_study(path)
    report, table = recovered(path, tmp_path / "out.hunch")
    assert report.lost == 0
    assert same_runs(table, TRUTH)


def test_runs_in_the_wal_of_a_killed_writer_are_saved(tmp_path, unclosed):
    path = tmp_path / "s.hunch"
    main, log = unclosed
    path.write_bytes(main)
    path.with_name("s.hunch-wal").write_bytes(flip(log, len(log) // 2, 7))
    assert len(read_study(path).table) < len(TRUTH)  # SQLite stops at the first damaged page of a -wal
    for side in tmp_path.glob("*-shm"):
        side.unlink()
    report, _ = recovered(path, tmp_path / "out.hunch")
    assert report.saved >= len(TRUTH) - 1


def test_a_recovered_study_is_resumed_by_the_same_call(tmp_path, whole, asked):
    path, out = tmp_path / "s.hunch", tmp_path / "out.hunch"
    path.write_bytes(whole[: len(whole) // 2])
    report = recover(path, out)
    assert 0 < report.saved < len(TRUTH)
    assert f"{report.lost} were lost" in str(report)
    with open_or_create(out, *asked) as file:
        for trace in TRUTH:
            if trace.key not in file:
                file.append(trace)
    assert same_runs(read_study(out).table, TRUTH)


def test_a_run_that_failed_and_was_made_again_is_saved_as_it_was_made_again(tmp_path, asked):
    path = tmp_path / "s.hunch"
    with open_or_create(path, *asked) as file:
        file.append(make_trace("none", 0, failed="no"))
        file.append(make_trace("none", 0))
        files = {n: Path(f"{path}{n}").read_bytes() for n in ("", "-wal")}
    for name, data in files.items():
        Path(f"{tmp_path / 'cut.hunch'}{name}").write_bytes(data)
    assert recover(tmp_path / "cut.hunch", tmp_path / "out.hunch").saved == 1
    assert same_runs(read_study(tmp_path / "out.hunch").table, [make_trace("none", 0)])


def test_without_a_seal_nobody_can_tell_how_many_were_lost(tmp_path, whole):
    path = tmp_path / "s.hunch"
    path.write_bytes(whole)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE document SET sha256='' WHERE name='seal'")
        db.execute("UPDATE spare SET sha256='' WHERE name='seal'")
    db.close()
    report = recover(path, tmp_path / "out.hunch")
    assert report.lost is None
    assert "cannot be told" in str(report)
    assert report.saved == len(TRUTH)


@pytest.mark.parametrize("data", [b"no study\n" * 3000, b"\x81\x0d" * 5000])
def test_where_nothing_is_left_nothing_is_made(tmp_path, data):
    path = tmp_path / "s.hunch"
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"nothing can be recovered.*\[store-nothing-left\]"):
        recover(path, tmp_path / "out.hunch")
    assert [p.name for p in tmp_path.iterdir()] == ["s.hunch"]


@pytest.mark.parametrize(
    ("source", "out", "slug"),
    [
        ("gone.hunch", "out.hunch", "store-missing"),
        ("s.hunch", "s.hunch", "store-exists"),
        ("s.hunch", "no/out.hunch", "store-no-folder"),
    ],
)
def test_recovering_from_nowhere_or_over_a_file_is_refused(tmp_path, whole, source, out, slug):
    (tmp_path / "s.hunch").write_bytes(whole)
    with pytest.raises(StoreError, match=slug):
        recover(tmp_path / source, tmp_path / out)
    assert (tmp_path / "s.hunch").read_bytes() == whole


def test_large_runs_that_need_chains_of_pages_are_saved_too(tmp_path, asked):
    rng = np.random.default_rng(3)
    trace = make_trace("none", 0)
    big = rng.random((20, 10, 300)).astype(np.float32)
    path = tmp_path / "s.hunch"
    large = type(trace)(**{**trace.__dict__, "readings": big, "reading_at": np.arange(20)})
    with open_or_create(path, *asked) as file:
        file.append(large)
        file.append(make_trace("none", 1))
    data = path.read_bytes()
    path.write_bytes(b"\0" * 100 + data[100:])
    assert recover(path, tmp_path / "out.hunch").lost == 0
    assert same_trace(read_study(tmp_path / "out.hunch").table.get(trace.key), large)
