"""Grammar: one fault in the draft, of word order, of an ending, a word doubled or missing.

A fault is one only if the corpus never has the words beside each other that it brings together, though by
chance it should.
"""

from __future__ import annotations

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.edits import Edit
from dragoman.instruct.interactive.fault import Fault, Maker, deletion, insertion, replacing
from dragoman.instruct.interactive.scene import Scene, begins

SMALL = 4
"""Letters of the longest word that goes missing: one of grammar."""
FREQUENT = 0.002
"""Share of the corpus that such a word has at least."""


def _places(scene: Scene, width: int) -> list[int]:
    """Places of so many words in a row, in random order, that do not begin a sentence and are free."""
    fit = [
        k
        for k in range(1, scene.size - width)
        if all(scene.is_word(k + n) and scene.apart(k + n) for n in range(width))
        and not begins(scene.target, k)
        and scene.free(k, k + width)
    ]
    scene.rng.shuffle(fit)
    return fit


def wrong_order(scene: Scene) -> Fault | None:
    """Two neighbouring words are exchanged."""
    for k in _places(scene, 2):
        one, two = scene.word(k), scene.word(k + 1)
        words = scene.word(k - 1), two, one, scene.word(k + 2)
        if one == two or not scene.strange(two, one) or (scene.met(*words[:2]) and scene.met(*words[2:])):
            continue
        start, end = scene.spot((k, k + 2))
        between = scene.text[scene.spot((k, k + 1))[1] : scene.spot((k + 1, k + 2))[0]]
        wrong = two + between + one
        asked = Correction("grammar/order", (scene.text[start:end],), (wrong,))
        return Fault(Edit(start, end, wrong), (k, k + 2), asked, asked.kind, {"old": wrong})
    return None


def wrong_ending(scene: Scene) -> Fault | None:
    """A word has another of its forms."""
    for k in _places(scene, 1):
        around = scene.word(k - 1), scene.word(k + 1)
        found = scene.lexicon.endings(scene.direction.target, scene.word(k))
        wrong = [f for f in found if scene.strange(around[0], f, around[1]) and not scene.has(f)]
        if wrong and scene.once((k, k + 1)):
            return replacing(scene, (k, k + 1), scene.rng.choice(wrong), "grammar/ending")
    return None


def doubled(scene: Scene) -> Fault | None:
    """A word stands there twice in a row."""
    for k in _places(scene, 1):
        word = scene.word(k)
        if scene.met(word, word) or word in (scene.word(k - 1), scene.word(k + 1)):
            continue
        edit = insertion(scene, k, word)
        asked = Correction("grammar/double", (), (word + edit.text,), (word,))
        return Fault(edit, (k, k + 1), asked, asked.kind, {"old": word})
    return None


def missing(scene: Scene) -> Fault | None:
    """A small word between two others is missing; any that the corpus has between them serves as well."""
    for k in _places(scene, 1):
        before, word, after = scene.word(k - 1), scene.word(k), scene.word(k + 1)
        around = scene.is_word(k - 1) and scene.is_word(k + 1)
        if not around or not (scene.cut[1] or small(scene, word)) or not scene.strange(before, after):
            continue
        first, last = scene.spot((k - 1, k))[0], scene.spot((k + 1, k + 2))[1]
        start, end = scene.spot((k, k + 1))
        head, tail = scene.text[first:start], scene.text[end:last]
        others = [w for w in _small_words(scene) if w != word and scene.known_between((k, k + 1), w)]
        serving = tuple(head + other + tail for other in others)
        asked = Correction("grammar/missing", (head + word + tail,), (), (word,), instead=serving)
        values = {"before": before, "after": after}
        return Fault(deletion(scene, (k, k + 1)), (k - 1, k + 2), asked, asked.kind, values)
    return None


def small(scene: Scene, word: str) -> bool:
    """Whether a target word is short, frequent and without a capital, as words of grammar are."""
    return word in _small_words(scene)


def _small_words(scene: Scene) -> list[str]:
    frequent = scene.lexicon.frequent(scene.direction.target, FREQUENT)
    return [word for word in frequent if len(word) <= (1 if scene.cut[1] else SMALL) and word.isalpha()]


MAKERS: dict[str, Maker] = {
    "grammar/order": wrong_order,
    "grammar/ending": wrong_ending,
    "grammar/double": doubled,
    "grammar/missing": missing,
}
