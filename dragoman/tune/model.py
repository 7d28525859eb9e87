"""Loading a base, finding its head, adapters, and saving a model that somebody else can use."""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import nn

from dragoman.errors import ModelError
from dragoman.recipe import Lora, Model
from dragoman.tune.folder import write_folder
from dragoman.tune.loss import Head

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CARD = "dragoman.json"


def resolve_device(name: str) -> torch.device:
    """`auto` takes a CUDA card, then Apple's, then the CPU; an absent device is a ModelError."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"model.device {name!r}: expected auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"model.device {name!r}: no CUDA card is visible; use device: cpu or auto")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(
            f"model.device {name!r}: {torch.cuda.device_count()} cards are visible, from cuda:0 on"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError(f"model.device {name!r}: there is none here; use device: cpu or auto")
    return device


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """Tokenizer of a folder or hub id, without remote code."""
    from transformers import AutoTokenizer

    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as error:
        raise ModelError(
            f"tokenizer of {source!r} cannot be loaded{_place(source)}: {_reason(error)}"
        ) from error
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"tokenizer of {source!r} has no end token; set eos_token in its tokenizer_config.json"
        )
    return tokenizer


def load_model(source: str, settings: Model | None = None) -> PreTrainedModel:
    """Causal LM of a folder or hub id in the dtype and on the device of the settings; safetensors only.

    Raises ModelError if it is missing, not a causal LM, holds only pickled weights, or lacks some of them.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging as library_logging

    settings = settings or Model()
    # the library's own progress bars and load reports would drown ours
    library_logging.disable_progress_bar()
    extra: dict[str, Any] = (
        {} if settings.attention == "auto" else {"attn_implementation": settings.attention}
    )
    if settings.threads:
        torch.set_num_threads(settings.threads)
    try:
        with _quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                source,
                output_loading_info=True,
                dtype=getattr(torch, settings.dtype),
                use_safetensors=True,
                trust_remote_code=False,
                **extra,
            )
    except SafetensorError as error:
        raise ModelError(
            f"model {source!r}: damaged weights ({error}); delete it and make it again"
        ) from error
    except Exception as error:
        raise ModelError(f"base {source!r} cannot be loaded{_place(source)}: {_reason(error)}") from error
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"base {source!r} is no causal LM with all its weights: {len(missing)} are missing, "
            f"such as {missing[0]}"
        )
    model.config.use_cache = False
    return model.to(resolve_device(settings.device))


def _place(source: str) -> str:
    return "" if Path(source).exists() else " (no such folder here; a hub id needs the network once)"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back the hub library's warning at each of its retries: the error that follows says it once."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:240]}"


def add_lora(model: PreTrainedModel, lora: Lora, seed: int = 0) -> Any:
    """The model with fresh adapters drawn from ``seed``, base frozen.

    The head and the embeddings get none, so that tied ones stay tied: ModelError if the targets name them.
    """
    from peft import LoraConfig, get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer

    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
        task_type="CAUSAL_LM",
    )
    try:
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks by an older name
            torch.manual_seed(seed)
            adapted = get_peft_model(model, config)  # type: ignore[arg-type]
    except ValueError as error:
        raise ModelError(f"model.lora.targets {lora.targets!r}: {_reason(error)}") from error
    if any(
        isinstance(m, BaseTunerLayer) for m in (model.get_input_embeddings(), model.get_output_embeddings())
    ):
        raise ModelError(
            f"model.lora.targets {lora.targets!r}: embeddings and head cannot have an adapter; leave them out"
        )
    return adapted


def recompute_activations(model: PreTrainedModel) -> None:
    """Keep no activations for the backward pass; the method is called otherwise before transformers 5.23."""
    newer = getattr(model, "activation_checkpointing_enable", None)
    (newer or model.gradient_checkpointing_enable)()


def check_fit(model: Any, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
    """ModelError if the tokenizer has ids, or ``max_length`` positions, that the model has no room for."""
    lm = causal_lm(model)
    rows = lm.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(
            f"the tokenizer has {len(tokenizer):,} tokens, the model {rows:,}; they do not belong together"
        )
    check_positions(lm.config, max_length)


def check_positions(config: Any, max_length: int) -> None:
    """ModelError if a model with this configuration has no room for ``max_length`` positions."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    if positions is not None and max_length > positions:
        raise ModelError(
            f"prompt.max_length {max_length:,} is more than the model's {positions:,} positions; lower it"
        )


def causal_lm(model: Any) -> Any:
    """The causal LM inside an adapter wrapper, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


@torch.no_grad()
def find_head(model: Any, low_precision: bool = False) -> Head:
    """The projection from hidden states to logits, checked against the model's own logits on a few tokens.

    Raises ModelError if the logits are something else than ``softcap(scale * (hidden @ W.T + b))``.
    """
    lm = causal_lm(model)
    layer = lm.get_output_embeddings()
    if layer is None or not hasattr(layer, "weight"):
        raise ModelError(f"{type(lm).__name__} has no output embeddings; a causal LM is needed")
    weight, bias = layer.weight, getattr(layer, "bias", None)
    was_training = model.training
    model.eval()
    ids = torch.arange(3, 11, device=weight.device)[None] % weight.shape[0]
    hidden = lm.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
    wanted = lm(input_ids=ids, use_cache=False).logits[0].float()
    model.train(was_training)
    cap = getattr(lm.config, "final_logit_softcapping", None)
    states, matrix = Head(weight).operands(hidden)
    raw = Head(weight, bias).logits(states, matrix)
    near = float(wanted.norm()) * (1e-4 if weight.dtype == torch.float32 else 3e-2)
    ratio = float((wanted * raw).sum() / raw.square().sum()) if cap is None else 1.0
    for scale in (1.0, ratio):
        head = Head(weight, bias, scale, cap, low_precision)
        if float((head.logits(states, matrix) - wanted).norm()) <= near:
            return head
    raise ModelError(
        f"{type(lm).__name__}: its logits are not a projection of its last hidden state; not supported"
    )


def save_model(
    folder: Path,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    card: dict[str, Any],
    readme: str = "",
    identifier: Path | None = None,
) -> None:
    """Write weights (safetensors), tokenizer and card to a folder that exists only when it is complete.

    An adapter is merged into a copy of its base's weights; the bare adapter stands in ``adapter/``.
    ``identifier``: a folder that is copied to ``identifier/``. A full disk is a ModelError.
    """

    def write(part: Path) -> None:
        lm = model
        if hasattr(model, "get_base_model"):
            model.save_pretrained(part / "adapter")
            lm = _merged(model)
        use_cache, lm.config.use_cache = lm.config.use_cache, True
        lm.save_pretrained(part)
        lm.config.use_cache = use_cache
        tokenizer.save_pretrained(part)
        (part / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        if readme:
            (part / "README.md").write_text(readme, encoding="utf-8")
        if identifier is not None and identifier.is_dir():
            shutil.copytree(identifier, part / "identifier")

    write_folder(folder, write)


def _merged(model: Any) -> Any:
    """A merged copy; the model itself keeps its adapter, so that tuning can go on."""
    import copy

    return copy.deepcopy(model).merge_and_unload()


def read_card(folder: str | Path) -> dict[str, Any]:
    """The card of a model folder; empty if it has none (a foreign model)."""
    path = Path(folder) / CARD
    if not path.is_file():
        return {}
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not a model card ({error}); delete it or save the model again") from error
    if not isinstance(card, dict):
        raise ModelError(f"{path}: not a model card (expected an object)")
    return card


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that are tuned, by name; tied ones once."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
