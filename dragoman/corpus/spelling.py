"""One code for one language: two sources may spell it differently, the corpus does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dragoman.corpus.pair import Record
from dragoman.corpus.sources import SKIP, match_code
from dragoman.errors import DataError
from dragoman.language.language import Direction
from dragoman.recipe import Source


class Spelling:
    """Gives every language one code throughout a corpus: of the directions, of the recipe, or of a file.

    ``preferred`` are codes in order of precedence; one that is not among them is kept as it is first met.
    """

    def __init__(self, preferred: Iterable[str] = ()) -> None:
        self._codes: list[str] = []
        self._known: dict[str, str] = {}
        for code in preferred:
            self.code(code)

    def code(self, code: str) -> str:
        """The code under which this language stands in the corpus."""
        if code not in self._known:
            match = match_code(code, self._codes, "languages")
            if match is None:
                self._codes.append(code)
            self._known[code] = match or code
        return self._known[code]

    def record(self, record: Record) -> Record:
        """The record under these codes, its texts without spaces around them."""
        texts = {self.code(code): text.strip() for code, text in record.texts.items()}
        if len(texts) < len(record.texts):
            codes = ", ".join(record.texts)
            raise DataError(f"{record.file}: {codes} hold one language twice; choose with `languages`")
        if not record.variants:
            return record._replace(texts=texts)
        variants = [v._replace(language=self.code(v.language), text=v.text.strip()) for v in record.variants]
        return record._replace(texts=texts, variants=tuple(variants))


def written_codes(directions: Iterable[Direction] | None, sections: dict[str, list[Source]]) -> Iterator[str]:
    """The codes that the user wrote, directions first."""
    for direction in directions or ():
        yield from direction
    for sources in sections.values():
        for source in sources:
            yield from (
                code for code in (*source.languages, *(source.files or {}), *source.keys) if code != SKIP
            )
