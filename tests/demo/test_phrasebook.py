"""The phrasebook: distinct, disjoint, grammatical by rule and by golden lines, linked by construction."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from dragoman.demo.grammar import NounPhrase
from dragoman.demo.italian import onset
from dragoman.demo.lexicon import LANGUAGES, adjectives, nouns, verbs
from dragoman.demo.linking import text_of, tokens
from dragoman.demo.patterns import PATTERNS
from dragoman.demo.phrasebook import SPEAKERS, Line, Phrasebook
from dragoman.demo.spaces import Distinct, Permutation, quotas
from dragoman.errors import DataError

GOLDEN = Path(__file__).with_name("phrasebook_golden.tsv")
STRONG = r"(?:s[^aeiouàèéìòù]|z|gn|ps)"
VOWEL = r"[aeiouàèéìòù]"


@pytest.fixture(scope="module")
def book() -> Phrasebook:
    return Phrasebook(1)


@pytest.fixture(scope="module")
def sample(book: Phrasebook) -> list[Line]:
    return list(book.lines(1_000_000, 8000))


def plain(text: str) -> str:
    """As a leak filter sees it: no capitals, no marks."""
    return re.sub(r"[^\w]+", " ", text.lower()).strip()


def test_size_and_range(book: Phrasebook) -> None:
    assert len(book) >= 3_000_000
    with pytest.raises(DataError, match="ask for fewer"):
        book.sentence(len(book))


def test_sentences_are_distinct_in_every_language(book: Phrasebook) -> None:
    # Two far ranges, 201,000 lines: no sentence twice, so the ranges are disjoint as text, marks apart.
    seen: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    count = 0
    for start in (0, 3_800_000):
        for line in book.lines(start, 100_500):
            count += 1
            for language in LANGUAGES:
                seen[language].add(plain(line.text(language)))
    assert [len(texts) for texts in seen.values()] == [count] * len(LANGUAGES)


def test_index_is_a_bijection() -> None:
    for size in (1, 2, 7, 64, 1000):
        assert sorted(map(Permutation(size, 5), range(size))) == list(range(size))
    assert len({Distinct("abcd").at(i) for i in range(12)}) == 12
    assert quotas([5, 1000, 1000], [1, 1, 2], 305) == [5, 100, 200]


def test_deterministic_under_the_seed(book: Phrasebook) -> None:
    again, other = Phrasebook(1), Phrasebook(2)
    assert [again.sentence(i).text("nl") for i in range(50)] == [
        book.sentence(i).text("nl") for i in range(50)
    ]
    assert [other.sentence(i).text("nl") for i in range(50)] != [
        book.sentence(i).text("nl") for i in range(50)
    ]


def test_golden_lines(book: Phrasebook) -> None:
    # These lines, one a pattern, were read and found grammatical; look again before you replace one.
    rows = [row.split("\t") for row in GOLDEN.read_text(encoding="utf-8").splitlines()]
    assert {row[1] for row in rows} == set(PATTERNS)
    for index, pattern, *texts in rows:
        line = book.sentence(int(index))
        assert [line.pattern, *(line.text(language) for language in LANGUAGES)] == [pattern, *texts]


@pytest.mark.parametrize(
    ("noun", "det", "plural", "adjective", "expected"),
    [
        ("backpack", "the", False, None, "the backpack|lo zaino|de rugzak|rucsacul"),
        ("boot", "the", True, "old_thing", "the old boots|i vecchi stivali|de oude laarzen|cizmele vechi"),
        ("friend", "the", True, None, "the friends|gli amici|de vrienden|prietenii"),
        ("friend", "a", False, "old", "an old friend|un vecchio amico|een oude vriend|un prieten bătrân"),
        ("island", "a", False, None, "an island|un'isola|een eiland|o insulă"),
        ("island", "this", False, None, "this island|questa isola|dit eiland|această insulă"),
        ("mirror", "a", False, None, "a mirror|uno specchio|een spiegel|o oglindă"),
        ("mirror", "that", True, None, "those mirrors|quegli specchi|die spiegels|acele oglinzi"),
        ("tree", "that", False, None, "that tree|quell'albero|die boom|acel copac"),
        ("tree", "a", False, "beautiful", "a beautiful tree|un bell'albero|een mooie boom|un copac frumos"),
        ("horse", "a", False, "white", "a white horse|un cavallo bianco|een wit paard|un cal alb"),
        ("pig", "our", False, None, "our pig|il nostro maiale|ons varken|porcul nostru"),
        ("house", "2", True, "new", "two new houses|due nuove case|twee nieuwe huizen|două case noi"),
        ("apple", "2", True, None, "two apples|due mele|twee appels|două mere"),
        ("present", "12", True, None, "twelve presents|dodici regali|twaalf cadeaus|douăsprezece cadouri"),
        ("child", "this", True, None, "these children|questi bambini|deze kinderen|acești copii"),
        ("child", "the", True, None, "the children|i bambini|de kinderen|copiii"),
        ("uncle", "my", False, None, "my uncle|mio zio|mijn oom|unchiul meu"),
        ("uncle", "their", False, None, "their uncle|il loro zio|hun oom|unchiul lor"),
        ("sister", "your", False, None, "your sister|tua sorella|jouw zus|sora ta"),
        ("coffee", "the", False, "warm", "the warm coffee|il caffè caldo|de warme koffie|cafeaua caldă"),
        ("water", "this", False, None, "this water|questa acqua|dit water|această apă"),
        ("lion", "the", False, None, "the lion|il leone|de leeuw|leul"),
        ("father", "our", False, None, "our father|nostro padre|onze vader|tatăl nostru"),
        ("photo", "how_many", True, None, "how many photos|quante foto|hoeveel foto's|câte fotografii"),
    ],
)  # fmt: skip
def test_noun_phrases(noun: str, det: str, plural: bool, adjective: str | None, expected: str) -> None:
    phrase = NounPhrase(nouns()[noun], det, plural, adjectives().get(adjective or ""))
    said = [text_of(SPEAKERS[language].noun_phrase(phrase, "s")) for language in LANGUAGES]
    assert "|".join(said) == expected


def test_italian_articles_fit_the_onset(sample: list[Line]) -> None:
    wrong = [
        rf"\b(?:il|i|un|del|dei|al|ai|dal|nel|sul|quel|quei|bel) {STRONG}",
        rf"\b(?:il|i|la|una|del|della|al|alla|nel|nella|sul|sulla|dal|quel|quella) {VOWEL}",
        rf"(?:\bl'|un'|ll')(?!{VOWEL})",
        rf"\b(?:lo|gli|uno|dello|degli|allo|agli|nello|sullo|quello|quegli) (?!{STRONG}|{VOWEL})",
        rf"\b(?:lo|uno|dello|allo|nello|quello) {VOWEL}",
        r"\b(?:di|a|da|in|su) (?:il|lo|la|l'|i|gli|le)\b",
    ]
    texts = [line.text("it").lower() for line in sample]
    assert not [text for text in texts for pattern in wrong if re.search(pattern, text)]
    assert onset("psicologo") == onset("gnomo") == onset("zio") == onset("scatola") == "strong"
    assert onset("sole") == "plain"


def test_english_a_and_an(sample: list[Line]) -> None:
    texts = [line.text("en").lower() for line in sample]
    assert not [text for text in texts if re.search(r"\ba [aeiou]|\ban [^aeiou]", text)]


def test_dutch_articles_fit_the_noun(sample: list[Line]) -> None:
    neuter = {noun.nl[0] for noun in nouns().values() if noun.nl[2] == "het"}
    common = {noun.nl[0] for noun in nouns().values() if noun.nl[2] == "de"}
    for line in sample:
        words = [text.lower() for text in line.tokens("nl")]
        for first, second in pairwise(words):
            assert not (first in ("de", "deze", "onze") and second in neuter), line.text("nl")
            assert not (first in ("het", "dit", "ons") and second in common), line.text("nl")


def test_dutch_verb_is_second_after_a_time(sample: list[Line]) -> None:
    # In front: the time, then the verb (or its auxiliary), then the subject.
    fronted = [line for line in sample if line.pattern.startswith(("time in front", "place and time"))]
    assert len(fronted) > 300
    for line in fronted:
        tags = [word.tags for word in line.words["nl"]]
        length = next(i for i, tag in enumerate(tags) if not re.fullmatch(r"t\d", tag[0]))
        assert set(tags[length]) & {"v", "t"} and tags[length + 1][0].startswith("s"), line.text("nl")
        source = line.words["en"]
        assert any(
            tag.startswith("s")
            for tag in source[next(i for i, w in enumerate(source) if w.tags[0][0] != "t")].tags
        )


def test_dutch_verb_is_last_in_subordinate_clauses(sample: list[Line]) -> None:
    joined = [line for line in sample if line.pattern == "that"]
    assert len(joined) > 100
    for line in joined:
        assert line.words["nl"][-2].tags == ("zv",), line.text("nl")


def test_romanian_agreement() -> None:
    romanian = SPEAKERS["ro"]
    for noun in nouns().values():
        for adjective in adjectives().values():
            if not adjective.groups & noun.groups:
                continue
            for plural in (False,) if noun.ro[1] == "-" else (False, True):
                column = 2 * plural + (noun.ro[2] == "f" or (noun.ro[2] == "n" and plural))
                words = romanian.noun_phrase(NounPhrase(noun, "this", plural, adjective), "s")
                said = [word.text for word in words]
                assert said[0] == ("acest", "această", "acești", "aceste")[column]
                assert said[-1] == " ".join(adjective.ro[column].split())


def test_tokens_come_back_from_the_text(sample: list[Line]) -> None:
    for line in sample:
        for language in LANGUAGES:
            assert tokens(line.text(language)) == line.tokens(language), line.text(language)


def test_links_in_range_symmetric_and_covering(sample: list[Line]) -> None:
    for line in sample[:3000]:
        for a, b in combinations(LANGUAGES, 2):
            links = line.links(a, b)
            assert links == sorted(set(links)) and links
            assert line.links(b, a) == sorted((j, i) for i, j in links)
            assert all(i < len(line.words[a]) and j < len(line.words[b]) for i, j in links)
            assert (len(line.words[a]) - 1, len(line.words[b]) - 1) in links
            # Words that the other language leaves out: to, er, să, the article of "il cane di", het (koud).
            loose = [word for i, word in enumerate(line.words[a]) if i not in {i for i, _ in links}]
            assert len(loose) <= 3, (line.text(a), line.text(b), loose)


def test_links_are_monotone_where_order_is_the_same(book: Phrasebook) -> None:
    simple = {verb.name for verb in verbs().values() if len(verb.en) == 4 and len(verb.it) == 9}
    assert len(simple) > 40
    checked = crossing = 0
    for line in book.lines(0, 6000):
        meaning = book.meaning(line.index)[1]
        if line.pattern == "plain" and meaning.verb.name in simple:
            checked += 1
            assert all(j <= k for (_, j), (_, k) in pairwise(line.links("en", "it"))), line.text("it")
        if line.pattern in ("time in front", "that", "liking"):
            links = line.links("en", "nl" if line.pattern != "liking" else "ro")
            crossing += any(j > k for (_, j), (_, k) in pairwise(links))
    assert checked > 150
    assert crossing > 200


def test_write_folder(book: Phrasebook, tmp_path: Path) -> None:
    book.write_folder(tmp_path, {"train": (0, 30), "dev": (30, 5)})
    assert len((tmp_path / "train.ro").read_text(encoding="utf-8").splitlines()) == 30
    english = (tmp_path / "links/dev.en").read_text(encoding="utf-8").splitlines()
    dutch = (tmp_path / "links/dev.nl").read_text(encoding="utf-8").splitlines()
    align = (tmp_path / "links/dev.en-nl.align").read_text(encoding="utf-8").splitlines()
    assert (tmp_path / "dev.en").read_text(encoding="utf-8").splitlines()[0] == book.sentence(30).text("en")
    for source, target, row in zip(english, dutch, align, strict=True):
        for link in row.split():
            i, j = map(int, link.split("-"))
            assert i < len(source.split()) and j < len(target.split())
    assert not list(tmp_path.rglob("*.part"))
