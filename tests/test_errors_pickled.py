"""Errors survive pickling: those of worker processes are raised by the process that asked."""

import pickle

import pytest

from hunch import errors


@pytest.mark.parametrize(
    "kind", [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.HunchError)]
)
def test_an_error_is_the_same_after_pickling(kind):
    with pytest.raises(kind) as caught:
        kind.raise_all(
            [errors.Problem("one is wrong.", "plan-arms"), errors.Problem("two too.", "plan-arms")]
        )
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is kind
    assert again.problems == caught.value.problems
    assert str(again) == str(caught.value)
