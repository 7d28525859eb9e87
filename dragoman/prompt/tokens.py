"""Learning a tokenizer from text, for bases that are trained from nothing and for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from dragoman.errors import RecipeError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Kind = Literal["byte-bpe", "bpe", "unigram"]
BOS, EOS, PAD, UNKNOWN = "<s>", "</s>", "<pad>", "<unk>"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def learn_tokenizer(
    texts: Iterable[str],
    vocab_size: int,
    kind: Kind = "byte-bpe",
    specials: Sequence[str] = (),
    chat_template: str | None = None,
) -> PreTrainedTokenizerFast:
    """A tokenizer of at most ``vocab_size`` tokens learned from ``texts``; the same texts give the same one.

    ``byte-bpe`` is byte-level BPE; ``bpe`` is SentencePiece-style BPE and ``unigram`` a unigram model, both
    with a token for every byte, so that each of the three writes any text. ``specials`` are further control
    tokens, such as those of a chat template. All begin a text with ``<s>``; ``</s>`` ends an answer. Save it
    by ``save_pretrained``.
    """
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    makers = {"byte-bpe": _byte_bpe, "bpe": _bpe, "unigram": _unigram}
    if kind not in makers:
        raise RecipeError(f"unknown kind of tokenizer {kind!r}; known: {', '.join(makers)}")
    names = [UNKNOWN, BOS, EOS, PAD, *specials]
    smallest = len(names) + 256
    if vocab_size < smallest:
        raise RecipeError(
            f"vocab_size {vocab_size} is too small: {smallest} tokens are bytes and control tokens"
        )
    backend = makers[kind](texts, vocab_size, names)
    bos = backend.token_to_id(BOS)
    backend.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, bos)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=BOS, eos_token=EOS, pad_token=PAD, unk_token=UNKNOWN
    )
    tokenizer.clean_up_tokenization_spaces = False
    if chat_template is not None:
        tokenizer.chat_template = chat_template
    return tokenizer


def _byte_bpe(texts: Iterable[str], vocab_size: int, names: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=names,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return backend


def _sentencepiece(backend: Any) -> Any:
    from tokenizers import decoders, pre_tokenizers

    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return backend


def _bpe(texts: Iterable[str], vocab_size: int, names: list[str]) -> Any:
    from tokenizers import Tokenizer, models, trainers

    backend = _sentencepiece(Tokenizer(models.BPE(byte_fallback=True, unk_token=UNKNOWN, fuse_unk=True)))
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[*names, *BYTES],
        limit_alphabet=vocab_size // 4,
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return _bytes_as_plain_tokens(backend)


def _unigram(texts: Iterable[str], vocab_size: int, names: list[str]) -> Any:
    from tokenizers import Tokenizer, models, trainers

    backend = _sentencepiece(Tokenizer(models.Unigram()))
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=[*names, *BYTES], unk_token=UNKNOWN, show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    return _bytes_as_plain_tokens(backend, len(names) + len(BYTES))


def _bytes_as_plain_tokens(backend: Any, fixed: int | None = None) -> Any:
    """The trainers know no byte tokens: they are learned as special ones and are ordinary ones later.

    ``fixed`` is the number of a unigram model's first tokens that stay as the rest is settled.
    """
    from tokenizers import Tokenizer

    spec = json.loads(backend.to_str())
    spec["added_tokens"] = [row for row in spec["added_tokens"] if row["content"] not in set(BYTES)]
    spec["model"]["byte_fallback"] = True
    if fixed is not None:
        vocab = spec["model"]["vocab"]
        spec["model"]["vocab"] = vocab[:fixed] + _settled(vocab[fixed:])
    return Tokenizer.from_str(json.dumps(spec))


def _settled(pieces: list[list[Any]]) -> list[list[Any]]:
    """Unigram pieces without what differs from one training to the next.

    The trainer sums in any order, and gives the characters that a text needs, but that earned no score, ones
    0.0001 apart in any order: scores are rounded and such characters share one.
    """
    single = sum(len(piece) == 1 for piece, _ in pieces)
    lowest = min(score for _, score in pieces)
    rounded = [
        [piece, round(lowest if len(piece) == 1 and score < lowest + 1e-4 * (single + 1) else score, 4)]
        for piece, score in pieces
    ]
    return sorted(rounded, key=lambda row: (-row[1], row[0]))
