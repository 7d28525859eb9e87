"""From sentences to vectors: plain text to ids, ids to hidden states, these to their mean, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dragoman.corpus.opening import sha256_of
from dragoman.errors import ModelError
from dragoman.hub import check_hub
from dragoman.prompt.encode import Encoder
from dragoman.prompt.example import Example, assistant
from dragoman.prompt.templates import load_template
from dragoman.tune.model import causal_lm, load_tokenizer

Ids = list[int]
UNWRITABLE, TOO_SHORT, TOO_LONG = "that a tokenizer cannot write", "of one token", "longer than a model reads"
_FINGERPRINTED = (".safetensors", ".json", ".model", ".txt", ".jinja")
_CARD = "dragoman.json"
_ADAPTER = "adapter_config.json"


class Reading:
    """How one model reads text, found out without its weights: tokenizer, positions, number of layers.

    ``source`` is a model folder, the folder of a bare adapter, or a hub id. ModelError if there is none, or
    if it is no causal language model.
    """

    def __init__(self, source: str) -> None:
        from transformers import AutoConfig
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

        self.source, self.base = source, base_of(source)
        for place in dict.fromkeys((source, self.base)):
            check_hub(place)
        own = Path(source) / "tokenizer_config.json"
        tokenizer = load_tokenizer(source if own.is_file() else self.base)
        self.encoder = Encoder(tokenizer, load_template("plain"), max_length=2**62)
        try:
            config = AutoConfig.from_pretrained(self.base, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:240]
            raise ModelError(f"model {source!r}: its configuration cannot be loaded: {reason}") from error
        if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
            raise ModelError(f"model {source!r}: {config.model_type} is no causal language model")
        self.commit = getattr(config, "_commit_hash", None)
        text = config.get_text_config(decoder=True)
        self.kind: str = config.model_type
        self.positions: int = getattr(text, "max_position_embeddings", None) or 2**62

    def encode(self, texts: Sequence[str]) -> list[Ids | str]:
        """The ids of each text, or why the model cannot be given it.

        A text is encoded as a document: plain, without any template or end token, behind the tokenizer's
        first token where it has one; what it holds cannot become a control token.
        """
        documents = [Example((assistant(text),), "probe") for text in texts]
        return [self._checked(found) for found in self.encoder.encode_many(documents)]

    def _checked(self, found: Any) -> Ids | str:
        if found is None:
            return UNWRITABLE
        ids: Ids = found.ids[:-1]  # the last one is the end token
        if len(ids) < 2:
            return TOO_SHORT
        return TOO_LONG if len(ids) > self.positions else ids

    def fingerprint(self) -> str:
        """SHA-256 of a folder's weights, tokenizer and configuration (an adapter's: its base's too); of a hub
        id the id and its commit."""
        if not Path(self.source).is_dir():
            return f"{self.source}@{self.commit}"
        import hashlib

        digest = hashlib.sha256()
        for place in dict.fromkeys((self.source, self.base)):
            files = sorted(Path(place).iterdir()) if Path(place).is_dir() else []
            kept = [path for path in files if path.suffix in _FINGERPRINTED and path.name != _CARD]
            digest.update(json.dumps([(path.name, sha256_of(path)) for path in kept]).encode())
        return digest.hexdigest()


def base_of(source: str) -> str:
    """The model that has configuration and weights: of a bare adapter its base, else the source itself."""
    adapter = Path(source) / _ADAPTER
    if (Path(source) / "config.json").is_file() or not adapter.is_file():
        return source
    try:
        return str(json.loads(adapter.read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{adapter}: names no base (base_model_name_or_path); save the adapter again"
        ) from error


@torch.no_grad()
def pooled_states(
    model: Any, rows: Sequence[Ids], batch_tokens: int, tell: Callable[[int], None] = lambda done: None
) -> Tensor:
    """Mean hidden states of each row, first id left out: float32 [layers + 1, rows, width], on the CPU.

    Layer 0 is the embeddings; the last one is what the head reads. The first id is left out since many models
    keep a vector there that is longer than all others, whatever the text. Rows are read in batches of at most
    ``batch_tokens`` with padding behind them; what a row gives does not depend on the others. ``tell`` gets
    the number of rows that are done.
    """
    body = causal_lm(model).eval().base_model
    found: Tensor | None = None
    done = 0
    for batch in batches([len(row) for row in rows], batch_tokens):
        longest = len(rows[batch[-1]])
        ids = torch.tensor([rows[i] + [0] * (longest - len(rows[i])) for i in batch], device=model.device)
        lengths = torch.tensor([len(rows[i]) for i in batch], device=model.device)
        place = torch.arange(longest, device=model.device)[None]
        states = body(
            input_ids=ids,
            attention_mask=(place < lengths[:, None]).long(),
            use_cache=False,
            output_hidden_states=True,
        ).hidden_states
        if states is None:
            raise ModelError(f"{type(body).__name__} gives no hidden states; not supported")
        kept = ((place > 0) & (place < lengths[:, None]))[..., None]
        means = [
            torch.where(kept, layer.float(), 0.0).sum(1) / (lengths - 1)[:, None].float() for layer in states
        ]
        if found is None:
            found = torch.empty(len(means), len(rows), means[0].shape[-1])
        found[:, batch] = torch.stack(means).cpu()
        done += len(batch)
        tell(done)
    assert found is not None
    return found


def batches(lengths: Sequence[int], batch_tokens: int) -> Iterable[list[int]]:
    """Numbers of rows, the shortest first, as many together as the padded batch may hold; at least one."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (len(batch) + 1) * lengths[index] > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
