"""Five small assets on a real store, whose behaviour tests choose."""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import dagster as dg

from imgsim_assets.assets.keeping import keep
from imgsim_assets.assets.keys import IMAGE_FOLDER
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.sight import status
from imgsim_assets.orchestration.staleness import AssetStatus
from imgsim_assets.orchestration.sync import sync
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB
from imgsim_assets.resources.console import console_logger
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings
from imgsim_tests.vision.folders import flat_folder

#        raw -> left -> low ->+
#         +---> right --------+-> end
SHAPE = {"raw": [IMAGE_FOLDER], "left": ["raw"], "right": ["raw"], "low": ["left"], "end": ["low", "right"]}


class Toy:
    """Five small assets on a real store, whose behaviour tests choose."""

    def __init__(self, folder: Path) -> None:
        self.ran: list[str] = []
        self.failing: Mapping[str, BaseException] = {}
        self.content: Callable[[str], str] = lambda key: key
        self.check_passes = True
        self.check_raises = False
        self.code = dict.fromkeys(SHAPE, "1")
        self.instance = dg.DagsterInstance.ephemeral()
        places = {"data": str(flat_folder(folder)), "state": str(folder / "state")}
        few: dict[str, object] = {"places": places, "submission": {"count": 1}}
        self.settings: Settings = load_settings(overrides=few, environ={})

    def definitions(self) -> dg.Definitions:
        return dg.Definitions(
            assets=[dg.AssetSpec(IMAGE_FOLDER), *(self._asset(key, deps) for key, deps in SHAPE.items())],
            asset_checks=[self._check()],
            jobs=[dg.define_asset_job(MATERIALIZE_JOB, dg.AssetSelection.all())],
            resources={"store": Store(state=str(self.settings.places.state))},
            executor=dg.in_process_executor,
            loggers={"console": console_logger},
        )

    def _asset(self, key: str, deps: Sequence[str]) -> dg.AssetsDefinition:
        @dg.asset(key=key, deps=list(deps), code_version=self.code[key])
        def one(store: Store) -> dg.MaterializeResult:
            self.ran.append(key)
            if key in self.failing:
                raise self.failing[key]
            return keep(store, key, lambda folder: _write(folder, self.content(key)))

        return one

    def _check(self) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset="left", blocking=True)
        def left_is_good() -> dg.AssetCheckResult:
            if self.check_raises:
                raise RuntimeError("the check broke")
            return dg.AssetCheckResult(passed=self.check_passes)

        return left_is_good

    def sync(self) -> SyncOutcome:
        self.ran.clear()
        return sync(self.definitions(), self.instance, self.settings, lambda _: None)

    def lose(self, key: str) -> None:
        """Take away what `key` made."""
        shutil.rmtree(self.settings.places.state / "artefacts" / key)

    def status(self) -> Mapping[str, AssetStatus]:
        return status(self.definitions(), self.instance, self.settings)

    def fresh(self) -> Collection[str]:
        return {key for key, one in self.status().items() if one.state in {"fresh", "waits"}}


def _write(folder: Path, text: str) -> None:
    (folder / "content.txt").write_text(text)
