"""What a stage draws from: a mixture of examples, seen as a stream of encoded groups."""

from __future__ import annotations

from collections import Counter

from dragoman.errors import ModelError
from dragoman.instruct.mixture import Mixture
from dragoman.prompt.encode import Encoder
from dragoman.tune.batch import Group

BARREN = 2048  # draws without a single usable group after which a stage gives up


class Source:
    """Draws groups and encodes them; ``dropped`` counts by reason what was drawn and could not be used."""

    def __init__(self, mixture: Mixture, encoder: Encoder) -> None:
        self.mixture, self.encoder = mixture, encoder
        self.dropped: Counter[str] = Counter()
        self._barren = 0

    def draw(self, count: int) -> list[Group]:
        """The groups of ``count`` draws; one whose examples do not all fit is dropped whole and counted.

        ModelError if a long row of draws gives nothing.
        """
        skipped = self.mixture.material.skipped
        before, skipped_before = Counter(self.encoder.dropped), Counter(skipped)
        groups = [
            [row for example in group for row in self.encoder.rows(example)]
            for group in self.mixture.draw(count)
        ]
        encoded = iter(self.encoder.encode_many([example for group in groups for example in group]))
        kept: list[Group] = []
        for group in groups:
            rows = [next(encoded) for _ in group]
            whole = [row for row in rows if row is not None]
            if len(whole) == len(rows):
                kept.append(whole)
        self.dropped.update(self.encoder.dropped - before)
        self.dropped.update(skipped - skipped_before)
        self._barren = 0 if kept else self._barren + count
        if self._barren >= BARREN:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.dropped.items()) or "none was made"
            raise ModelError(
                f"none of {self._barren:,} examples could be used ({reasons}); raise prompt.max_length "
                "or check the stage's tasks"
            )
        return kept

    def rewind(self) -> None:
        """Go back to the first draw, with nothing counted."""
        self.mixture.seek(dict.fromkeys(self.mixture.counts, 0))
        self.dropped.clear()
