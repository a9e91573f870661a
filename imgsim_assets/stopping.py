"""Stopping when asked: Ctrl-C and SIGTERM end a command soon, in one line, and leave nothing half done.

Python's handlers alone do not do: Dagster puts its own in their place while a run lasts, forgets a signal that comes
between two steps, and takes one that comes in a step for the failure of that step; what a handler raises while a
library is being imported may be swallowed there; and no handler runs while the main thread computes in a library. The
wake-up descriptor is told of every signal, whoever handles it.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
PATIENCE = 6.0  # seconds; `docker stop` kills after ten
TELL_AFTER = 1.0
SAME = 0.5  # seconds in which a second signal is the first once more, passed on by a parent
LAST_DEED = 2.0  # seconds
CLOSED = 0  # no signal has this number


class Listener:
    """Hears signals in a thread of its own.

    Attributes:
        heard: the first signal, once there was one.
        last_deed: done before the process is ended because it did not end by itself.
    """

    def __init__(self, patience: float | None) -> None:
        """Take how many seconds after the first signal the process is ended; None: only note it."""
        self.heard: signal.Signals | None = None
        self.last_deed: Callable[[], None] = lambda: None
        self._patience = patience
        self._at = 0.0
        self._has_told = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._thread = threading.Thread(target=self._listen, name="imgsim-signals", daemon=True)

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """Let what runs in the block end in its own time: servers wait for each other."""
        patience, self._patience = self._patience, None
        try:
            yield
        finally:
            self._patience = patience

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Listen until the block ends."""
        before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._thread.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            os.write(self._writer, bytes([CLOSED]))
            self._thread.join()
            os.close(self._reader)
            os.close(self._writer)

    def has_been_asked_for(self, seconds: float) -> bool:
        """Say whether the first signal came so long ago."""
        return self.heard is not None and time.monotonic() - self._at >= seconds

    def say_and_exit(self) -> None:
        """Tell a person, and leave without tearing down what threads of libraries may still be using."""
        _leave(self.heard or signal.SIGINT)

    def _listen(self) -> None:
        while True:
            if not select.select([self._reader], [], [], self._seconds_left())[0]:
                self._grow_impatient()
                continue
            for number in os.read(self._reader, 64):
                if number == CLOSED:
                    return
                if number in NAMES:
                    self._hear(signal.Signals(number))

    def _seconds_left(self) -> float | None:
        if self.heard is None or self._patience is None:
            return None
        return max(0.0, self._at + (self._patience if self._has_told else TELL_AFTER) - time.monotonic())

    def _hear(self, number: signal.Signals) -> None:
        if self.heard is None:
            self._at, self.heard = time.monotonic(), number
        elif self._patience is not None and time.monotonic() - self._at > SAME:
            self._end()

    def _grow_impatient(self) -> None:
        if self._has_told:
            self._end()
        self._has_told = True
        _tell("stopping at the next safe moment; once more, and it stops at once")

    def _end(self) -> None:
        deed = threading.Thread(target=self.last_deed, daemon=True)
        deed.start()
        deed.join(LAST_DEED)
        self.say_and_exit()


_listener: Listener | None = None


@contextmanager
def listening(patience: float | None = None) -> Iterator[Listener]:
    """Listen for signals until the block ends; in a block inside, the same listener listens.

    In another thread than the main one nothing can be heard.
    """
    global _listener  # noqa: PLW0603  a process has one set of signal handlers
    if _listener is not None or threading.current_thread() is not threading.main_thread():
        yield _listener or Listener(None)
        return
    _listener = Listener(patience)
    try:
        with _listener.at_work(), _interrupted_by_both():
            yield _listener
    finally:
        _listener = None


def was_asked() -> bool:
    """Say whether the process has been asked to stop."""
    return _listener is not None and _listener.heard is not None


def stop_if_asked() -> None:
    """Interrupt what has gone on for half a second since the process was asked to stop: no handler has.

    Raises:
        KeyboardInterrupt: so it is.
    """
    if _listener is not None and _listener.has_been_asked_for(SAME):
        raise KeyboardInterrupt


@contextmanager
def ending_in_one_line() -> Iterator[None]:
    """Run a command: asked to stop, it ends with one line and status 130 (SIGINT) or 143 (SIGTERM).

    If it has not within six seconds, or is asked again, the process ends all the same: what it writes is renamed into
    place when it is whole, and what is begun is swept away by the next one.
    """
    listener = None
    try:
        with listening(PATIENCE) as listener:
            yield
    except BaseException:
        if listener is None or listener.heard is None:
            raise
        listener.say_and_exit()


def leave_when_asked() -> None:
    """Leave at once, with the same line and status, until there is a listener: nothing is begun while modules load."""
    _handle_both(_leave)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Put the handlers back that were there: Dagster gives SIGTERM that of SIGINT, and never takes it away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in NAMES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Let no signal interrupt the block; the first that came is handled at its end, by whom it would have been."""
    came: list[signal.Signals] = []
    try:
        with handlers_kept():
            if threading.current_thread() is threading.main_thread():
                _handle_both(lambda number, _frame: came.append(signal.Signals(number)))
            yield
    finally:
        if came:
            signal.raise_signal(came[0])


@contextmanager
def _interrupted_by_both() -> Iterator[None]:
    """Let both signals raise `KeyboardInterrupt` in the main thread, unless the process was started deaf to them."""
    with handlers_kept(), _finalizers_interrupted_in_silence():
        _handle_both(_interrupt)
        yield


@contextmanager
def _finalizers_interrupted_in_silence() -> Iterator[None]:
    """Print no traceback where an interrupt meets a finalizer or a callback: Python swallows it there, and shows it."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda what: before(what) if issubclass(what.exc_type, Exception) else None
    try:
        yield
    finally:
        sys.unraisablehook = before


def _handle_both(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in NAMES:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _leave(number: int, _frame: FrameType | None = None) -> None:
    name = NAMES[signal.Signals(number)]
    _tell(f"stopped by {name}; what is finished is kept, and the same command goes on from there")
    os._exit(128 + number)


def _tell(words: str) -> None:
    """Write a line past Python's buffers, which the interrupted thread may hold."""
    start = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""  # a progress bar ends without one
    with suppress(OSError):
        os.write(2, f"{start}imgsim: {words}\n".encode())
