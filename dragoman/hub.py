"""The hub of models and data sets: whether it can be asked is found out in seconds.

Its library asks for each of a model's files again and again, with growing pauses, before it gives up.
"""

from __future__ import annotations

from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from dragoman.errors import ModelError

PATIENCE = 6.0
"""Seconds that the hub may take to answer."""


def check_hub(model: str) -> None:
    """Go on if ``model`` is a folder, or a hub id and the hub answers, or one that was downloaded before.

    Without an answer nothing more is asked of the network in this process: what was downloaded serves, and
    ModelError tells at once if that is not there.
    """
    if Path(model).is_file():
        raise ModelError(f"model {model!r}: is a file; name the folder that it lies in, or a hub id")
    if Path(model).exists():
        check_folder(Path(model))
        return
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        downloaded = isinstance(try_to_load_from_cache(model, "config.json"), str)
    except HFValidationError as error:
        raise ModelError(f"model {model!r}: no such folder here, and no hub id; check the path") from error
    reason = no_answer()
    if reason is None:
        return
    constants.HF_HUB_OFFLINE = True
    if not downloaded:
        raise ModelError(
            f"model {model!r}: no such folder here, and no hub id that was downloaded before; the hub cannot "
            f"be asked ({reason}); check the path or the network"
        )


def check_folder(folder: Path) -> None:
    """ModelError, with the models that lie deeper in it, if a folder holds no model and no adapter of one."""
    if any((folder / name).exists() for name in ("config.json", "adapter_config.json")):
        return
    deeper = [found for pattern in ("*", "*/*", "*/*/*") for found in folder.glob(f"{pattern}/config.json")]
    models = ", ".join(sorted(str(found.parent) for found in deeper)[:4])
    cure = f"name one of those in it: {models}" if models else "name one that save_pretrained has written"
    raise ModelError(f"model {str(folder)!r}: no config.json in the folder; {cure}")


def no_answer() -> str | None:
    """Why the hub cannot be asked; None if it answers, whatever it says."""
    from huggingface_hub import constants, get_session, is_offline_mode

    if is_offline_mode():
        return "HF_HUB_OFFLINE is set"
    address = constants.ENDPOINT

    told: Queue[str | None] = Queue()

    def ask() -> None:
        try:
            get_session().head(address, timeout=PATIENCE)
        except Exception as error:
            told.put(" ".join(str(error).split())[:200] or type(error).__name__)
        else:
            told.put(None)

    Thread(target=ask, daemon=True).start()  # looking up a name knows no time limit of its own
    try:
        return told.get(timeout=PATIENCE)
    except Empty:
        return f"{address}: no answer in {PATIENCE:g} seconds"
