"""Answers to prompts of several turns: of a model of ours, or of one on a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dragoman.endpoint.ask import Asks
from dragoman.endpoint.client import Message
from dragoman.evaluate.judge_prompts import Answered, Prompt
from dragoman.language.language import Direction
from dragoman.prompt.example import Turn, assistant, user
from dragoman.translate.engine import Translator
from dragoman.translate.prompts import Request

GENERAL = Direction("en", "en")
"""A request must name a direction. A user turn without an input shows nothing of it."""
CUT = "cut at the longest output"
ASSUMED = "x" * 1200
"""Stands for an answer in an estimate: about 300 tokens."""


def answer_all(
    translator: Translator, prompts: Sequence[Prompt], system: str, advance: Callable[[int], None]
) -> list[Answered]:
    """Answer every prompt with a model of ours, turn after turn, all prompts together in batches.

    What cannot be asked (too long with its history) gets an empty answer and a note.
    """
    said: list[list[Turn]] = [[] for _ in prompts]
    notes: list[list[str]] = [[] for _ in prompts]
    done = 0
    for number in range(max(len(prompt.turns) for prompt in prompts)):
        asked = [k for k, prompt in enumerate(prompts) if number < len(prompt.turns)]
        for k in asked:
            said[k].append(user(prompts[k].turns[number]))
        requests = [Request("", GENERAL, tuple(said[k])) for k in asked]
        for k, found in zip(asked, translator.translate_stream(requests), strict=True):
            said[k].append(assistant(found.text))
            notes[k].append(found.reason)
            done += 1
            advance(done)
    return [
        Answered(prompt, system, tuple(turn.content for turn in turns[1::2]), tuple(told))
        for prompt, turns, told in zip(prompts, said, notes, strict=True)
    ]


def ask_prompt(prompt: Prompt, ask: Asks, system: str) -> Answered:
    """Answer a prompt with a model on a server, turn after turn."""
    messages: list[Message] = []
    answers, notes = [], []
    for turn in prompt.turns:
        messages.append({"role": "user", "content": turn})
        answer = ask(messages, ASSUMED)
        messages.append({"role": "assistant", "content": answer.text})
        answers.append(answer.text)
        notes.append("" if answer.whole else CUT)
    return Answered(prompt, system, tuple(answers), tuple(notes))
