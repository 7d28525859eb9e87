"""Small parallel text with known links: words that answer each other, some swapped, some left out."""

from __future__ import annotations

import numpy as np

from dragoman.align.pharaoh import Link

SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu")


def toy(lines: int, seed: int = 0, types: int = 60) -> tuple[list[str], list[str], list[list[Link]]]:
    """Source lines, target lines, and the true links of each.

    Source word ``w`` is answered by ``w`` with ``x`` before it; neighbours are swapped now and
    then; one target word in ten answers nothing.
    """
    rng = np.random.default_rng(seed)
    names = ["".join(rng.choice(SYLLABLES, 3)) + str(number) for number in range(types)]
    source, target, links = [], [], []
    for _ in range(lines):
        chosen = rng.integers(0, types, size=rng.integers(2, 9))
        order = list(range(len(chosen)))
        for place in range(len(order) - 1):
            if rng.random() < 0.15:
                order[place], order[place + 1] = order[place + 1], order[place]
        answer: list[str] = []
        pairs: list[Link] = []
        for i in order:
            if rng.random() < 0.1:
                answer.append("o")
            pairs.append((i, len(answer)))
            answer.append("x" + names[chosen[i]])
        source.append(" ".join(names[number] for number in chosen))
        target.append(" ".join(answer))
        links.append(sorted(pairs))
    return source, target, links
