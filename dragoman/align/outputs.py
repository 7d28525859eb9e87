"""The files that ``dragoman align`` writes: complete or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dragoman.align.pharaoh import Link, format_links
from dragoman.align.result import Links
from dragoman.align.segment import cut_line
from dragoman.errors import DataError

Pair = tuple[bytes, bytes]


def check_places(wanted: Mapping[str, str | Path | None], read: Iterable[str | Path | None]) -> None:
    """DataError unless each file that is wanted can be made: before anything is learnt.

    ``wanted`` are the files to be written by the name of their option, ``read`` those that are read.
    """
    known = {Path(place).resolve(): "is read" for place in read if place is not None and str(place) != "-"}
    for name, place in wanted.items():
        if place is None or (str(place) == "-" and name == "output"):
            continue
        if str(place) == "-":
            raise DataError(f"--{name} -: standard output has the links; name a file")
        path = Path(place)
        if not path.parent.is_dir():
            raise DataError(f"{path}: there is no folder {path.parent} for --{name}; make it first")
        if path.is_dir():
            raise DataError(f"{path}: is a folder, expected the name of a file for --{name}")
        if name == "save" and not is_plain(path):
            raise DataError(f"{path}: is a device or a pipe; expected a file for --save")
        if (use := known.get(path.resolve())) is not None and (path.is_file() or not path.exists()):
            raise DataError(f"{path}: --{name} would write it, but it {use} too; give each a file of its own")
        known[path.resolve()] = f"is what --{name} writes"


def is_plain(path: Path) -> bool:
    """True if the path is, or would become, an ordinary file: it can be written beside and renamed."""
    return path.is_file() or not path.exists()


def beside(path: Path) -> tuple[Path, Path]:
    """Where to write what shall stand at ``path``, and where to move it then: the same for devices and pipes.

    A link to a file stays a link.
    """
    if not is_plain(path):
        return path, path
    target = path.resolve()
    return target.with_name(target.name + ".part"), target


@contextmanager
def _naming(place: object) -> Iterator[None]:
    """What the system refuses comes with the name of the file; a reader that left is told elsewhere."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DataError(f"{place}: cannot be written ({error.strerror or error})") from None


class Outputs:
    """Links, scores and units as they come. ``scored``: the links are kept, to be scored at the end."""

    def __init__(
        self, links: str, scores: Path | None = None, units: Path | None = None, scored: bool = False
    ) -> None:
        self._wanted = {"links": links, "scores": scores, "units": units}
        self._scored = scored
        self.count = 0
        self.linked = 0
        self.too_long = 0
        """Pairs that are too long to be linked."""
        self.found: list[list[Link]] = []
        self._files: dict[str, IO[str]] = {}
        self._places: list[tuple[Path, Path]] = []
        self._texts: list[Pair] = []

    def __enter__(self) -> Outputs:
        try:
            for name, place in self._wanted.items():
                if place == "-":
                    self._files[name] = sys.stdout
                elif place is not None:
                    with _naming(place):
                        self._files[name] = self._opened(Path(place))
        except DataError:
            self._close(keep=False)
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._close(keep=kind is None)

    def _opened(self, path: Path) -> IO[str]:
        """A file beside the one that is wanted, unless that is a device or a pipe."""
        part, target = beside(path)
        file = part.open("w", encoding="utf-8", newline="\n")
        self._places.append((part, target))
        return file

    def _close(self, keep: bool) -> None:
        try:
            for name, file in self._files.items():
                with _naming(self._wanted[name]):
                    if file is sys.stdout:
                        file.flush()
                    else:
                        file.close()
        except (DataError, BrokenPipeError):
            if keep:
                self._move(keep=False)
                raise
        self._move(keep)

    def _move(self, keep: bool) -> None:
        for part, path in self._places:
            if part == path:
                continue
            if keep:
                part.replace(path)
            else:
                part.unlink(missing_ok=True)

    def see(self, source: list[bytes], target: list[bytes]) -> None:
        """The next lines of the text to be linked."""
        self.count += len(source)
        if "units" in self._files:
            self._texts.extend(zip(source, target, strict=True))

    def write(self, found: Links, count: int, cut: tuple[bool, bool]) -> None:
        """The links of the next ``count`` lines; ``cut`` says which sides were cut into units."""
        found = found.head(count)
        self.linked += len(found.source)
        self.too_long += len(found.too_long)
        self._write("links", found.pharaoh())
        self._write("scores", found.score_lines())
        if "units" in self._files:
            texts, self._texts = self._texts[:count], self._texts[count:]
            links = (found.units or found).pharaoh()
            self._write("units", (
                "\t".join((*(_parted(side, cuts) for side, cuts in zip(pair, cut, strict=True)), line))
                for pair, line in zip(texts, links, strict=True)
            ))  # fmt: skip
        if self._scored:
            self.found.extend(found)

    def _write(self, name: str, lines: Iterable[str]) -> None:
        """Lines to one of the files, if it is wanted."""
        if name in self._files:
            with _naming(self._wanted[name]):
                self._files[name].writelines(line + "\n" for line in lines)

    def write_lines(self, lines: Iterable[list[Link]]) -> None:
        """Links that are there already."""
        for links in lines:
            self.count += 1
            self.linked += len(links)
            self._write("links", [format_links(links)])
            if self._scored:
                self.found.append(links)


def _parted(side: bytes, cuts: bool) -> str:
    """A line with a blank between its units, or its words."""
    return b" ".join(cut_line(side.decode("utf-8"))[0] if cuts else side.split()).decode("utf-8")
