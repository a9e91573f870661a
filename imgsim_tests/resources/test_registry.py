"""A publication is one version of the model, and the alias is on the one that is published."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imgsim_assets.resources.registry import crown, register, version_of


class Registry:
    """As much of MLflow's client as is asked, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models: list[str] = []
        self.versions: dict[str, tuple[str, str]] = {}  # publication and source, by number
        self.alias: str | None = None

    def search_registered_models(self, text: str) -> list[str]:
        return [name for name in self.models if text == f"name = '{name}'"]

    def create_registered_model(self, name: str) -> None:
        assert name not in self.models
        self.models.append(name)

    def get_run(self, run_id: str) -> Any:
        return SimpleNamespace(info=SimpleNamespace(artifact_uri=f"file://{self.folder}/{run_id}%20x"))

    def create_model_version(self, name: str, source: str, _run_id: str, tags: dict[str, str]) -> Any:
        assert name in self.models
        number = str(len(self.versions) + 1)
        self.versions[number] = tags["imgsim_publication"], source
        return SimpleNamespace(version=number)

    def search_model_versions(self, text: str) -> list[Any]:
        found = [number for number, (one, _) in self.versions.items() if text.endswith(f"= '{one}'")]
        return [SimpleNamespace(version=number) for number in found]

    def get_model_version(self, _name: str, version: str) -> Any:
        return SimpleNamespace(source=self.versions[version][1])

    def delete_model_version(self, _name: str, version: str) -> None:
        self.versions[version] = "", ""

    def set_registered_model_alias(self, _name: str, alias: str, version: str) -> None:
        assert alias == "champion"
        self.alias = version


@pytest.fixture
def registry(tmp_path: Path) -> Any:
    return Registry(tmp_path)


def test_each_publication_is_registered_once_and_crowned_by_name(registry: Any):
    assert version_of(registry, "one") is None
    assert crown(registry, "one") is None
    assert registry.alias is None
    assert [register(registry, "run", "head", name) for name in ("one", "two", "one")] == ["1", "2", "1"]
    assert registry.alias is None
    assert crown(registry, "one") == "1"
    assert registry.alias == "1"
    assert registry.versions["2"][1].endswith("/run%20x/head")


@pytest.mark.parametrize(
    ("local", "there", "version"),
    [
        (True, True, "1"),
        (True, False, "2"),
        (False, False, "1"),
    ],
)
def test_on_this_machine_a_version_whose_files_are_gone_is_registered_again(
    registry: Any, tmp_path: Path, local: bool, there: bool, version: str
):
    register(registry, "run", "head", "one", local=local)
    if there:
        (tmp_path / "run x" / "head").mkdir(parents=True)
    assert register(registry, "run", "head", "one", local=local) == version
    assert version_of(registry, "one") == version
