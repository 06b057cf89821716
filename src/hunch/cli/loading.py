"""The user's `net.py:build`: the file is imported by its path, the function taken out of it."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from hunch.errors import NetworkError


def load_build(text: str) -> Callable[[], Any]:
    """The function that `FILE:FUNCTION` names; `FILE` alone means its function `build`.

    The file runs once, under a module name of its own, with its folder first on `sys.path` while it is
    imported, so that it finds its neighbours.

    Args:
        text: For instance `net.py:build`.

    Raises:
        NetworkError: If there is no such file or function, or importing the file raises.
    """
    file, name = _split(text)
    path = Path(file).expanduser()
    if not path.is_file():
        raise NetworkError(_no_file(text, path), "network-file-missing")
    if path.suffix != ".py":
        raise NetworkError(
            f"{text!r}: {path} is no Python file. Name a .py file with a function that makes the network, "
            "for instance net.py:build.",
            "network-file-kind",
        )
    return _function(_import(path.resolve(), file), name, file)


def _split(text: str) -> tuple[str, str]:
    """File and function; a colon that is part of a Windows path is no separator."""
    file, colon, name = text.rpartition(":")
    if colon and name.isidentifier():
        return file, name
    return text.removesuffix(":"), "build"


def _no_file(text: str, path: Path) -> str:
    folder = path.parent
    if path.is_dir():
        return f"{text!r}: {path} is a folder. Name the Python file in it and its function: net.py:build."
    if not folder.is_dir():
        return f"{text!r}: there is no folder {folder}. Name a Python file and its function: net.py:build."
    there = sorted(p.name for p in folder.glob("*.py"))[:8]
    files = f"The Python files there are {', '.join(there)}." if there else "There is no Python file there."
    return f"{text!r}: there is no file {path}. {files} Name a file and its function: net.py:build."


def _import(path: Path, shown: str) -> ModuleType:
    # A name of its own: a user's file called torch.py or data.py must not stand in for the real one.
    module_name = f"hunch_network_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise NetworkError(f"{shown} cannot be imported as a Python file.", "network-file-kind")
    module = importlib.util.module_from_spec(spec)
    # Registered while it runs, because dataclasses and pickle look their module up.
    sys.modules[module_name] = module
    try:
        with _first_on_path(path.parent):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[module_name]
        where = f"{Path(error.filename).name if error.filename else shown}, line {error.lineno}"
        raise NetworkError(
            f"{shown} cannot be imported, because {where} is not Python: {error.msg}. Mend that line.",
            "network-import-raised",
        ) from error
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise NetworkError(
            f"importing {shown} raised {said.rstrip('.')} (line {_line(error, path)} of {path.name}). The "
            "file is imported to get at its function; put what should not run then under `if __name__ == "
            '"__main__":`.',
            "network-import-raised",
        ) from error
    return module


def _line(error: BaseException, path: Path) -> int | str:
    """The last line of the user's file on the way to the error."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return lines[-1] if lines and lines[-1] is not None else "?"


def _function(module: ModuleType, name: str, file: str) -> Callable[[], Any]:
    found = getattr(module, name, None)
    if callable(found):
        return found
    own = [
        key
        for key, value in vars(module).items()
        if callable(value)
        and not key.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]
    if found is not None:
        problem = f"{file}: {name!r} is no function, its type is {type(found).__name__}"
        slug = "network-build-not-a-function"
    else:
        problem, slug = f"{file}: there is no function {name!r}", "network-function-missing"
    near = get_close_matches(name, own, n=1)
    listed = f"The functions there are {', '.join(own)}." if own else "The file defines no function."
    example = near[0] if near else own[0] if own else "build"
    raise NetworkError(
        f"{problem}. {listed} Name one that returns a fresh network, for instance {file}:{example}.", slug
    )


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
