"""The translator: order, batches, duplicates, refusals, prompts with examples and contrasts, modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from helpers import tiny_model, toy_records

from dragoman.errors import ModelError
from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import assistant, user
from dragoman.recipe import Decoding
from dragoman.translate import engine
from dragoman.translate.contrastive import Contrast
from dragoman.translate.engine import Translator, evaluating
from dragoman.translate.prompts import Prompter, Request

EN_DE, DE_EN = Direction("en", "de"), Direction("de", "en")
SOURCES = [record.texts["en"] for record in toy_records(60)]


def texts_of(translator: Translator, sources: Sequence[str], direction: Direction = EN_DE) -> list[str]:
    return [one.text for one in translator.translate([Request(source, direction) for source in sources])]


@pytest.mark.parametrize("beam", [1, 3])
def test_order_and_batches_do_not_change_results(model: Any, encoder: Encoder, beam: int) -> None:
    decoding = Decoding(beam=beam, max_new_tokens=8)
    whole = texts_of(Translator(model, encoder, decoding), SOURCES)
    assert len(set(whole)) > 10
    small = Decoding(beam=beam, max_new_tokens=8, batch_tokens=700)
    assert texts_of(Translator(model, encoder, small, window=2), SOURCES) == whole
    assert texts_of(Translator(model, encoder, decoding), SOURCES[::-1]) == whole[::-1]
    assert [texts_of(Translator(model, encoder, decoding), [source])[0] for source in SOURCES] == whole


class Spy(Translator):
    """Keeps the sizes of batches: sequences, rows, and tokens of the longest row."""

    def _decode(self, items: Any) -> Any:
        rows = sum(len(item.job.contexts) for item in items) * self.decoding.beam
        self.seen = [*getattr(self, "seen", []), (len(items), rows, max(item.cost for item in items))]
        return super()._decode(items)


def test_duplicates_are_computed_once_and_progress_counts_them(model: Any, encoder: Encoder) -> None:
    spy = Spy(model, encoder, Decoding(max_new_tokens=4))
    told: list[int] = []
    requests = [Request(source, EN_DE) for source in [*SOURCES[:5], "", *SOURCES[:5]]]
    found = spy.translate(requests, told.append)
    assert sum(count for count, *_ in spy.seen) == 5
    assert [one.text for one in found[:5]] == [one.text for one in found[6:]]
    assert told[-1] == 11


def test_batches_keep_to_the_budget(model: Any, encoder: Encoder) -> None:
    for beam, contrast in ((1, None), (4, None), (2, Contrast(language=0.5))):
        spy = Spy(model, encoder, Decoding(beam=beam, max_new_tokens=4, batch_tokens=1500), contrast=contrast)
        spy.translate([Request(source, EN_DE) for source in SOURCES])
        assert all(rows * cost <= 1500 or count == 1 for count, rows, cost in spy.seen)
        assert sum(count for count, *_ in spy.seen) >= len(set(SOURCES))


def test_a_stream_is_read_a_window_at_a_time(model: Any, encoder: Encoder) -> None:
    taken = 0

    def stream() -> Any:
        nonlocal taken
        for source in SOURCES:
            taken += 1
            yield Request(source, EN_DE)

    translator = Translator(model, encoder, Decoding(max_new_tokens=2, batch_tokens=512), window=2)
    found = translator.translate_stream(stream())
    next(found)
    assert taken == 2 * 512 // engine.USUAL
    assert sum(1 for _ in found) == len(SOURCES) - 1
    long = [Request("x" * 3000, EN_DE), Request("y" * 3000, EN_DE)]
    assert [len(window) for window in translator.windows(long)] == [2]
    assert [len(window) for window in translator.windows([*long, *long])] == [2, 2]


def test_lines_that_cannot_be_asked_have_a_reason_and_the_others_go_on(model: Any, encoder: Encoder) -> None:
    translator = Translator(model, encoder, Decoding(max_new_tokens=6, batch_tokens=512))
    found = translator.translate(
        [Request(s, EN_DE) for s in ("one two", "  ", "four " * 600, "x" * 10**6, "five")]
    )
    assert [bool(one.ids) for one in found] == [True, False, False, False, True]
    assert found[1].reason == "empty source"
    assert found[1].finished
    assert "too long: " in found[2].reason
    assert "512 tokens fit" in found[2].reason
    assert found[3].reason.startswith("too long: 1,000,000 characters")
    assert not found[2].finished
    assert texts_of(translator, ["one two", "five"]) == [found[0].text, found[4].text]


def test_text_that_cannot_be_written_fails_alone(model: Any, encoder: Encoder) -> None:
    from dragoman.errors import DataError

    class Choosy(Encoder):
        def prompts(self, many: Any, *args: Any) -> list[list[int]]:
            if any("four" in turns[-1].input for turns in many):
                raise DataError("a text holds what it must not")
            return super().prompts(many, *args)

    choosy = Choosy(encoder.tokenizer, encoder.template)
    found = Translator(model, choosy, Decoding(max_new_tokens=4)).translate(
        [Request(source, EN_DE) for source in ("one", "four", "two")]
    )
    assert [bool(one.ids) for one in found] == [True, False, True]
    assert found[1].reason == "a text holds what it must not"


def test_cut_output_says_so_and_requests_may_ask_for_less(model: Any, encoder: Encoder) -> None:
    translator = Translator(model, encoder, Decoding(max_new_tokens=5))
    cut = [one for one in translator.translate([Request(s, EN_DE) for s in SOURCES]) if not one.finished]
    assert cut
    assert all(one.reason == "cut after 5 tokens" and len(one.ids) == 5 for one in cut)
    short = translator.translate([Request(SOURCES[0], EN_DE, max_new_tokens=2)])[0]
    assert len(short.ids) <= 2


def test_output_ends_where_the_window_of_the_model_ends(encoder: Encoder) -> None:
    model = tiny_model("llama", len(encoder.tokenizer))
    prompt = encoder.prompt((user("x", "one two three"),))
    model.config.max_position_embeddings = 2 * len(prompt) - 1
    request = Request("one two three", EN_DE, turns=(user("x", "one two three"),))
    assert "too long" in Translator(model, encoder).translate([request])[0].reason
    model.config.max_position_embeddings = 2 * len(prompt)
    found = Translator(model, encoder).translate([request])[0]
    assert len(found.ids) + found.finished <= len(prompt)


def test_n_best(model: Any, encoder: Encoder) -> None:
    translator = Translator(model, encoder, Decoding(beam=4, max_new_tokens=6), n_best=3)
    found = translator.translate([Request(SOURCES[0], EN_DE)])[0]
    assert len(found.alternatives) == 2
    scores = [found.score, *(score for _, score in found.alternatives)]
    assert scores == sorted(scores, reverse=True)


def test_plain_prompts_are_those_of_training(encoder: Encoder) -> None:
    from dragoman.prompt.example import Example

    instruction = encoder.template.instruction("mt", EN_DE)
    encoded = encoder.encode(Example((user(instruction, "one"), assistant("eins")), "mt", EN_DE))
    contexts = Prompter(encoder).contexts([Request("one", EN_DE)])[0]
    assert encoded is not None
    assert not isinstance(contexts, str)
    assert encoded.ids[: len(contexts.ids[0])] == contexts.ids[0]
    assert all(weight == 0 for weight in encoded.weights[: len(contexts.ids[0])])


def words(encoder: Encoder, ids: Sequence[int]) -> str:
    return encoder.tokenizer.decode(ids)


def test_prompt_languages_and_worked_examples(encoder: Encoder) -> None:
    german = Prompter(encoder, "target", lambda source, direction: [("zero", "zeroen")])
    contexts = german.contexts([Request("one", EN_DE), Request("one", EN_DE, prompt_language="en")])
    assert not isinstance(contexts[0], str)
    assert not isinstance(contexts[1], str)
    assert "Englisch" in words(encoder, contexts[0].ids[0])
    english = words(encoder, contexts[1].ids[0])
    assert "from English to German" in english
    assert english.index("zeroen") < english.index("one\n")


def test_contrast_prompts(encoder: Encoder) -> None:
    prompter = Prompter(encoder, contrast=Contrast(source=0.3, language=0.5, sources=2, seed=4))
    asked = [
        Request("eins", DE_EN),
        Request("zwei", DE_EN),
        Request("drei", DE_EN),
        Request("un", Direction("fr", "en")),
    ]
    contexts = prompter.contexts(asked)
    assert not isinstance(contexts[0], str)
    assert contexts[0].weights == (1.0, -0.15, -0.15, -0.5)
    texts = [words(encoder, ids) for ids in contexts[0].ids]
    assert all("from German to English" in text for text in texts[:3])
    assert "eins" in texts[0]
    assert {name for name in ("zwei", "drei") for text in texts[1:3] if name in text} == {"zwei", "drei"}
    assert "from German to German" in texts[3]
    assert "eins" in texts[3]
    assert not isinstance(contexts[3], str)
    assert contexts[3].weights == (1.0, -0.5)  # no other French source
    assert prompter.missing == 1
    given = Prompter(encoder, contrast=Contrast(source=0.3), others={"de": ["vier"]}).contexts(asked[:1])[0]
    assert not isinstance(given, str)
    assert "vier" in words(encoder, given.ids[1])


def test_a_conversation_is_taken_as_it_is(model: Any, encoder: Encoder) -> None:
    turns = (user("Translate.", "one"), assistant("eins"), user("Again."))
    prompter = Prompter(encoder, shots=lambda *_: [("a", "b")], contrast=Contrast(language=0.5))
    contexts = prompter.contexts([Request("one", EN_DE, turns=turns)])[0]
    assert not isinstance(contexts, str)
    assert contexts.ids == (encoder.prompt(turns, EN_DE),)


def test_contrast_of_weight_zero_is_plain(model: Any, encoder: Encoder) -> None:
    plain = Translator(model, encoder, Decoding(beam=2, max_new_tokens=6))
    contrast = Translator(model, encoder, Decoding(beam=2, max_new_tokens=6), contrast=Contrast())
    assert texts_of(contrast, SOURCES[:8]) == texts_of(plain, SOURCES[:8])
    strong = Translator(model, encoder, Decoding(beam=2, max_new_tokens=6), contrast=Contrast(0.4, 0.4))
    assert texts_of(strong, SOURCES[:8]) != texts_of(plain, SOURCES[:8])


def test_modes_are_restored(encoder: Encoder) -> None:
    model = tiny_model("llama", len(encoder.tokenizer))
    model.train()
    model.model.layers[0].eval()
    before = [module.training for module in model.modules()]
    Translator(model, encoder, Decoding(max_new_tokens=2)).translate([Request("one", EN_DE)])
    assert [module.training for module in model.modules()] == before
    with pytest.raises(RuntimeError), evaluating(model):
        raise RuntimeError
    assert [module.training for module in model.modules()] == before
    ids = torch.tensor([[5, 6, 7]])
    model(input_ids=ids, labels=ids).loss.backward()  # nothing that inference left behind is in the way


def test_out_of_memory_halves_the_batch(
    model: Any, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = texts_of(Translator(model, encoder, Decoding(max_new_tokens=4)), SOURCES)
    real, sizes = engine.search, []

    def cramped(model: Any, jobs: Any, settings: Any, processors: Any) -> Any:
        if len(jobs) > most:
            raise torch.OutOfMemoryError
        sizes.append(len(jobs))
        return real(model, jobs, settings, processors)

    monkeypatch.setattr(engine, "search", cramped)
    most = 9
    assert texts_of(Translator(model, encoder, Decoding(max_new_tokens=4)), SOURCES) == wanted
    assert max(sizes) <= 9
    most = 0
    with pytest.raises(ModelError, match="out of memory with one sentence"):
        texts_of(Translator(model, encoder, Decoding(max_new_tokens=4)), ["one"])
