"""Grammar: one fault in the draft, of word order, of an ending, a word doubled or missing.

A fault is one only if the corpus never has the words beside each other that it brings together; of a wrong
ending, only if it should have them by chance.
"""

from __future__ import annotations

from dragoman.instruct.interactive.correction import Correction
from dragoman.instruct.interactive.edits import Edit
from dragoman.instruct.interactive.fault import Fault, Maker, deletion, insertion, replacing
from dragoman.instruct.interactive.scene import Scene, begins

SMALL = 4
"""Letters of the longest word that goes missing: one of grammar."""


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
        if one == two or scene.met(two, one) or (scene.met(*words[:2]) and scene.met(*words[2:])):
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
    """A small word between two others is missing."""
    for k in _places(scene, 1):
        before, word, after = scene.word(k - 1), scene.word(k), scene.word(k + 1)
        small = len(word) <= (1 if scene.cut[1] else SMALL) and word.isalpha() and word.islower()
        if not small and not scene.cut[1]:
            continue
        if not scene.is_word(k - 1) or not scene.is_word(k + 1) or scene.met(before, after):
            continue
        whole = scene.text[scene.spot((k - 1, k))[0] : scene.spot((k + 1, k + 2))[1]]
        asked = Correction("grammar/missing", (whole,), (), (word,))
        values = {"before": before, "after": after}
        return Fault(deletion(scene, (k, k + 1)), (k - 1, k + 2), asked, asked.kind, values)
    return None


MAKERS: dict[str, Maker] = {
    "grammar/order": wrong_order,
    "grammar/ending": wrong_ending,
    "grammar/double": doubled,
    "grammar/missing": missing,
}
