"""Ids and weights: training equals decoding, nothing is guessed, nothing is cut."""

from __future__ import annotations

from functools import cache

import pytest

from dragoman.errors import DataError, ModelError
from dragoman.language.language import Direction
from dragoman.prompt.encode import TOO_LONG, Encoder
from dragoman.prompt.example import Example, Span, assistant, assistant_spans, user
from dragoman.prompt.safe import UNKNOWN_CHARACTERS
from dragoman.prompt.templates import load_template

from . import kinds
from .text import LINES

TEMPLATES = ("alpaca", "alpaca-post", "plain", "alma", "bayling", "chat")
EN_DE = Direction("en", "de")
SOURCE, TARGET = LINES[0], LINES[6]


@cache
def shared(tokenizer: str) -> Encoder:
    """An alpaca encoder for tests that ask nothing of its counts."""
    return encoder(tokenizer)


def encoder(tokenizer: str = "byte-bpe", template: str = "alpaca", max_length: int = 4096) -> Encoder:
    made = kinds.make(tokenizer)
    return Encoder(made, load_template(template, made), max_length)


def mt(code: Encoder, source: str = SOURCE, target: str = TARGET, weight: float = 1.0) -> Example:
    request = user(code.template.instruction("mt", EN_DE), source)
    return Example((request, assistant(target, weight)), "mt", EN_DE, "7", "g")


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@pytest.mark.parametrize("template", TEMPLATES)
class TestEveryTemplateAndTokenizer:
    def test_training_ids_are_decoding_ids(self, template: str, tokenizer: str) -> None:
        code = encoder(tokenizer, template)
        example = mt(code)
        row = code.encode(example)
        assert row is not None
        prompt = code.prompt(example.turns[:1], EN_DE)
        assert row.ids[: len(prompt)] == prompt
        assert row.weights == [0.0] * len(prompt) + [1.0] * (len(row.ids) - len(prompt))
        assert row.ids[-1] == code.end_id and code.end_id in code.stop_ids
        assert code.decode(row.ids[len(prompt) :]) == TARGET
        assert (row.task, row.group, row.id) == ("mt", "g", "7")

    def test_bos_stands_once(self, template: str, tokenizer: str) -> None:
        code = encoder(tokenizer, template)
        ids = code.prompt(mt(code).turns[:1], EN_DE)
        assert ids[0] == code.tokenizer.bos_token_id
        assert ids.count(code.tokenizer.bos_token_id) == 1

    def test_a_server_that_encodes_the_text_makes_the_same_ids(self, template: str, tokenizer: str) -> None:
        code = encoder(tokenizer, template)
        made = code.tokenizer
        for source in (*LINES, "1 apple", "(really?)"):
            turns = mt(code, source).turns[:1]
            block = code.template.blocks(turns, EN_DE)[0]
            text = "".join(piece.text for piece in block.before)
            in_text = template == "chat" and text.startswith(made.bos_token)
            expected = made(text, add_special_tokens=not in_text).input_ids
            assert code.prompt(turns, EN_DE) == expected

    def test_turns_before_the_last_are_context(self, template: str, tokenizer: str) -> None:
        code = encoder(tokenizer, template)
        first, last = mt(code), mt(code, LINES[1], LINES[7])
        example = Example((first.turns[0], assistant(TARGET, 0.0), *last.turns), "mt", EN_DE)
        row = code.encode(example)
        assert row is not None
        prompt = code.prompt(example.turns[:3], EN_DE)
        assert row.ids[: len(prompt)] == prompt
        assert not any(row.weights[: len(prompt)])
        assert all(row.weights[len(prompt) :])

    def test_every_learned_turn_equals_its_own_prompt(self, template: str, tokenizer: str) -> None:
        code = encoder(tokenizer, template)
        turns = (*mt(code).turns, *mt(code, LINES[1], LINES[7]).turns)
        for example in code.rows(Example(turns, "mt", EN_DE)):
            row = code.encode(example)
            assert row is not None
            for k, turn in enumerate(example.turns):
                if any(span.weight for span in turn.spans):
                    prompt = code.prompt(example.turns[:k], EN_DE)
                    assert row.ids[: len(prompt)] == prompt
                    assert code.decode(row.ids[len(prompt) :]) == turn.content
                    assert not row.weights[len(prompt) - 1] and row.weights[len(prompt)] == 1.0


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
def test_a_token_has_the_weight_of_its_first_character(tokenizer: str) -> None:
    code = encoder(tokenizer)
    spans = [Span("Die alte Frau gibt", 1.0), Span(" dem kleinen Jungen", -0.5), Span(" einen Apfel.", 2.0)]
    example = Example((*mt(code).turns[:1], assistant_spans(spans, end_weight=0.25)), "mt", EN_DE)
    row = code.encode(example)
    assert row is not None
    start = len(code.prompt(example.turns[:1], EN_DE))
    place = -1 if code.safe.fresh_space else 0
    for index, weight in zip(row.ids[start:-1], row.weights[start:-1], strict=True):
        character = max(place, 0)
        border = [len(spans[0].text), len(spans[0].text) + len(spans[1].text)]
        assert weight == (1.0, -0.5, 2.0)[sum(character >= b for b in border)]
        place += len(code.safe.vocabulary.surface[index].decode(errors="ignore"))
    assert row.weights[-1] == 0.25


def test_spans_give_the_same_ids_as_the_whole_text() -> None:
    for tokenizer in kinds.NAMES:
        code = encoder(tokenizer)
        whole = code.encode(mt(code))
        request = mt(code).turns[0]
        spans = [Span(TARGET[:7], 1.0), Span("", 3.0), Span(TARGET[7:], -1.0)]
        apart = code.encode(Example((request, assistant_spans(spans)), "mt", EN_DE))
        assert whole is not None and apart is not None
        assert whole.ids == apart.ids
        assert apart.weights[-1] == -1.0


def test_the_end_weight_can_spare_the_end_token() -> None:
    code = encoder()
    row = code.encode(
        Example((mt(code).turns[0], assistant(TARGET, -1.0, end_weight=0.0)), "conflict", EN_DE)
    )
    assert row is not None
    assert row.weights[-1] == 0.0 and row.weights[-2] == -1.0


def test_too_long_is_dropped_and_counted_never_cut() -> None:
    code = encoder()
    length = len(code.encode(mt(code)).ids)  # type: ignore[union-attr]
    exact = encoder(max_length=length)
    assert exact.encode(mt(exact)) is not None
    short = encoder(max_length=length - 1)
    assert short.encode_many([mt(short), mt(short)]) == [None, None]
    assert short.dropped == {TOO_LONG: 2}


def test_nothing_to_learn_is_an_error() -> None:
    code = encoder()
    with pytest.raises(DataError, match=r"example 7 \(mt\) has no token to learn"):
        code.encode(mt(code, weight=0.0))


def test_turns_that_do_not_fit_are_errors() -> None:
    code = encoder()
    with pytest.raises(DataError, match="does not end with an assistant turn"):
        code.encode(Example((user("Hello"),), "mt"))
    with pytest.raises(DataError, match="turn 0: role assistant stands where user is due"):
        code.encode(Example((assistant("a"), assistant("b")), "mt"))
    with pytest.raises(DataError, match="must end with a user turn"):
        code.prompt((user("a"), assistant("b")))


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_lone_assistant_turn_is_a_document(template: str, tokenizer: str) -> None:
    code = encoder(tokenizer, template)
    text = "English: The house.\nGerman: Das Haus."
    example = Example((assistant(text),), "mono", EN_DE)
    example.check()
    row = code.encode(example)
    assert row is not None
    assert row.ids == [*code.tokenizer(text).input_ids, code.eos_id]
    assert row.weights == [0.0] + [1.0] * (len(row.ids) - 1)


def test_an_unwritable_character_drops_the_example_or_stops_the_prompt() -> None:
    import json

    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    spec = json.loads(kinds.make("unigram").backend_tokenizer.to_str())
    spec["model"]["byte_fallback"] = False
    spec["model"]["vocab"] = [
        v if not v[0].startswith("<0x") else [f"{v[0]}-", v[1]] for v in spec["model"]["vocab"]
    ]
    spec["model"]["vocab"].append(["\n", -5.0])
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(spec)), eos_token="</s>")
    code = Encoder(made, load_template("alpaca"))
    assert code.encode(mt(code)) is not None
    assert code.encode(mt(code, source="a 日 b")) is None
    assert code.dropped == {UNKNOWN_CHARACTERS: 1}
    with pytest.raises(DataError, match="characters that the tokenizer lacks"):
        code.prompt((user("日"),))


def test_half_a_surrogate_pair_is_dropped() -> None:
    code = encoder()
    rows = code.encode_many([mt(code), mt(code, source="a \ud800 b")])
    assert rows[0] is not None and rows[1] is None
    assert sum(code.dropped.values()) == 1


def test_a_tokenizer_without_end_token_is_refused() -> None:
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_object=kinds.make("bpe").backend_tokenizer)
    with pytest.raises(ModelError, match="no end token"):
        Encoder(made, load_template("alpaca"))


def test_decoding_stops_at_the_first_stop_token_and_strips_nothing() -> None:
    code = encoder()
    row = code.encode(mt(code, target=" two  spaces \n"))
    assert row is not None
    prompt = code.prompt(mt(code).turns[:1], EN_DE)
    answer = row.ids[len(prompt) :]
    assert code.decode([*answer, *answer]) == " two  spaces \n"
    assert code.decode(answer[:-1]) == " two  spaces \n"
