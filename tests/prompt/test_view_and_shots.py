"""The coloured view of ids, worked examples as turns, and the index of near sentences."""

from __future__ import annotations

from dragoman.prompt.example import Example, Span, assistant_spans, user
from dragoman.prompt.shots import Nearest, few_shot_turns
from dragoman.prompt.view import coloured, legend, summary

from .test_encode import EN_DE, encoder
from .text import LINES


def test_the_view_shows_every_token_and_its_weight() -> None:
    code = encoder("byte-bpe", "bayling")
    turns = (user("Say 日."), assistant_spans([Span("good", 1.0), Span(" bad", -0.5)], end_weight=0.0))
    row = code.encode(Example(turns, "mt", EN_DE, "train:3"))
    assert row is not None
    text = coloured(code, row)
    assert text.plain.count("│") == len(row.ids) - 1
    assert text.plain.startswith("<s>│") and text.plain.endswith("│</s>")
    assert "⏎\n" in text.plain and "\\xe6│\\x97│\\xa5" in text.plain
    styles = {str(span.style) for span in text.spans}
    assert styles == {"dim", "dim reverse", "green", "red", "bright_black"}
    learned = "".join(text.plain[s.start : s.end] for s in text.spans if s.style == "green")
    unlearned = "".join(text.plain[s.start : s.end] for s in text.spans if s.style == "red")
    assert (learned, unlearned) == ("good", " bad")
    count = sum(w > 0 for w in row.weights)
    assert summary(row).startswith(f"mt  train:3  {len(row.ids)} tokens")
    assert f"{count} learned (1)" in summary(row) and "unlearned (-0.5)" in summary(row)
    assert "control token" in legend().plain


def test_worked_examples_are_turns_that_are_not_learned() -> None:
    code = encoder("bpe", "alpaca")
    instruction = code.template.instruction("mt", EN_DE)
    shots = few_shot_turns([(LINES[0], LINES[6]), (LINES[1], LINES[7])], instruction)
    assert [turn.role for turn in shots] == ["user", "assistant"] * 2
    assert not any(span.weight for turn in shots for span in turn.spans)
    ids = code.prompt((*shots, user(instruction, LINES[2])), EN_DE)
    assert ids.count(code.end_id) == 2 and ids.count(code.tokenizer.bos_token_id) == 1


def test_the_nearest_sentences_share_most_with_the_asked_one() -> None:
    index = Nearest(LINES)
    assert index.nearest(LINES[2], 3)[0] == 2
    assert index.nearest(LINES[2], 1, leave_out=2) != [2]
    assert index.nearest("A dog barks at a bird near the river", 1) == [2]
    assert index.nearest_many(LINES, 1) == [[k] for k in range(len(LINES))]


def test_the_nearest_of_few_and_of_nothing() -> None:
    assert Nearest([]).nearest("a", 3) == []
    assert Nearest(["one", "two"]).nearest("one", 5) == [0, 1]
    assert Nearest(["same", "same", "other"]).nearest("same", 2) == [0, 1]
    assert Nearest(["one", "two"]).nearest("", 1) == [0]
    assert Nearest(["", "日本語の家", "x"]).nearest("日本の家", 1) == [1]
    assert Nearest(LINES).nearest("a", 0) == []
