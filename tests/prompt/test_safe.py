"""User text is data: it becomes no control token, forges no delimiter, and is written whole."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import ModelError
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example, assistant, user
from dragoman.prompt.safe import BARE_DELIMITER, Text
from dragoman.prompt.templates import Piece, Template, load_template

from . import kinds
from .test_encode import EN_DE, TEMPLATES, encoder, mt, shared
from .text import LINES

MARKS = [
    "</s>",
    "<s>",
    "<pad>",
    "<unk>",
    "<0x0A>",
    "<|im_end|>",
    "<|im_start|>",
    "### Response:",
    "### Instruction:",
    "\n\n### Input:\n",
    "[INST]",
    "[/INST]",
    "\nGerman:",
    "\nEnglish: ",
    "▁",
]


def marks(code: Encoder) -> list[str]:
    return [*dict.fromkeys([*MARKS, *code.safe.vocabulary.added.values()])]


def controls(code: Encoder, ids: list[int]) -> list[int]:
    return [i for i in ids if i in code.safe.vocabulary.control]


def read(code: Encoder, ids: list[int]) -> list[int]:
    """How often each delimiter of the template stands in the ids, spelt as the tokenizer does."""
    counts = []
    for text in code.template.delimiters_for(EN_DE, "en"):
        spellings = set()
        for before in ("", "\n", "a", " ", "\n\n"):
            whole, head = code.safe.encode_many(
                [Text((Piece(t, False),), False, ()) for t in (before + text, before)]
            )
            assert isinstance(whole, list) and isinstance(head, list)
            if whole[: len(head)] == head:
                spellings.add(tuple(whole[len(head) :]))
        counts.append(sum(tuple(ids[k : k + len(s)]) == s for s in spellings for k in range(len(ids))))
    return counts


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_no_text_forges_a_control_token_or_a_delimiter(template: str, tokenizer: str) -> None:
    code = encoder(tokenizer, template)
    clean = code.encode(mt(code, "a b", "c"))
    assert clean is not None
    for mark in marks(code):
        for source, extra, target in (
            (f"a{mark} b", "", "c"),
            ("a b", f"x {mark}y", "c"),
            ("a b", "", f"c {mark}d"),
        ):
            request = user(code.template.instruction("mt", EN_DE) + extra, source)
            example = Example((request, assistant(target)), "mt", EN_DE)
            row = code.encode(example)
            assert row is not None, (mark, code.dropped)
            assert controls(code, row.ids) == controls(code, clean.ids), mark
            assert read(code, row.ids) == read(code, clean.ids), mark
            written = code.safe.vocabulary.text(row.ids).decode()
            assert source in written and extra in written and target in written
            assert code.decode(row.ids[len(code.prompt((request,), EN_DE)) :]) == target


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
def test_a_delimiter_that_normalisation_makes_is_found(tokenizer: str) -> None:
    code = encoder(tokenizer)
    wide = "＃＃＃ Ｒｅｓｐｏｎｓｅ："
    row = code.encode(mt(code, f"a {wide} b"))
    assert row is not None
    clean = code.encode(mt(code, "a b"))
    assert clean is not None
    assert read(code, row.ids) == read(code, clean.ids)


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@given(text=st.text(min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back(tokenizer: str, text: str) -> None:
    code = shared(tokenizer)
    row = code.encode(mt(code, text, text))
    assert row is not None
    expected = unicodedata.normalize("NFKC", text) if tokenizer == "replace" and "▁" not in text else text
    answer = code.decode(row.ids[len(code.prompt(mt(code, text).turns[:1], EN_DE)) :])
    if tokenizer != "replace":
        assert answer == expected
    else:
        assert unicodedata.normalize("NFKC", answer) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("tokenizer", kinds.NAMES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_cut_text_has_the_ids_of_the_whole(tokenizer: str, data: st.DataObject) -> None:
    code = shared(tokenizer)
    assert code.safe.cuts == (tokenizer != "unigram")
    words = st.sampled_from([*"abzßéЖ日", " ", "\n", "  ", "\n\n", "### ", "The", "Haus", "1", "."])
    head, source = ("".join(data.draw(st.lists(words, max_size=8))) for _ in "ab")
    turns = (user(head + "x", source),)
    block = code.template.blocks(turns, EN_DE)[0]
    whole = [i for i, _ in code.safe.encode_with_starts(Text(block.before, True, ()))]
    assert code.prompt(turns, EN_DE)[1:] == whole


def test_heads_are_cut_and_kept() -> None:
    code = encoder()
    code.encode_many([mt(code, line) for line in LINES])
    assert code.safe._head.cache_info().misses == 1
    assert code.safe._head.cache_info().hits == len(LINES) - 1


def test_a_delimiter_without_another_spelling_drops_the_example() -> None:
    from dragoman.prompt.tokens import learn_tokenizer

    letters = learn_tokenizer(["a b"], 260, "byte-bpe")
    code = Encoder(letters, load_template("alpaca"), 4096)
    assert code.encode(mt(code)) is not None
    assert code.encode(mt(code, "a ### Response: b")) is None
    assert code.dropped == {BARE_DELIMITER: 1}


def test_control_tokens_in_a_template_of_ones_own_stay_control_tokens() -> None:
    made = kinds.make("byte-bpe")
    from dragoman.recipe import Prompt, TemplateWording

    frame = "<|im_start|>user\n{instruction}\n{input}<|im_end|>\n<|im_start|>assistant\n"
    prompt = Prompt(template="mine", templates={"mine": TemplateWording(frame=frame)})
    code = Encoder(made, load_template(prompt, made))
    ids = code.prompt((user("Do <|im_end|> it", "</s> now"),))
    start, end = (made.convert_tokens_to_ids(t) for t in ("<|im_start|>", "<|im_end|>"))
    assert controls(code, ids) == [made.bos_token_id, start, end, start]
    clean = code.prompt((user("Do it", "now"),))
    assert clean == made("<|im_start|>user\nDo it\nnow<|im_end|>\n<|im_start|>assistant\n").input_ids


def test_a_template_that_the_tokenizer_cannot_write_is_named() -> None:
    import json

    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    spec = json.loads(kinds.make("bpe").backend_tokenizer.to_str())
    spec["model"]["byte_fallback"] = False
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(spec)), eos_token="</s>")
    snowman = Template("snow", load_template("alpaca").frames, {}, {"*": "☃ "})
    with pytest.raises(ModelError, match="cannot write '☃'"):
        Encoder(made, snowman).encode(mt(encoder()))


def test_other_kinds_of_tokenizer_are_refused() -> None:
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    words.decoder = decoders.WordPiece()
    made = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="[UNK]")
    with pytest.raises(ModelError, match="decodes by WordPiece; expected byte-level BPE"):
        Encoder(made, load_template("alpaca"))


def test_label_names_of_the_direction_are_delimiters() -> None:
    template = load_template("alma")
    assert template.delimiters_for(Direction("en", "de"), "en") == ("\nEnglish:", "\nGerman:")
    assert template.delimiters_for(None, "en") == ()
