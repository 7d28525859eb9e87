"""Searches with demands: what must appear does, what must not does not, and the other sentences stay."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from helpers import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt.kinds import NAMES, make

from dragoman.language.language import Direction
from dragoman.prompt.encode import Encoder
from dragoman.prompt.templates import load_template
from dragoman.recipe import Decoding
from dragoman.translate import meet
from dragoman.translate.automaton import Automaton
from dragoman.translate.constraints import Constraints
from dragoman.translate.contrastive import Contrast, Contrasting
from dragoman.translate.demand import Demand, check
from dragoman.translate.engine import Translator
from dragoman.translate.lexicon import Lexicon
from dragoman.translate.prompts import Prompter, Request
from dragoman.translate.satisfy import Unsatisfiable, compiled, plan_of
from dragoman.translate.search import Hypothesis, Job, Processor, Settings, search

EN_DE = Direction("en", "de")
SOURCES = [
    "Two children",
    "The old woman gives",
    "A dog runs along",
    "Tomorrow we will travel to the mountains",
]
ROOM = 24


@cache
def parts(kind: str) -> tuple[Any, Encoder, Lexicon, list[list[int]]]:
    """A random model for a tokenizer of a kind, with weights so large that it has opinions, and prompts."""
    encoder = Encoder(make(kind), load_template("alpaca"))
    model = tiny_model("llama", len(encoder.tokenizer) + 5)  # embeddings may be more than the vocabulary
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim > 1 else 1)
    contexts = Prompter(encoder).contexts([Request(source, EN_DE) for source in SOURCES])
    assert not any(isinstance(one, str) for one in contexts)
    return model, encoder, Lexicon(encoder), [one.ids[0] for one in contexts]  # type: ignore[union-attr]


def run(
    kind: str, automata: list[Automaton | None], beam: int, room: int = ROOM, n_best: int = 1
) -> list[list[Hypothesis]]:
    model, encoder, _, asked = parts(kind)
    wanted = Settings(tuple(sorted(encoder.stop_ids)), beam, n_best)
    jobs = [Job((ids,), max_new_tokens=room) for ids in asked[: len(automata)]]
    with torch.inference_mode():
        return search(model, jobs, wanted, [Constraints(automata, wanted)])


CHARS = st.sampled_from(["a", "b", "Haus", "am See", " ", "é", "-", "東京", "한", "🎉", "กา", ".", "3"])
PHRASES = st.lists(CHARS, min_size=1, max_size=4).map("".join).filter(lambda text: bool(text.strip()))
DEMANDS = st.builds(
    Demand,
    st.lists(st.lists(PHRASES, min_size=1, max_size=2).map(tuple), max_size=3).map(tuple),
    st.lists(PHRASES, max_size=2).map(tuple),
    st.booleans(),
)


@pytest.mark.parametrize("kind", NAMES)
@settings(max_examples=12, deadline=None)
@given(
    demands=st.lists(st.one_of(st.none(), DEMANDS), min_size=2, max_size=4),
    beam=st.sampled_from([1, 2, 4]),
    room=st.sampled_from([0, 3, 40]),
)
def test_every_demand_that_can_be_met_is_met(
    kind: str, demands: list[Demand | None], beam: int, room: int
) -> None:
    _, encoder, lexicon, _ = parts(kind)
    automata: list[Automaton | None] = []
    for demand in demands:
        try:
            automata.append(compiled(demand, lexicon, 1000) if demand else None)
        except Unsatisfiable:
            automata.append(None)
    needs = [len(plan_of(one, one.start) or ()) for one in automata if one]
    room += max(needs, default=0) or 1
    found = run(kind, automata, beam, room)
    plain = run(kind, [None] * len(automata), beam, room)
    for demand, automaton, (best, *_), (other, *_) in zip(demands, automata, found, plain, strict=True):
        if automaton is None:
            assert best.ids == other.ids
        else:
            assert demand is not None
            assert check(encoder.decode(best.ids), demand).satisfied, encoder.decode(best.ids)
            assert len(best.ids) + best.finished <= room


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("kind", ["byte-bpe", "unigram"])
def test_batch_equals_singles(kind: str, beam: int) -> None:
    _, _, lexicon, _ = parts(kind)
    demands = [
        Demand((("Haus am See",),)),
        None,
        Demand((("ab",), ("3",)), ("Haus",)),
        Demand((), ("e", "a")),
    ]
    automata = [demand and compiled(demand, lexicon, ROOM) for demand in demands]
    together = run(kind, automata, beam)
    model, encoder, _, asked = parts(kind)
    wanted = Settings(tuple(sorted(encoder.stop_ids)), beam)
    for ids, demand, (one, *_) in zip(asked, demands, together, strict=True):
        automaton = demand and compiled(demand, lexicon, ROOM)
        with torch.inference_mode():
            alone = search(
                model, [Job((ids,), max_new_tokens=ROOM)], wanted, [Constraints([automaton], wanted)]
            )
        assert one.ids == alone[0][0].ids
        assert one.score == pytest.approx(alone[0][0].score, abs=1e-3)


def test_n_best_all_meet_the_demand() -> None:
    _, encoder, lexicon, _ = parts("bpe")
    demand = Demand((("Haus", "Hof"), ("ab",)), ("x",))
    automata: list[Automaton | None] = [compiled(demand, lexicon, ROOM), None]
    found = run("bpe", automata, 4, n_best=3)
    assert len(found[0]) == 3
    assert all(check(encoder.decode(one.ids), demand).satisfied for one in found[0])
    assert [one.score for one in found[0]] == sorted((one.score for one in found[0]), reverse=True)
    assert [one.ids for one in found[1]] == [one.ids for one in run("bpe", [None, None], 4, n_best=3)[1]]


@pytest.mark.parametrize("beam", [1, 3])
def test_on_top_of_a_contrast(beam: int) -> None:
    """A contrast rules tokens out for good; what must be written is written all the same."""
    model, encoder, lexicon, asked = parts("byte-bpe")
    demand = Demand((("Haus am See",), ("東京",)), ("e",))
    wanted = Settings(tuple(sorted(encoder.stop_ids)), beam)
    jobs = [Job((asked[0], asked[1]), (1.0, -0.9), ROOM), Job((asked[1], asked[2]), (1.0, -0.9), ROOM)]

    def both(automaton: Automaton | None) -> list[list[Hypothesis]]:
        processors: list[Processor] = [Contrasting(), Constraints([automaton, None], wanted)]
        with torch.inference_mode():
            return search(model, jobs, wanted, processors)

    found, plain = both(compiled(demand, lexicon, ROOM)), both(None)
    assert check(encoder.decode(found[0][0].ids), demand).satisfied
    assert found[1][0].ids == plain[1][0].ids


def numbers(translator: Translator, requests: list[Request]) -> list[str]:
    return [one.text for one in translator.translate(requests)]


@pytest.mark.parametrize("beam", [1, 4])
def test_the_translator_meets_demands_and_leaves_other_lines(model: Any, encoder: Encoder, beam: int) -> None:
    lines = ["one two", "three", "four five six", "seven eight", "nine zero one"]
    plain = [Request(line, EN_DE) for line in lines]
    wanted = [
        Demand((("achten",),)),
        None,
        Demand((("neun", "neunen"), ("twoen",))),
        None,
        Demand((), ("e",)),
    ]
    asked = [Request(line, EN_DE, demand=demand) for line, demand in zip(lines, wanted, strict=True)]
    translator = Translator(model, encoder, Decoding(beam=beam, max_new_tokens=16))
    before, found = numbers(translator, plain), translator.translate([*asked, *plain])
    assert [one.text for one in found[5:]] == before
    assert [one.text for one, demand in zip(found, wanted, strict=False) if demand is None] == [
        text for text, demand in zip(before, wanted, strict=True) if demand is None
    ]
    for one, demand in zip(found, wanted, strict=False):
        assert (one.outcome is None) == (demand is None)
        assert one.outcome is None or one.outcome.satisfied
        assert not one.error


def test_a_demand_that_is_met_anyway_changes_nothing(model: Any, encoder: Encoder) -> None:
    translator = Translator(model, encoder, Decoding(beam=3, max_new_tokens=12), n_best=2)
    plain = translator.translate([Request(source, EN_DE) for source in SOURCES])
    demand = Demand((), ("Krankenhaus",))
    found = translator.translate([Request(source, EN_DE, demand=demand) for source in SOURCES])
    assert [(one.text, one.score, one.alternatives) for one in found] == [
        (one.text, one.score, one.alternatives) for one in plain
    ]


def test_what_cannot_be_met_is_named_and_the_others_go_on(model: Any, encoder: Encoder) -> None:
    translator = Translator(model, encoder, Decoding(beam=2, max_new_tokens=12))
    demands = [
        Demand((("Haus",),), ("Haus",)),
        Demand((("eins zwei drei vier fünf sechs sieben acht neun zehn",),)),
        Demand((("\ud800",),)),
        Demand((("Haus",),)),
    ]
    found = translator.translate([Request("one two", EN_DE, demand=demand) for demand in demands])
    assert [one.error for one in found] == ["contradictory", "too-long", "unwritable", ""]
    assert [bool(one.text) for one in found] == [False, False, False, True]
    assert all(one.reason.startswith(f"{one.error}: ") for one in found[:3])
    assert found[0].outcome is not None and found[0].outcome.unmet == (("Haus",),)


def test_soft_demands_stand_in_the_prompt(model: Any, encoder: Encoder) -> None:
    demand = Demand((("Klinik", "Krankenhaus"), ("Arzt",)), ("Spital",))
    for mode, there in (("soft", True), ("both", True), ("hard", False)):
        translator = Translator(model, encoder, Decoding(max_new_tokens=12), constraints=mode)  # type: ignore[arg-type]
        asked = Request("one two", EN_DE, demand=demand)
        contexts = translator.prompter.contexts([asked, Request("one two", EN_DE)])
        assert not isinstance(contexts[0], str) and not isinstance(contexts[1], str)
        texts = [encoder.tokenizer.decode(one.ids[0]) for one in contexts]  # type: ignore[union-attr]
        line = (
            "Make sure to include these words: Klinik / Krankenhaus, Arzt\nDo not use these words: Spital\n"
        )
        assert (line in texts[0]) is there
        assert "Make sure" not in texts[1]
        outcome = translator.translate([asked])[0].outcome
        assert outcome is not None and (mode == "soft" or outcome.satisfied)


def test_text_like_a_delimiter_or_a_control_token() -> None:
    """Terms are data: they are written letter by letter, in the prompt and in the output."""
    model, encoder, *_ = parts("byte-bpe")
    for phrase in ("</s>", "### Response:", "<s> [INST]"):
        for mode in ("hard", "both"):
            translator = Translator(model, encoder, Decoding(beam=2, max_new_tokens=40), constraints=mode)  # type: ignore[arg-type]
            found = translator.translate([Request("one", EN_DE, demand=Demand(((phrase,),)))])[0]
            assert found.error == "" and phrase in found.text, found
            contexts = translator.prompter.contexts([Request("one", EN_DE, demand=Demand(((phrase,),)))])[0]
            assert not isinstance(contexts, str)
            own = set(contexts.ids[0]) & set(encoder.safe.vocabulary.control)
            assert own <= {encoder.bos_id}


def test_contrast_and_demands_in_the_translator(model: Any, encoder: Encoder) -> None:
    demand = Demand((("Haus am See",),))
    translator = Translator(
        model, encoder, Decoding(beam=2, max_new_tokens=20), contrast=Contrast(0.4, 0.4), constraints="both"
    )
    found = translator.translate([Request(source, EN_DE, demand=demand) for source in SOURCES])
    assert all("Haus am See" in one.text and not one.error for one in found)


def test_a_batch_that_is_too_large_is_halved(
    model: Any, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    demand = Demand((("Haus",),))
    requests = [Request(source, EN_DE, demand=demand) for source in SOURCES]
    translator = Translator(model, encoder, Decoding(beam=2, max_new_tokens=10))
    wanted, real = numbers(translator, requests), meet.search

    def cramped(model: Any, jobs: Any, *rest: Any) -> Any:
        if len(jobs) > 1:
            raise torch.OutOfMemoryError
        return real(model, jobs, *rest)

    monkeypatch.setattr(meet, "search", cramped)
    assert numbers(translator, requests) == wanted


def test_scores_are_log_probabilities() -> None:
    """What a search with demands says of its hypothesis is what the model says of it."""
    model, encoder, lexicon, asked = parts("byte-bpe")
    (best, *_), *_ = run("byte-bpe", [compiled(Demand((("Haus",),)), lexicon, ROOM)], 4)
    answer = [*best.ids, *([encoder.end_id] if best.finished else [])]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([asked[0] + answer])).logits[0].log_softmax(dim=-1)
    prices = [float(logits[len(asked[0]) - 1 + i, token]) for i, token in enumerate(answer)]
    assert best.log_prob == pytest.approx(sum(max(price, -40.0) for price in prices), abs=1e-2)
