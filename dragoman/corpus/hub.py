"""Rows of Hugging Face data sets: saved on disk, a folder of files, or streamed from the hub.

Arrow and Parquet files on disk are read with pyarrow, a batch at a time: the library would map or load whole
files and row groups, and memory would grow with the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dragoman.errors import DataError, install
from dragoman.hub import no_answer
from dragoman.recipe import Source

Row = dict[str, Any]

_BATCH_ROWS = 1000
_BUFFER_BYTES = 1 << 16


def dataset_rows(source: Source) -> Iterator[Row]:
    """The rows of a data set's split: saved by save_to_disk, a folder of files, or a hub id (streamed).

    DataError if the library is absent, the data set cannot be loaded or read, or has no such split.
    """
    name = str(source.dataset)
    folder = Path(name).expanduser()
    if name.startswith((".", "/", "~")) and not folder.is_dir():
        raise DataError(f"{name}: no such folder; check the path, or give a hub id such as 'user/name'")
    try:
        if any((folder / file).exists() for file in ("dataset_dict.json", "state.json")):
            yield from _arrow_rows(_saved_files(folder, source.split))
        elif folder.is_dir():
            yield from _folder_rows(folder, source)
        else:
            yield from _streamed(name, source)
    except DataError:
        raise
    except ImportError:
        raise DataError(f"dataset {name}: needs the package `datasets`; run {install('data')}") from None
    except Exception as error:
        told = f"{type(error).__name__}: {str(error)[:300]}"
        raise DataError(f"dataset {name}: split {source.split!r} cannot be read ({told})") from error


def _saved_files(folder: Path, split: str) -> list[Path]:
    """The Arrow files of a split that save_to_disk wrote."""
    splits = folder / "dataset_dict.json"
    if splits.exists():
        found = json.loads(splits.read_text(encoding="utf-8"))["splits"]
        if split not in found:
            raise DataError(f"dataset {folder}: no split {split!r}; found: {', '.join(found)}")
        folder = folder / split
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if not splits.exists() and state.get("_split") not in (None, split):
        raise DataError(f"dataset {folder}: holds the split '{state['_split']}' alone, not {split!r}")
    if state.get("_indices_data_files"):
        raise DataError(f"dataset {folder}: was saved by an old version of `datasets`; save it again")
    return [folder / file["filename"] for file in state["_data_files"]]


def _arrow_rows(files: Iterable[Path]) -> Iterator[Row]:
    import pyarrow as pa

    for path in files:
        with pa.OSFile(str(path)) as file:
            for batch in pa.ipc.open_stream(file):
                yield from batch.to_pylist()


def _parquet_rows(files: Iterable[Path]) -> Iterator[Row]:
    from pyarrow.parquet import ParquetFile

    for path in files:
        with ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
                yield from batch.to_pylist()


def _folder_rows(folder: Path, source: Source) -> Iterator[Row]:
    """The rows of a folder; which files are which split is for the library to say."""
    import datasets

    splits = datasets.load_dataset_builder(str(folder), source.config).config.data_files
    if source.split not in splits:
        raise DataError(f"dataset {folder}: no split {source.split!r}; found: {', '.join(map(str, splits))}")
    files = [Path(file) for file in splits[source.split]]
    if all(path.suffix == ".parquet" for path in files):
        return _parquet_rows(files)
    return _streamed(str(folder), source)


def _streamed(name: str, source: Source) -> Iterator[Row]:
    import datasets
    from huggingface_hub import is_offline_mode

    # without a network by choice, the library knows what it has downloaded before
    if not Path(name).is_dir() and not is_offline_mode() and (reason := no_answer()):
        raise DataError(
            f"dataset {name}: no such folder here, and the hub cannot be asked ({reason}); "
            "check the path or the network"
        )
    return iter(datasets.load_dataset(name, source.config, split=source.split, streaming=True))
