"""Line editing, and a history of lines that outlives the chat."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LINES = 1000
"""Lines that are kept."""


def history_file() -> Path:
    """``dragoman/chat-history`` in the folder for state of the XDG rules: by default ``~/.local/state``."""
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    folder = state if state.is_absolute() else Path.home() / ".local" / "state"
    return folder / "dragoman" / "chat-history"


@contextmanager
def line_editing(path: Path | None, commands: Sequence[str]) -> Iterator[None]:
    """Let the reading of lines know arrows, history, and commands by the tab key.

    Where Python lacks readline nothing happens. ``path`` None: no line is kept. A history that cannot be read
    or written is no reason to stop.
    """
    try:
        import readline
    except ImportError:
        yield
        return
    readline.set_completer(lambda text, state: _completion(commands, readline.get_line_buffer(), state))
    readline.set_completer_delims("")
    readline.parse_and_bind(
        "bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete"
    )
    readline.parse_and_bind("set enable-bracketed-paste on")  # line ends of a pasted text do not send it
    readline.clear_history()
    if path is not None:
        with suppress(OSError):
            readline.read_history_file(path)
    try:
        yield
    finally:
        if path is not None:
            with suppress(OSError):
                _keep(path)
        readline.clear_history()


def _keep(path: Path) -> None:
    import readline

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.touch(mode=0o600)  # what people translate is nobody else's business
    readline.set_history_length(LINES)
    readline.write_history_file(part)
    part.replace(path)


def _completion(commands: Sequence[str], line: str, state: int) -> str | None:
    fit = [name for name in commands if name.startswith(line)] if line.startswith("/") else []
    return f"{fit[state]} " if state < len(fit) else None
