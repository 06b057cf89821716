import math
import pickle
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made_study import make_facts, make_provenance, make_trace, same_trace

from hunch.errors import StoreError
from hunch.traces import RunKey, Trace
from hunch.traces.codec import (
    decode_trace,
    encode_trace,
    facts_from_text,
    facts_to_text,
    provenance_from_text,
    provenance_to_text,
)


@st.composite
def traces(draw):
    def array(dtype, n):
        elements = {"f": st.floats(width=np.dtype(dtype).itemsize * 8), "i": st.integers(0, 2**62)}
        return draw(hnp.arrays(dtype, n, elements=elements[np.dtype(dtype).kind]))

    n, h, r = (draw(st.integers(0, 5)) for _ in range(3))
    return Trace(
        RunKey(
            draw(st.sampled_from(["pilot", "confirm"])),
            draw(st.text(min_size=1, max_size=5)),
            draw(st.integers(0, 2**63 - 1)),
            draw(st.floats(1e-300, 1e300)),
            draw(st.integers(1, 10**9)),
        ),
        array(np.int64, n),
        array(np.float64, n),
        array(np.int64, h),
        array(np.float64, h),
        array(np.float64, h),
        array(np.int64, r),
        array(np.float32, (r, 10, draw(st.integers(0, 3)))),
        diverged_at=draw(st.none() | st.integers(0, 100)),
        failed=draw(st.none() | st.text()),
        wall_s=draw(st.floats(0, 1e6)),
    )


@given(traces())
def test_any_trace_comes_back_to_the_bit(trace):
    assert same_trace(decode_trace(encode_trace(trace)), trace)


def test_the_comparison_of_traces_can_fail():
    one = make_trace("none", 0)
    assert same_trace(one, make_trace("none", 0))
    assert not same_trace(one, replace(one, cost=np.nextafter(one.cost, 9)))
    assert not same_trace(one, replace(one, readings=-one.readings))


@given(traces(), hnp.arrays(np.uint8, st.integers(0, 9)))
def test_single_answers_come_back_to_the_bit_where_they_were_recorded(trace, answers):
    again = decode_trace(encode_trace(replace(trace, held_correct=answers)))
    assert same_trace(again, replace(trace, held_correct=answers))
    assert not same_trace(again, trace)
    assert not again.held_correct.flags.writeable


@given(
    traces(),
    st.none() | hnp.arrays(np.uint8, st.integers(0, 9)),
    hnp.arrays(np.float32, st.integers(0, 9), elements=st.floats(width=32)),
)
def test_single_losses_come_back_to_the_bit_with_or_without_answers(trace, answers, losses):
    full = replace(trace, held_correct=answers, held_losses=losses)
    again = decode_trace(encode_trace(full))
    assert same_trace(again, full)
    assert not same_trace(again, replace(full, held_losses=None))
    assert not again.held_losses.flags.writeable


def test_losses_of_another_number_type_are_kept_as_float32():
    again = decode_trace(encode_trace(replace(make_trace("none", 0), held_losses=np.array([0.1, 2.0]))))
    assert again.held_losses.dtype == np.float32
    assert again.held_losses.tolist() == np.float32([0.1, 2.0]).tolist()


def test_arrays_come_back_read_only():
    back = decode_trace(encode_trace(make_trace("none", 0)))
    with pytest.raises(ValueError, match="read-only"):
        back.cost[0] = 1.0


def test_numpy_scalars_in_a_key_come_back_as_plain_numbers():
    trace = make_trace("none", 0)
    odd = replace(trace, key=RunKey("confirm", "none", np.int64(0), np.float64(0.3), np.int32(200)))
    back = decode_trace(encode_trace(odd))
    assert back.key == trace.key
    assert [type(v) for v in (back.key.seed, back.key.lr, back.key.budget)] == [int, float, int]


@pytest.mark.parametrize(
    "change",
    [
        {"cost": np.zeros(3)},
        {"held_error": np.zeros(1)},
        {"readings": np.zeros((1, 10, 2), np.float32)},
        {"readings": np.zeros((1, 10), np.float32)},
    ],
    ids=["cost", "held_error", "readings", "a lost axis"],
)
def test_arrays_that_do_not_fit_each_other_are_refused(change):
    with pytest.raises(StoreError, match=r"at seed 0 cannot be stored.*\[store-trace-shape\]"):
        encode_trace(replace(make_trace("none", 0), **change))


@pytest.mark.parametrize("block", [b"", b"no zlib", zlib.compress(b""), zlib.compress(b"\x02\0\0\0{}")])
def test_bytes_that_are_no_trace_are_a_value_error(block):
    with pytest.raises(ValueError, match="not a trace"):
        decode_trace(block)


def test_a_pickle_in_place_of_a_trace_is_not_run(tmp_path):
    class Attack:
        def __reduce__(self):
            return (open, (str(tmp_path / "attacked"), "w"))

    with pytest.raises(ValueError, match="not a trace"):
        decode_trace(zlib.compress(pickle.dumps(Attack())))
    assert not (tmp_path / "attacked").exists()


def test_facts_and_provenance_come_back_equal():
    facts = make_facts(c0_train=np.float64(0.1) + 0.2, n_train=np.int64(7))
    assert facts_from_text(facts_to_text(facts)) == facts
    provenance = make_provenance(train_wall_s=1 / 3)
    assert provenance_from_text(provenance_to_text(provenance)) == provenance
    assert math.isnan(facts_from_text(facts_to_text(make_facts(c0_held=math.nan))).c0_held)


def test_what_a_constant_does_on_every_example_comes_back_and_is_not_told_in_short():
    facts = make_facts(constant_right=(1, 0, 0), constant_losses=(0.1, 1 / 3, 2.5))
    assert facts_from_text(facts_to_text(facts)) == facts
    assert facts.in_short() == make_facts().in_short()
    assert not {"constant_right", "constant_losses"} & set(facts.in_short())
