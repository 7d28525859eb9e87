"""Being asked to stop: SIGTERM and Ctrl-C let the step end, so that a checkpoint can be written."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from dragoman.tune import parallel


class StopRequest:
    """A context in which SIGTERM and Ctrl-C are noted; a second Ctrl-C leaves at once.

    Outside the main thread signals cannot be caught: there the caller sees to them.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        except ValueError:
            self._before.clear()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.reason is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.reason = signal.Signals(number).name

    def agreed(self) -> str | None:
        """Why to stop, if any process was asked to; the same answer in all. Ask once a step."""
        reason = self.reason
        if parallel.total([float(reason is not None)])[0] and reason is None:
            reason = "another process was stopped"
        return reason
