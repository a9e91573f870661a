"""The wheel, installed where no checkout is: it brings all of the product and nothing else, and works by itself."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from imgsim_tests.workplace import ROOT, Done, clean_environment

pytestmark = pytest.mark.slow
UV = Path(sys.executable).parent / "uv"
DEFINE = """
from imgsim_assets.definitions import build_definitions
from imgsim_assets.settings_sources import load_settings
print(len(build_definitions(load_settings()).resolve_all_asset_specs()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site-packages")
    install = [str(UV), "pip", "install", "--offline", "--no-deps", "--python", sys.executable]
    subprocess.run([*install, "--target", str(folder), str(wheel)], check=True, capture_output=True)
    return folder


def run(installed: Path, folder: Path, *words: str) -> Done:
    """Run Python in `folder` with the wheel and its dependencies, and without `site`, which would find the checkout."""
    line = [sys.executable, "-S", *words]
    paths = f"{installed}:{sysconfig.get_path('purelib')}"
    environment = {**clean_environment(), "PYTHONPATH": paths, "HOME": str(folder)}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_it_holds_the_product_and_nothing_else(wheel: Path):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = subprocess.run(
        ["git", "ls-files", "imgsim_assets"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert {name.partition("/")[0] for name in held} == {"imgsim_assets"}
    assert set(tracked) <= held
    assert {"imgsim_assets/py.typed", "imgsim_assets/dagster.yaml"} <= held


def test_its_command_says_its_version(installed: Path, tmp_path: Path):
    version = next(path.name.split("-")[1] for path in installed.glob("imgsim-*.dist-info"))
    done = run(installed, tmp_path, str(installed / "bin" / "imgsim"), "--version")
    assert done == Done(0, f"imgsim {version.removesuffix('.dist')}\n", "")


def test_its_commands_are_the_products(installed: Path, tmp_path: Path):
    helped = run(installed, tmp_path, "-m", "imgsim_assets", "--help")
    assert helped.status == 0
    assert "  sync " in helped.out
    assert "bench" not in helped.out
    absent = run(installed, tmp_path, "-m", "imgsim_assets", "bench")
    assert (absent.status, absent.out, absent.err.count("\n")) == (2, "", 1)
    assert "checkout" in absent.err


def test_its_graph_can_be_built(installed: Path, tmp_path: Path):
    done = run(installed, tmp_path, "-c", DEFINE)
    assert done.status == 0, done.err
    assert int(done.out) > 20


def test_a_strangers_file_beside_the_package_is_not_taken_for_ours(installed: Path, tmp_path: Path):
    for name in ("dagster.yaml", "workspace.yaml"):
        (installed / name).write_text("stranger: true\n", encoding="utf-8")
    done = run(installed, tmp_path, "-m", "imgsim_assets", "home", "--state", str(tmp_path / "state"))
    assert done.status == 0, done.err
    assert "stranger: true" not in (tmp_path / "state" / "dagster.yaml").read_text(encoding="utf-8")
