"""What one process sends to another: arrays by files in memory, since pipes are slower than decoding photos."""

import mmap
import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IN_MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps files in memory
ENOUGH_ROOM = 1 << 30  # bytes; containers have 64 MB unless they are given more, and who writes more is killed


@dataclass(frozen=True)
class Parcel:
    """Something packed: pickled, but for the bytes of its arrays, which lie one after the other in a file."""

    pickled: bytes
    path: Path
    lengths: tuple[int, ...]


def has_room() -> bool:
    """Whether there is enough memory for files to send photos by them."""
    return IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= ENOUGH_ROOM


def pack(content: object, folder: Path) -> Parcel:
    """Pack what pickle can send; the file in `folder` stays until it is unpacked, once."""
    outside: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(content, protocol=5, buffer_callback=outside.append)
    raw = [buffer.raw() for buffer in outside]
    number, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(number, "wb", buffering=0) as file:
        for one in raw:
            file.write(one)
    return Parcel(pickled, Path(name), tuple(len(one) for one in raw))


def unpack(parcel: Parcel) -> Any:  # noqa: ANN401
    """Give what was packed, and delete its file; the memory is freed with the last of the arrays, which lie in it."""
    memory: mmap.mmap | bytearray = bytearray()
    if any(parcel.lengths):
        with parcel.path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
    parcel.path.unlink()
    buffers, start = [], 0
    for length in parcel.lengths:
        buffers.append(memoryview(memory)[start : start + length])
        start += length
    return pickle.loads(parcel.pickled, buffers=buffers)  # noqa: S301  our own process packed it
