"""What asking costs: tokens counted without the server's tokenizer, prices by million tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dragoman.endpoint.client import Message

AROUND = 4
"""Tokens that a chat template puts around a message, about."""
_CJK = (range(0x2E80, 0xA4D0), range(0xAC00, 0xD7B0), range(0xF900, 0xFB00), range(0x20000, 0x32000))


def tokens_of(text: str) -> int:
    """About how many tokens a text has: 4 ASCII characters make one, 2 of other alphabets, 1 of Chinese,
    Japanese or Korean, two thirds of any other script. Tokenizers differ by a third either way, for small
    languages by more."""
    weight = 0.0
    for character in text:
        place = ord(character)
        if place < 0x80:
            weight += 0.25
        elif place < 0x590:
            weight += 0.5
        elif any(place in block for block in _CJK):
            weight += 1.0
        else:
            weight += 1.5
    return round(weight + 0.5)


def tokens_of_messages(messages: Iterable[Message]) -> int:
    """About how many tokens a conversation has."""
    return sum(tokens_of(message["content"]) + AROUND for message in messages)


@dataclass(frozen=True, slots=True)
class Price:
    """Price of a million tokens in and out; 0 where nobody has said one."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost."""
        return (self.tokens_in * tokens_in + self.tokens_out * tokens_out) / 1e6

    def __bool__(self) -> bool:
        return self.tokens_in > 0 or self.tokens_out > 0


@dataclass(slots=True)
class Bill:
    """Requests and their tokens: counted by the server where it says them, else estimated.

    ``most_out`` is the longest that all answers together could be.
    """

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    most_out: int = 0

    def add(self, messages: Sequence[Message], answer: str, longest: int) -> None:
        """Count a request by its texts."""
        self.requests += 1
        self.tokens_in += tokens_of_messages(messages)
        self.tokens_out += min(longest, tokens_of(answer))
        self.most_out += longest

    def estimate(self, price: Price) -> str:
        """The bill before anything is asked, in a line."""
        told = f"{self.requests:,} requests, about {self.tokens_in:,} tokens in and {self.tokens_out:,} out"
        if not price:
            return f"{told} (give --price-in and --price-out for a cost)"
        about, most = price.of(self.tokens_in, self.tokens_out), price.of(self.tokens_in, self.most_out)
        return f"{told}: about {about:,.2f}, at most {most:,.2f}"

    def spent(self, price: Price) -> str:
        """The bill of what was asked, in a line."""
        told = f"{self.requests:,} requests, {self.tokens_in:,} tokens in and {self.tokens_out:,} out"
        return f"{told}: {price.of(self.tokens_in, self.tokens_out):,.2f}" if price else told
