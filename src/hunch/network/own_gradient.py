"""Autograd functions of the user's own: fx would follow their forward and lose their backward."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from torch import fx
from torch.autograd import Function

_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def own_gradients_refused() -> Iterator[None]:
    """While fx traces, calling an autograd function of the user's raises TypeError; anywhere else it goes on as ever.

    A straight-through estimator, for instance, would otherwise be rewritten into its forward, with another gradient.
    """
    with _ONE_AT_A_TIME:
        original = Function.__dict__["apply"]

        def apply(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
            if any(isinstance(a, fx.Proxy) for a in (*args, *kwargs.values())):
                raise TypeError(
                    f"it calls the autograd function {cls.__name__}, whose gradient fx would lose"
                )
            return original.__get__(None, cls)(*args, **kwargs)

        Function.apply = classmethod(apply)  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            Function.apply = original  # type: ignore[method-assign]
