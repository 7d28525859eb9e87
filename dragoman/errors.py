"""The errors that a user can cause. Each message is one line: what, where, what was expected, what to do."""


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
