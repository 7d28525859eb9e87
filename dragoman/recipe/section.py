"""What every section of a recipe is made of: no unknown keys, and the types of its values."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from dragoman.language.language import Direction, parse_direction

LONGEST_NAME = 200  # bytes; file systems end at 255, and endings are put behind it


def _code(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(
            "a language code became true/false: YAML reads no, on, yes as booleans; write 'no' in quotes"
        )
    return value


def _direction(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) == 2:
        return Direction(*value)
    return parse_direction(value) if isinstance(value, str) else value


def _folder_name(value: str) -> str:
    if not value.strip() or value.startswith(".") or set(value) & set("/\\"):
        raise ValueError("a name becomes a folder: no /, no \\, no dot in front, not empty")
    if not value.isprintable() or len(value.encode("utf-8", "replace")) > LONGEST_NAME:
        raise ValueError(f"a name becomes a folder: no control characters, at most {LONGEST_NAME} bytes")
    return value


LanguageCode = Annotated[str, BeforeValidator(_code)]
FolderName = Annotated[str, AfterValidator(_folder_name)]
Count = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
DirectionName = Annotated[Direction, BeforeValidator(_direction)]


class Section(BaseModel):
    """A part of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, validate_default=True)
