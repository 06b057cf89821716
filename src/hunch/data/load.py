"""`load`: whatever the user has, by what it is."""

from __future__ import annotations

import difflib
import importlib.resources
import io
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from hunch.data.arrays import MISSING, from_arrays
from hunch.data.dataset import Data, Notes
from hunch.data.examples import is_loader, is_map_style, read_dataset, read_loader
from hunch.data.frames import from_frame
from hunch.errors import DataError, HunchWarning

_PAIR = ("X", "y")
_PARTS = ("X", "y", "X_held", "y_held")
_KERAS_PARTS = ("x_train", "y_train", "x_test", "y_test")
_PACKAGE = str(Path(__file__).resolve().parent.parent)


def load(data: Any, *, y: str | None = None, missing: str = "error") -> Data:
    """Training and held-out arrays from whatever the user has.

    Nothing here is random: the same input gives the same `Data`, hash and all. Where no held-out part is
    given, one example in five is held out, stratified for labels, as a function of the data alone.

    Integer, bool and text targets are labels, floats are amounts (regression). Arrays are used as given, as
    float32 (uint8 divided by 255); of several inputs whole numbers stay int64 (for embeddings), truth values bool.
    Columns of frames, csv and parquet files are standardised on the training part, text and truth values one-hot
    encoded, a regression target standardised; an integer column is labels if it runs from 0 or 1 without gaps, with
    at most 100 values, else an amount. `Data.notes` says what was done.

    Args:
        data: `"digits"`; `(X, y)` or `(X, y, X_held, y_held)` of arrays, lists, tensors or pandas objects, where X
            may be several inputs: a dict, whose keys are names of the forward's arguments, or a tuple of arrays; a
            path to `.npz` (`X, y[, X_held, y_held]` or `x_train, y_train, x_test, y_test`), `.csv` or
            `.parquet`; a pandas or polars frame; a torch `Dataset` or `DataLoader` of pairs (x, y), x too a tensor, a
            dict or a tuple; or `Data`, which passes through.
        y: Name of the target's column, for frames, csv and parquet.
        missing: What to do about missing values: `"error"`, `"drop"` the rows, or put in the `"median"` of
            the training part (text: a category "missing").

    Returns:
        The data. Held-out examples that also stand in the training part give a `HunchWarning`.

    Raises:
        DataError: If the data cannot be used as they are; the message names row and column, counted from 0.

    Example:
        >>> x = np.linspace(0, 1, 50).reshape(25, 2)
        >>> data = load((x, (x[:, 0] > 0.5).astype(int)))
        >>> data.n, data.n_held, data.n_classes
        (20, 5, 2)
    """
    if missing not in MISSING:
        near = difflib.get_close_matches(str(missing), MISSING, n=1)
        raise DataError(
            f"missing must be one of {', '.join(MISSING)}, got {missing!r}."
            + (f' Did you mean missing="{near[0]}"?' if near else ""),
            "data-missing-option",
        )
    notes = Notes()
    loaded = _load(data, y, missing, notes)
    for sentence in notes.warnings:
        warnings.warn(sentence, HunchWarning, stacklevel=_caller_level())
    return loaded


def digits() -> Data:
    """The embedded handwritten digits: 8 × 8 pixels as 64 inputs in 0..1, ten classes.

    The 1,797 images that scikit-learn ships, from the UCI repository (Alpaydin and Kaynak, CC BY 4.0); the
    licences stand beside the file.

    Example:
        >>> data = digits()
        >>> data.x.shape, data.x_held.shape, data.n_classes
        ((1438, 64), (359, 64), 10)
    """
    raw = importlib.resources.files("hunch.data").joinpath("digits.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
        x, y = stored["X"], stored["y"]
    return from_arrays(
        {"X": x.astype(np.float32) / np.float32(16), "y": y},
        missing="error",
        source="digits: 1,797 handwritten digits of 8 × 8 pixels (UCI, as in scikit-learn)",
        notes=Notes(),
    )


def _load(data: Any, y: str | None, missing: str, notes: Notes) -> Data:
    if isinstance(data, str | Path) and data != "digits":
        return _from_path(str(data), y, missing, notes)
    if hasattr(type(data), "columns"):
        return from_frame(data, y, missing=missing, source="", notes=notes)
    if y is not None:
        what = '"digits"' if isinstance(data, str) else f"of type {type(data).__name__}"
        raise DataError(
            f"y={y!r} names a column, but the data are {what}: no columns with names. Leave y= out; it is "
            "for frames, csv and parquet, and arrays go in as (X, y).",
            "data-y-not-needed",
        )
    if isinstance(data, Data):
        return data
    if isinstance(data, str):
        return digits()
    if isinstance(data, tuple):
        if len(data) not in (2, 4) or all(isinstance(part, tuple) and len(part) == 2 for part in data):
            raise _unknown(data, f"a tuple of {len(data)}")
        return from_arrays(
            dict(zip(_PARTS, data, strict=False)),
            missing=missing,
            source="",
            notes=_frames_noted(data, notes),
        )
    if is_loader(data):
        x, target, source = read_loader(data, notes)
    elif (
        isinstance(data, list | dict | set | np.ndarray)
        or hasattr(data, "to_numpy")
        or hasattr(data, "detach")
    ):
        raise _unknown(data, f"{type(data).__name__} alone")
    elif is_map_style(data) or hasattr(data, "__iter__"):
        x, target, source = read_dataset(data, notes)
    else:
        raise _unknown(data, type(data).__name__)
    shapes = {"X": x} if isinstance(x, np.ndarray) else {x.labels[f]: value for f, value in x.items.items()}
    source = ", ".join([source, *(f"{label} {array.shape}" for label, array in shapes.items())])
    return from_arrays({"X": x, "y": target}, missing=missing, source=source, notes=notes)


def _unknown(data: Any, got: str) -> DataError:
    hint = ""
    if isinstance(data, list) and len(data) in (2, 4):
        hint = " If these are X and y, write a tuple: (X, y)."
    elif isinstance(data, tuple) and len(data) == 2:
        got, hint = "a tuple of two pairs", " Write one flat tuple: (X, y, X_held, y_held)."
    elif hasattr(data, "__getitem__") and not hasattr(data, "__len__"):
        hint = " A Dataset needs __len__."
    return DataError(
        "data must be (X, y), (X, y, X_held, y_held), a path (.npz, .csv, .parquet), a pandas or polars "
        f'frame with y="column", a torch Dataset or DataLoader, or "digits"; got {got}.{hint}',
        "data-unknown-kind",
    )


def _frames_noted(parts: tuple[Any, ...], notes: Notes) -> Notes:
    if hasattr(type(parts[0]), "columns"):
        notes.say(
            'The columns of X were used as given; pass the whole frame with y="column" to have them '
            "standardised."
        )
    return notes


def _from_path(text: str, y: str | None, missing: str, notes: Notes) -> Data:
    path = Path(text).expanduser()
    if not path.is_file():
        raise _no_file(text, path)
    kind = path.suffix.lower()
    if kind == ".npz":
        if y is not None:
            raise DataError(
                f"y={y!r} names a column, but {path.name} is an .npz, whose arrays have none. Leave y= out "
                "and name the target's array y.",
                "data-y-not-needed",
            )
        return from_arrays(_npz_parts(path), missing=missing, source=path.name, notes=notes)
    if kind not in (".csv", ".parquet"):
        raise DataError(
            f"{path.name} is of an unknown type ({kind or 'no ending'}). Hunch reads .npz, .csv and "
            ".parquet; read other files yourself and pass arrays or a frame.",
            "data-file-type",
        )
    frame = _read_table(path, kind)
    return from_frame(frame, y, missing=missing, source=f"{path.name}, {len(frame):,} rows", notes=notes)


def _no_file(text: str, path: Path) -> DataError:
    if text and path.is_dir():
        return DataError(
            f"{text} is a folder. Give one file: .npz, .csv or .parquet; images go in as arrays or a torch "
            "Dataset.",
            "data-file-missing",
        )
    if not path.suffix and path.name == text:
        near = ' Did you mean "digits"?' if difflib.get_close_matches(text.lower(), ["digits"]) else ""
        return DataError(
            f'data={text!r} is neither "digits", the only embedded data, nor a file.{near} Give a path '
            "(.npz, .csv, .parquet) or arrays: (X, y).",
            "data-file-missing",
        )
    folder = path.parent
    if not folder.is_dir():
        where, hint = f"there is no folder {folder}, so no file {path.name} in it.", ""
    else:
        where = f"there is no file {path.name} in {'the current folder' if folder == Path() else folder}."
        near = difflib.get_close_matches(path.name, sorted(p.name for p in folder.iterdir()), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
    return DataError(f"{where}{hint} Check the path.", "data-file-missing")


def _npz_parts(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            keys = list(stored.files)
            names = next((n for n in (_PARTS, _KERAS_PARTS, _PAIR) if set(n) <= set(keys)), None)
            lone = sorted({"X_held", "y_held"} & set(keys)) if names == _PAIR else []
            if names is None or lone:
                missing_one = f" It has {lone[0]} without its fellow." if lone else ""
                raise DataError(
                    f"{path.name} holds the arrays {', '.join(keys) or '(none)'}; it needs X and y, with or "
                    f"without X_held and y_held, or x_train, y_train, x_test, y_test.{missing_one} Write it "
                    "with np.savez(path, X=…, y=…).",
                    "data-npz-keys",
                )
            return {name: stored[name] for name in names}
    except DataError:
        raise
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        is_zip = zipfile.is_zipfile(path)
        pickled = is_zip and "pickle" in str(error)
        raise DataError(
            f"{path.name} holds pickled Python objects, which Hunch does not open: reading them could run "
            "code. Save plain arrays: np.savez(path, X=…, y=…)."
            if pickled
            else f"{path.name} cannot be read as an .npz file "
            f"({error if is_zip else 'it is no zip archive of arrays'}). Write it with np.savez(path, X=…, "
            "y=…).",
            "data-npz-pickled" if pickled else "data-file-unreadable",
        ) from None


def _read_table(path: Path, kind: str) -> Any:
    import pandas as pd

    try:
        # The nullable types keep an integer column with gaps an integer column, so its labels stay labels.
        if kind == ".csv":
            # round_trip: the numbers of a frame that was written to csv are read back bit for bit.
            return pd.read_csv(path, dtype_backend="numpy_nullable", float_precision="round_trip")  # type: ignore[call-overload]
        return pd.read_parquet(path, dtype_backend="numpy_nullable")
    except ImportError:
        raise DataError(
            f"reading {path.name} needs pyarrow, which is not installed. Run pip install pyarrow, or save it "
            "as .csv.",
            "data-parquet-reader",
        ) from None
    except pd.errors.EmptyDataError:
        raise DataError(
            f"{path.name} is empty. A csv needs a line with the columns' names, then a line an example.",
            "data-empty",
        ) from None
    except (ValueError, OSError) as error:
        raise DataError(
            f"{path.name} cannot be read as {kind}: {str(error).strip()}. Mend the file, or read it yourself "
            'and pass the frame with y="column".',
            "data-file-unreadable",
        ) from None


def _caller_level() -> int:
    """How many frames above `load` the first line outside Hunch is: where a warning should point."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
