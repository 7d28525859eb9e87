"""The automaton knows of any tokens what a look at the whole text finds, for tokenizers of every kind."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt.kinds import NAMES, make
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.translate.automaton import Automaton, Node
from dragoman.translate.demand import Demand, check, clauses
from dragoman.translate.lexicon import Lexicon
from dragoman.translate.satisfy import Unsatisfiable, compiled, plan_of

LETTERS = "ab Aé-,한東ー京กา🎉\n"
PHRASES = st.text(LETTERS.replace("\n", ""), min_size=1, max_size=4).filter(lambda text: bool(text.strip()))
MUST = st.lists(st.lists(PHRASES, min_size=1, max_size=2).map(tuple), max_size=3).map(tuple)


@cache
def encoder_of(kind: str) -> Encoder:
    return Encoder(make(kind), load_template("alpaca"))


@cache
def lexicon_of(kind: str) -> Lexicon:
    return Lexicon(encoder_of(kind))


def automaton_of(demand: Demand, kind: str) -> Automaton:
    return Automaton(demand, lexicon_of(kind), [forms for forms, _ in clauses(demand)])


def tokens_of(kind: str) -> st.SearchStrategy[list[int]]:
    """Tokens of short texts, of single bytes, and any at all."""
    lexicon = lexicon_of(kind)
    fit = [
        index
        for index, surface in enumerate(lexicon.surfaces)
        if surface and set(surface.decode(errors="ignore")) <= set(LETTERS)
    ]
    broken = st.integers(0, len(lexicon.surfaces) + 3).filter(lambda token: token not in lexicon.stops)
    spelt = st.text(LETTERS, max_size=6).map(lambda text: list(lexicon.spelled(text.encode())))
    part = st.one_of(
        st.sampled_from(fit).map(lambda token: [token]), broken.map(lambda token: [token]), spelt
    )
    return st.lists(part, max_size=12).map(lambda parts: [token for one in parts for token in one])


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(NAMES),
    data=st.data(),
    must=MUST,
    forbid=st.lists(PHRASES, max_size=2).map(tuple),
    ignore_case=st.booleans(),
)
def test_a_node_knows_what_the_text_holds(
    kind: str, data: Any, must: Any, forbid: Any, ignore_case: bool
) -> None:
    demand = Demand(must, forbid, ignore_case)
    automaton, encoder = automaton_of(demand, kind), encoder_of(kind)
    tokens = data.draw(tokens_of(kind))
    node: Node | None = automaton.start
    for place, token in enumerate(tokens):
        assert node is not None
        node = automaton.step(node, token)
        outcome = check(encoder.decode(tokens[: place + 1]), demand)
        if node is None:
            assert outcome.found
            return
        assert node.final == outcome.satisfied
        assert node.missing == len(outcome.unmet)
        assert node.risky == bool(outcome.found)


def test_a_phrase_needs_its_border() -> None:
    automaton = automaton_of(Demand((("Haus",),), ("Arzt",)), "byte-bpe")

    def after(text: str) -> Node | None:
        nodes = automaton.walk(automaton.start, automaton.lexicon.spelled(text.encode()))
        return nodes[-1] if nodes else None

    for text, missing in (
        ("Haus", 0),
        ("Hausa", 1),
        ("Haus-", 0),
        ("das Haus", 0),
        ("Kaufhaus", 1),
        ("Hau", 1),
    ):
        node = after(text)
        assert node is not None and node.missing == missing, text
    risky = after("Arzt")
    assert risky is not None and risky.risky and not risky.final
    assert after("Arzt.") is None
    fine = after("Arzthaus Haus")
    assert fine is not None and fine.final


def test_a_forbidden_phrase_is_found_in_other_guises() -> None:
    automaton = automaton_of(Demand((), ("café noir",)), "byte-bpe")
    for text in ("café noir.", "cafe\u0301 noir.", "café  noir.", "café\nnoir.", "café\u00a0noir."):
        assert automaton.walk(automaton.start, automaton.lexicon.spelled(text.encode())) is None
    assert automaton.walk(automaton.start, automaton.lexicon.spelled("café noire.".encode())) is not None


def test_control_tokens_write_nothing() -> None:
    lexicon = lexicon_of("byte-bpe")
    automaton = automaton_of(Demand((("ab",),)), "byte-bpe")
    control = lexicon.safe.vocabulary.ids["<|im_start|>"]
    tokens = [*lexicon.spelled(b"a"), control, 10**6, *lexicon.spelled(b"b")]
    assert encoder_of("byte-bpe").decode(tokens) == "ab"
    nodes = automaton.walk(automaton.start, tokens)
    assert nodes is not None and nodes[-1].final


@pytest.mark.parametrize("kind", NAMES)
def test_spelling(kind: str) -> None:
    lexicon = lexicon_of(kind)
    for text in ("ein Haus", " ein Haus", "aus", "한 東京 🎉", " é-x"):
        data = text.encode()
        ids = lexicon.spelled(data)
        fewest = lexicon.fewest(data)
        assert fewest is not None and len(fewest) <= len(ids)
        assert b"".join(map(lexicon.surface, ids)) == b"".join(map(lexicon.surface, fewest)) == data
    assert lexicon.spelled("é".encode()[1:])  # from inside a character


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(NAMES), must=MUST, forbid=st.lists(PHRASES, max_size=2).map(tuple))
def test_a_plan_leads_to_the_end(kind: str, must: Any, forbid: Any) -> None:
    demand = Demand(must, forbid)
    try:
        automaton = compiled(demand, lexicon_of(kind), 200)
    except Unsatisfiable as why:
        assert why.name == "contradictory"
        return
    plan = plan_of(automaton, automaton.start)
    assert plan is not None
    assert check(encoder_of(kind).decode(plan), demand).satisfied
    node = automaton.start
    for place, token in enumerate(plan):
        after = automaton.step(node, token)
        assert after is not None
        node = after
        assert plan_of(automaton, node) == plan[place + 1 :]


def test_names_of_what_cannot_be_met() -> None:
    lexicon = lexicon_of("byte-bpe")

    def error(room: int, must: tuple[tuple[str, ...], ...], forbid: tuple[str, ...] = ()) -> tuple[str, str]:
        with pytest.raises(Unsatisfiable) as caught:
            compiled(Demand(must, forbid), lexicon, room)
        return caught.value.name, str(caught.value)

    name, told = error(9, (("am Haus",),), ("Haus",))
    assert (name, told.split(";")[0]) == (
        "contradictory", "'am Haus' must appear and holds 'Haus', which must not"
    )  # fmt: skip
    name, told = error(2, (("Haus am See im Wald",),))
    assert name == "too-long" and "at most 2 fit" in told
    assert error(9, (("\ud800",),))[0] == error(9, ((" ",),))[0] == "unwritable"
    assert error(9, (("x" * 10**6,),))[0] == error(9, (("a",),) * 10**4)[0] == "too-long"  # at once
    compiled(Demand((("Hausarzt",),), ("Haus",)), lexicon, 20)
    compiled(Demand((("am Haus", "Hof"),), ("Haus",)), lexicon, 20)  # another form is left
    compiled(Demand((("a",), ("b",)), ("a b", "b a")), lexicon, 20)  # a comma between them


def test_a_tokenizer_without_bytes_cannot_write_everything() -> None:
    spec = json.loads(make("unigram").backend_tokenizer.to_str())
    spec["model"]["vocab"] = [pair for pair in spec["model"]["vocab"] if not pair[0].startswith("<0x")]
    spec["model"]["byte_fallback"] = False
    for row in spec["added_tokens"]:
        row["id"] = next(i for i, (text, _) in enumerate(spec["model"]["vocab"]) if text == row["content"])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(spec)),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )
    lexicon = Lexicon(Encoder(tokenizer, load_template("alpaca")))
    with pytest.raises(
        Unsatisfiable, match="'東' holds characters that the tokenizer cannot write"
    ) as caught:
        compiled(Demand((("東",),)), lexicon, 20)
    assert caught.value.name == "unwritable"
    assert compiled(Demand((("東", "Haus"),)), lexicon, 20).phrases[0].text == "Haus"
    compiled(Demand((), ("東",)), lexicon, 20)
