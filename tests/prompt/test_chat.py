"""The model's own chat template: cut into its words and the texts, checked, BOS once."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from dragoman.errors import DataError, ModelError
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example, Turn, assistant, user
from dragoman.prompt.templates import load_template

from . import kinds
from .test_encode import EN_DE, encoder, mt


def messages(turns: tuple[Turn, ...]) -> list[dict[str, str]]:
    return [
        {"role": t.role, "content": t.content if t.input is None else f"{t.content}\n\n{t.input}"}
        for t in turns
    ]


def served(tokenizer: Any, turns: tuple[Turn, ...], **settings: Any) -> list[int]:
    """The ids of a server that applies the chat template to a conversation."""
    ids: list[int] = tokenizer.apply_chat_template(
        messages(turns), add_generation_prompt=True, enable_thinking=False, **settings
    ).input_ids
    return ids


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
def test_prompt_ids_are_those_of_a_server(tokenizer: str) -> None:
    code = encoder(tokenizer, "chat")
    bos = [] if "bos_token" in code.tokenizer.chat_template else [code.tokenizer.bos_token_id]
    turns = (user("Translate.", "The house."), assistant("Das Haus."), user("Now the garden."))
    for k in (1, 3):
        expected = bos + served(code.tokenizer, turns[:k], date_string="26 Jul 2024")
        if tokenizer == "bpe" and k == 3:
            # This template writes a space behind an answer; a model that is tuned here never sees one.
            assert code.prompt(turns, EN_DE) == [
                i for n, i in enumerate(expected) if not _space_at(code, expected, n)
            ]
        else:
            assert code.prompt(turns[:k], EN_DE) == expected


def _space_at(code: Encoder, ids: list[int], place: int) -> bool:
    text = code.safe.vocabulary.text
    return text([ids[place]]) == b" " and text(ids[place + 1 : place + 2]) == b"</s>"


def test_the_answer_ends_with_the_token_that_the_template_puts_there() -> None:
    names = {"byte-bpe": "<|im_end|>", "bpe": "</s>", "unigram": "<end_of_turn>", "byte-split": "<|eot|>"}
    for tokenizer, name in names.items():
        code = encoder(tokenizer, "chat")
        assert code.end_id == code.tokenizer.convert_tokens_to_ids(name)
        assert code.stop_ids == {code.end_id, code.tokenizer.eos_token_id}


def test_a_space_before_answers_is_learned_and_taken_off() -> None:
    code = encoder("bpe", "chat")
    assert code.template.lead == " "
    row = code.encode(Example((user("Translate."), assistant("Das Haus.")), "mt"))
    assert row is not None
    answer = row.ids[row.weights.index(1.0) :]
    assert code.tokenizer.convert_ids_to_tokens(answer)[0].startswith("▁D")
    assert code.decode(answer) == "Das Haus."


def test_a_system_turn_is_placed_or_folded() -> None:
    turns = (Turn("system", "Be formal."), user("Translate.", "The house."))
    placed = encoder("byte-bpe", "chat").template.blocks(turns)[0].before
    assert [piece.text for piece in placed if piece.data] == ["Be formal.", "Translate.", "The house."]
    folded = encoder("unigram", "chat")
    text = "".join(piece.text for piece in folded.template.blocks(turns)[0].before)
    assert "<start_of_turn>user\nBe formal.\n\nTranslate.\n\nThe house.<end_of_turn>" in text
    row = folded.encode(Example((*turns, assistant("Das Haus.")), "mt"))
    assert row is not None
    prompt = folded.prompt(turns)
    assert row.ids[: len(prompt)] == prompt


def test_a_template_that_rewrites_earlier_turns_is_split_per_turn() -> None:
    code = encoder("byte-bpe", "chat")
    turns = (*mt(code).turns, *mt(code).turns)
    example = Example(turns, "mt", EN_DE)
    with pytest.raises(DataError, match=r"rewrites earlier turns.*Encoder\.rows"):
        code.encode(example)
    first, second = code.rows(example)
    assert first.turns == turns[:2]
    assert [span.weight for turn in second.turns for span in turn.spans] == [0.0, 1.0]
    row = code.encode(second)
    assert row is not None
    assert sum(w > 0 for w in row.weights) == len(row.ids) - len(code.prompt(turns[:3], EN_DE))


def test_a_template_that_keeps_earlier_turns_makes_one_row() -> None:
    for tokenizer in ("bpe", "unigram", "byte-split"):
        code = encoder(tokenizer, "chat")
        example = Example((*mt(code).turns, *mt(code).turns), "mt", EN_DE)
        assert code.rows(example) == [example]
        row = code.encode(example)
        assert row is not None and row.ids.count(code.end_id) >= 2


def test_the_date_is_not_todays() -> None:
    text = "".join(p.text for p in encoder("byte-split", "chat").template.blocks((user("a"),))[0].before)
    assert "Today Date: 26 Jul 2024" in text
    clock = kinds.HEADERS.replace("{% if not date_string is defined %}", "{% if true %}")
    other = kinds._load("byte-bpe", clock)
    block = load_template("chat", other).blocks((user("a"),))[0]
    text = "".join(piece.text for piece in block.before)
    assert "26 Jul 2024" in text and str(datetime.date.today().year) not in text


def test_plain_marks_of_a_chat_template_are_delimiters() -> None:
    assert set(encoder("bpe", "chat").template.delimiters) >= {"[INST]", "[/INST]", "<</SYS>>"}
    assert encoder("unigram", "chat").template.delimiters == ()


def test_without_a_chat_template_others_are_named() -> None:
    made = kinds._load("bpe", "")
    made.chat_template = None
    with pytest.raises(ModelError, match=r"has no chat template; take prompt\.template alpaca"):
        load_template("chat", made)


def test_without_a_tokenizer_only_wordings_work() -> None:
    template = load_template("chat")
    assert template.instruction("mt", EN_DE).endswith("from English to German.")
    with pytest.raises(ModelError, match="needs the model's tokenizer"):
        template.blocks((user("a"),))


def test_a_template_that_leaves_a_text_out_is_refused() -> None:
    made = kinds._load("bpe", "{{ bos_token }}{% for m in messages %}{{ m.role }}{% endfor %}")
    with pytest.raises(ModelError, match="leaves out the user turn"):
        load_template("chat", made)


def test_a_template_that_refuses_turns_says_why() -> None:
    made = kinds._load("bpe", "{{ raise_exception('only tools') }}")
    with pytest.raises(ModelError, match="refuses the turns user: only tools"):
        load_template("chat", made)


def test_turns_out_of_order_are_errors() -> None:
    for template in ("chat", "alpaca"):
        code = encoder("byte-bpe", template)
        with pytest.raises(DataError, match="turn 1: role user stands where assistant is due"):
            code.prompt((user("a"), user("b")))
        with pytest.raises(DataError, match="needs a user turn"):
            code.template.blocks((Turn("system", "a"),))


def test_a_line_end_that_is_an_added_token_ends_no_answer() -> None:
    spaced = kinds._replace()
    spaced.chat_template = kinds.TURNS.replace("<end_of_turn>", "\n\n<end_of_turn>")
    assert Encoder(spaced, load_template("chat", spaced)).template.end_token == "<end_of_turn>"
