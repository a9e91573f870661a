"""Threads and processes frame alike, in order, and leave nothing behind."""

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsim_assets.errors import ImgsimError, ModelError
from imgsim_assets.vision import parcels
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.framing import PHOTOS_A_TASK, PhotoSource, frame_ahead
from imgsim_assets.vision.parcels import IN_MEMORY, has_room, pack, unpack
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_tests.servers import poll

FRAMES = {"small": SquareFraming(4), "large": SquareFraming(9), "small again": SquareFraming(4)}
COUNT = 3 * PHOTOS_A_TASK + 5


def opened(index: int) -> Image.Image:
    if index == 7:
        raise OSError("gone")
    if index == 8:
        raise PhotoError("unreadable", "away")
    if index == 9:
        raise PhotoError("truncated", "cut short")
    if index == -1:
        raise ModelError("a model", "none", "get one")
    if index == -2:
        os.kill(os.getpid(), signal.SIGKILL)
    return Image.new("RGB", (20, 10), (index % 256, 1, 2))


def sources(indices) -> list[PhotoSource]:
    wanted = {3: frozenset({"large"}), 4: frozenset()}
    return [PhotoSource(str(index), functools.partial(opened, index), wanted.get(index)) for index in indices]


def run(indices, **how) -> list[list]:
    return [
        [(name, one.content_id, np.array(one.pixels).tolist(), one.failure, one.away) for name, one in photo]
        for photo in frame_ahead(sources(indices), FRAMES, ahead=32, workers=2, **how)
    ]


def folders() -> set[str]:
    return {path.name for path in IN_MEMORY.glob("imgsim-*")}


@pytest.mark.slow
def test_processes_give_what_threads_give_and_leave_nothing_behind():
    before = folders()
    by_threads, by_processes = run(range(COUNT)), run(range(COUNT), in_processes=True)
    assert by_processes == by_threads
    assert [photo[0][1] for photo in by_threads if photo] == [str(index) for index in range(COUNT) if index != 4]
    assert [failure for *_, failure, _ in by_threads[7]] == ["OSError: gone"] * 3
    assert {number for number, photo in enumerate(by_threads) for *_, away in photo if away} == {8}
    assert [name for name, *_ in by_threads[3]] == ["large"]
    assert by_threads[4] == []
    assert folders() <= before


@pytest.mark.slow
def test_stopping_early_frees_what_the_processes_had_sent():
    before = folders()
    framed = frame_ahead(sources(range(20, 400)), FRAMES, ahead=128, workers=2, in_processes=True)
    assert next(framed)[0][1].content_id == "20"
    framed.close()
    assert folders() <= before


@pytest.mark.parametrize("in_processes", [False, True])
def test_imgsims_own_errors_come_through_whole(in_processes):
    with pytest.raises(ModelError) as caught:
        run([0, -1, 1], in_processes=in_processes)
    assert (caught.value.expected, caught.value.found, caught.value.mend) == ("a model", "none", "get one")


def test_a_process_that_is_killed_is_told_of():
    with pytest.raises(ImgsimError, match="one was killed"):
        run([0, -2, 1], in_processes=True)


PARENT = """
import sys, time
from imgsim_assets.vision.framing import frame_ahead
from imgsim_tests.vision.test_framing import FRAMES, sources
if __name__ == "__main__":
    framed = frame_ahead(sources(range(20, 100_000)), FRAMES, ahead=64, workers=2, in_processes=True)
    next(framed)
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
def test_processes_end_when_their_parent_is_killed(tmp_path: Path):
    (tmp_path / "parent.py").write_text(PARENT)
    before = folders()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, env=environment, start_new_session=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"begun\n"
    assert len(group(parent.pid)) >= 3
    assert folders() > before
    parent.kill()
    parent.wait()
    poll(lambda: not group(parent.pid), "the processes to end")
    assert folders() <= before


def group(leader: int) -> set[int]:
    """The living processes of a process group."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == leader and state != "Z":
            found.add(int(path.parent.name))
    return found


@pytest.mark.parametrize("shapes", [[], [(0, 3)], [(2, 3)], [(5,), (1, 1), (7, 2, 3)]])
def test_parcels_come_out_as_they_went_in(shapes, tmp_path):
    random = np.random.default_rng(0)
    content = {"words": "some", "arrays": [random.normal(size=shape).astype(np.float32) for shape in shapes]}
    parcel = pack(content, tmp_path)
    found = unpack(parcel)
    assert found["words"] == "some"
    for one, other in zip(found["arrays"], content["arrays"], strict=True):
        np.testing.assert_array_equal(one, other)
        one[...] = 0  # its own memory
    assert not list(tmp_path.iterdir())


def test_little_room_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(parcels, "IN_MEMORY", tmp_path / "absent")
    assert not has_room()
    monkeypatch.setattr(parcels, "IN_MEMORY", tmp_path)
    monkeypatch.setattr(parcels, "ENOUGH_ROOM", 1)
    assert has_room()
    monkeypatch.setattr(parcels, "ENOUGH_ROOM", 1 << 60)
    assert not has_room()
