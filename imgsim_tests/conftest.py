"""What many tests start from: a few drawn photos and a settings file with one tiny backbone."""

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from imgsim_assets.orchestration.sync import SyncOutcome
from imgsim_assets.vision.drawing.sample import write_sample
from imgsim_tests.budget import examples
from imgsim_tests.hub_server import Hub, running_hub
from imgsim_tests.reuse import reused
from imgsim_tests.vision.backbones.model_files import save_onnx
from imgsim_tests.workplace import Workplace

# A slow machine is no failure: no test of ours judges speed.
settings.register_profile(
    "imgsim", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=examples(100)
)
settings.load_profile("imgsim")

MadeOnce = Callable[[str, Callable[[Path], None]], Path]

SETTINGS = """
[places]
data = "photos"
state = "state"

[runtime]
precision = "float32"  # what is made must not depend on the processor
threads = 1
offline = true

# Mean colours: weak, but loaded in no time, and every stage after it does its real work.
[backbones.tiny]
uri = "onnx:tiny.onnx"
views = ["rgb", "canny_focus", "canny_edges"]
size = 32
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]

[evaluation]
bootstrap = 200

[report]
queries = 3
thumbnail = 48
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What begins with a whole sync is slow, however short it is itself."""
    for item in items:
        if "_synced_place" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _databases_open_quickly() -> Iterator[None]:
    with reused():
        yield


def write_small_workplace(folder: Path) -> Path:
    """Write `photos/`, `tiny.onnx` and `imgsim.toml`: 30 train and 12 test photos of six classes."""
    write_sample(folder / "photos", classes=6, train=5, test=2, seed=1)
    save_onnx(folder / "tiny.onnx")
    (folder / "imgsim.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def small_workplace_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_workplace(tmp_path_factory.mktemp("workplace"))


@pytest.fixture
def small_workplace(small_workplace_once: Path, tmp_path: Path) -> Path:
    """A folder of its own for each test: `photos/`, `tiny.onnx`, `imgsim.toml`; nothing synced yet."""
    return Path(shutil.copytree(small_workplace_once, tmp_path / "workplace"))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Let the first process that needs a folder make it; the others wait for it. Whoever changes it takes a copy."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder = shared / name
        with FileLock(f"{folder}.lock"):
            if not (folder / "made").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                (folder / "made").touch()
        return folder

    return make


@pytest.fixture(scope="session")
def _synced_place(made_once: MadeOnce) -> Path:
    def fill(folder: Path) -> None:
        (folder / "workplace").mkdir()
        workplace = Workplace(write_small_workplace(folder / "workplace"))
        (folder / "outcome").write_bytes(pickle.dumps(workplace.sync()))

    return made_once("synced", fill)


@pytest.fixture(scope="session")
def _first_sync(_synced_place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, SyncOutcome]:
    with FileLock(f"{_synced_place}.lock"):
        copy = Workplace(_synced_place / "workplace").copy_to(tmp_path_factory.mktemp("synced") / "workplace")
    return copy, pickle.loads((_synced_place / "outcome").read_bytes())


@pytest.fixture
def synced_in_place(_synced_place: Path) -> Iterator[Workplace]:
    """Not a copy, for tests that read which places were noted; one process at a time."""
    with FileLock(f"{_synced_place}.lock"):
        yield Workplace(_synced_place / "workplace")


@pytest.fixture(scope="session")
def synced_once(_first_sync: tuple[Workplace, SyncOutcome]) -> Workplace:
    """Synced once; for tests that only read."""
    return _first_sync[0]


@pytest.fixture(scope="session")
def first_sync(_first_sync: tuple[Workplace, SyncOutcome]) -> SyncOutcome:
    """What the sync of `synced_once` did."""
    return _first_sync[1]


@pytest.fixture
def synced(synced_once: Workplace, tmp_path: Path) -> Workplace:
    """A synced workplace of its own for each test."""
    return synced_once.copy_to(tmp_path / "workplace")


@pytest.fixture
def unsynced(small_workplace: Path) -> Workplace:
    """A workplace of its own for each test, without a state."""
    return Workplace(small_workplace)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache in place of the person's own."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that answers, in place of the real one, for the hub's own client in this process."""
    from huggingface_hub import close_session, constants

    with running_hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        close_session()  # it has read the variables
        yield running
    close_session()
