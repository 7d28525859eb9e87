"""The errors that a user can cause. Each message is one line: what, where, what was expected, what to do."""

from __future__ import annotations

import errno

_NO_RIGHT = "write to another place, or give yourself the right to this one"
_NO_FOLDER = "there is a file where a folder is needed; move it or name another place"
_CURES = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.ENOENT: "check the path",
    errno.ENOSPC: "free space and run again",
    errno.EDQUOT: "free space and run again",
}


def told(error: OSError) -> str:
    """What the system says of a file, in one line, and what can be done."""
    cure = _CURES.get(error.errno or 0)
    return f"{error.filename or 'system'}: {error.strerror or error}" + (f"; {cure}" if cure else "")


def install(extra: str = "") -> str:
    """The command that installs Dragoman, with an extra: from the clone, as it is on no package index yet."""
    return f"pip install -c constraints.txt '.{f'[{extra}]' if extra else ''}' (in the clone of Dragoman)"


class DragomanError(Exception):
    """Base class; the command line prints it as one line and exits with status 1."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class RecipeError(DragomanError):
    """A recipe, an override or a command-line setting is wrong."""


class DataError(DragomanError):
    """A text file, a folder of text or one of their lines is wrong."""


class ModelError(DragomanError):
    """A model, tokenizer, checkpoint or identifier cannot be loaded or does not fit."""


class ServeError(DragomanError):
    """A server, ours or somebody else's, cannot do what was asked."""
