"""Photos opened and framed ahead of the models, by threads or by processes, in order."""

import functools
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import numpy as np

from imgsim_assets.errors import ImgsimError
from imgsim_assets.threads import set_threads
from imgsim_assets.vision.parcels import IN_MEMORY, Parcel, pack, unpack

PHOTOS_A_TASK = 16  # of a process: asking it costs as much as some photos

Picture = TypeVar("Picture")
Task = TypeVar("Task")
Result = TypeVar("Result")
Frames: TypeAlias = Mapping[str, Callable[[Picture], np.ndarray]]


@dataclass(frozen=True)
class PhotoSource(Generic[Picture]):
    """A photo to embed.

    Attributes:
        content_id: what it is known by.
        open: decodes it, once, into what the frames look at.
        wanted_by: the names of the frames that are wanted of it; None: all.
    """

    content_id: str
    open: Callable[[], Picture]
    wanted_by: frozenset[str] | None = None


@dataclass(frozen=True)
class Framed:
    """What a model is shown of a photo, or why nothing; `away`: its file was away or changed, and may be back."""

    content_id: str
    pixels: np.ndarray | None
    failure: str = ""
    away: bool = False


FramedByName = list[tuple[str, Framed]]


def frame_ahead(
    photos: Iterable[PhotoSource[Picture]],
    frames: Frames[Picture],
    *,
    ahead: int,
    workers: int,
    in_processes: bool = False,
) -> Generator[FramedByName, None, None]:
    """Open each photo once and frame it in all ways that are wanted of it; equal frames are made once.

    Threads do for models that take longer than a photo's decoding. A card takes photos faster than the threads of one
    process can be told to go on, since some of each photo's way is Python: there, processes pay, from some thousands
    of photos on. Photos and frames must be such as pickle can send then.

    Args:
        photos: what to open; looked at as they are needed.
        frames: by name, what to make of an opened photo.
        ahead: how many photos may be under way or waiting.
        workers: how many threads or processes.
        in_processes: processes.

    Yields:
        For each photo, in order, what was made of it by name. One that cannot be read is a failure in every frame that
        is wanted of it, and never an exception.

    Raises:
        ImgsimError: what opening a photo raises of it, or a process was killed.
    """
    if in_processes:
        yield from _frame_in_processes(photos, frames, ahead, workers)
    else:
        threads = ThreadPoolExecutor(workers, "imgsim-frame")
        yield from _in_order(threads, functools.partial(_frame, frames=frames), photos, ahead)


def _frame_in_processes(
    photos: Iterable[PhotoSource[Picture]], frames: Frames[Picture], ahead: int, workers: int
) -> Generator[FramedByName, None, None]:
    remaining = iter(photos)
    tasks = iter(lambda: list(islice(remaining, PHOTOS_A_TASK)), [])
    with tempfile.TemporaryDirectory(dir=IN_MEMORY, prefix="imgsim-") as folder:
        processes = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (folder,))
        work = functools.partial(_pack_framed, frames=frames, folder=Path(folder))
        try:
            for parcel in _in_order(processes, work, tasks, ahead // PHOTOS_A_TASK):
                yield from unpack(parcel)
        except BrokenProcessPool as error:
            raise ImgsimError(
                "processes that decode photos to stay alive",
                "one was killed, by the system for want of memory perhaps",
                "set runtime.threads lower; what was embedded is kept",
            ) from error


def _in_order(
    executor: Executor, work: Callable[[Task], Result], tasks: Iterable[Task], ahead: int
) -> Generator[Result, None, None]:
    """Yield what comes of each task, in order; at most `ahead` of them are under way or wait to be taken."""
    pending: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            pending.append(executor.submit(work, task))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        # Also where the caller stops early: nothing may go on reading photos behind its back.
        executor.shutdown(wait=True, cancel_futures=True)


def _begin(folder: str) -> None:
    """Let a process use one core, leave Ctrl-C to its parent, and end with it however that ends."""
    set_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which the pool ends the others; a parent may be deaf to it
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()


def _end_with_parent(folder: str) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        shutil.rmtree(folder, ignore_errors=True)  # which lies in memory
        os._exit(1)


def _pack_framed(photos: list[PhotoSource[Picture]], frames: Frames[Picture], folder: Path) -> Parcel:
    return pack([_frame(photo, frames) for photo in photos], folder)


def _frame(photo: PhotoSource[Picture], frames: Frames[Picture]) -> FramedByName:
    wanted = {name: frame for name, frame in frames.items() if photo.wanted_by is None or name in photo.wanted_by}
    try:
        picture = photo.open()
    except ImgsimError:
        raise
    # Decoders raise nearly anything on broken bytes, and one photo must not stop the others.
    except Exception as error:
        return [(name, _refused(photo, error)) for name in wanted]
    framed = {frame: _framed(photo, picture, frame) for frame in set(wanted.values())}
    return [(name, framed[frame]) for name, frame in wanted.items()]


def _framed(photo: PhotoSource[Picture], picture: Picture, frame: Callable[[Picture], np.ndarray]) -> Framed:
    try:
        return Framed(photo.content_id, frame(picture))
    except ImgsimError:
        raise
    except Exception as error:
        return _refused(photo, error)


def _refused(photo: PhotoSource[Picture], error: Exception) -> Framed:
    away = not getattr(error, "lasts", True)  # a `PhotoError`, whose module loads decoders, can be of the day
    return Framed(photo.content_id, None, f"{type(error).__name__}: {error}", away)
