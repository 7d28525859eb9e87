"""Dragoman turns an open LLM and some parallel text into a translator."""

from dragoman.errors import DataError, DragomanError, ModelError, RecipeError, ServeError

__version__ = "0.1.0"
__all__ = ["DataError", "DragomanError", "ModelError", "RecipeError", "ServeError", "__version__"]
