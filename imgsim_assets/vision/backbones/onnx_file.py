"""What an ONNX file says of itself without any engine: which other files its weights are in.

ONNX files are protocol buffers. Only the way to the tensors is read, and of each tensor only where its numbers are.
"""

import mmap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath

from imgsim_assets.errors import ModelError

# By kind of message: the numbers of the fields that lead to tensors, and the kind of what is in them.
TOWARDS_TENSORS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "place"},
}
IR_VERSION, GRAPH = 1, 7  # of a model: what every ONNX file has
KEY, VALUE = 1, 2  # of a place
LOCATION = b"location"
# Wire types.
NUMBER, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
LONGEST_SHIFT = 63  # of a number of 64 bits, seven to a byte
SIZES = {EIGHT_BYTES: 8, FOUR_BYTES: 4}

Field = tuple[int, int, memoryview]


def onnx_files(path: Path) -> dict[str, Path]:
    """List the files that an ONNX file is made of, by name: itself, and those that hold its weights, there or not.

    Raises:
        OSError: it cannot be read.
        ModelError: it is no ONNX file, or leads outside of its folder.
    """
    status = path.stat()
    places = _places_of_version(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return {path.name: path, **{place: path.parent / place for place in places}}


@lru_cache(maxsize=256)
def _places_of_version(path: Path, size: int, _modified: int, _changed: int) -> tuple[str, ...]:
    try:
        places = _read_places(path, size)
    except (ValueError, IndexError, RecursionError) as error:
        raise ModelError(
            f"an ONNX model in {path}", f"another file ({error})", "export or copy the model again"
        ) from error
    for place in places:
        if _leads_outside(place):
            raise ModelError(
                f"weights beside {path}, or in a folder below",
                f"its weights are said to be in {place!r}, which leads elsewhere",
                "export the model again, with its external data in its own folder",
            )
    return places


def _read_places(path: Path, size: int) -> tuple[str, ...]:
    if not size:
        raise ValueError("it is empty")
    with path.open("rb") as file:
        # Not closed by hand: views of it are in flight, and it closes with the last of them.
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if not {(IR_VERSION, NUMBER), (GRAPH, BYTES)} <= {(number, wire) for number, wire, _ in _fields(whole)}:
        raise ValueError("it has no graph")
    return tuple(sorted(set(_places(whole, "model"))))


def _places(message: memoryview, kind: str) -> Iterator[str]:
    """Yield where the tensors of a message say that their numbers are, outside of the file."""
    if kind == "place":
        entry = {number: bytes(content) for number, wire, content in _fields(message) if wire == BYTES}
        if entry.get(KEY) == LOCATION:
            yield entry.get(VALUE, b"").decode("utf-8")
        return
    for number, wire, content in _fields(message):
        if wire == BYTES and number in TOWARDS_TENSORS[kind]:
            yield from _places(content, TOWARDS_TENSORS[kind][number])


def _fields(message: memoryview) -> Iterator[Field]:
    """Yield the number, the wire type and the bytes of each field of a message; of numbers no bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == NUMBER:
            _, place = _varint(message, place)
            yield number, wire, message[:0]
            continue
        if wire == BYTES:
            size, place = _varint(message, place)
        elif wire in SIZES:
            size = SIZES[wire]
        else:
            raise ValueError(f"no field has the wire type {wire}")
        if place + size > len(message):
            raise ValueError("it is cut off")
        yield number, wire, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Read the number at `place`; give it, and where it ends."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > LONGEST_SHIFT:
            raise ValueError("a number does not end")


def _leads_outside(place: str) -> bool:
    """Tell whether a location is anything but the name of a file in the folder or below, on whatever system."""
    paths = PurePosixPath(place), PureWindowsPath(place)
    return not place or any(path.anchor or ".." in path.parts for path in paths)
