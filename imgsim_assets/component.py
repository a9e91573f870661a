"""imgsim's graph as a part of another Dagster project: a component that is given a settings file."""

from pathlib import Path

import dagster as dg

from imgsim_assets.definitions import build_loaded_definitions
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings


class ImgsimComponent(dg.Component, dg.Model, dg.Resolvable):
    """Find images that mean the same thing: the assets, checks, jobs and doors of one folder of photos.

    Attributes:
        config: a settings file (TOML), relative to the folder of `defs.yaml`; relative paths in it are relative to it.
    """

    config: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the graph; which executor and loggers its neighbours have is left to their project.

        Raises:
            SettingsError: there is no such file, or what it says is not known or not possible.
        """

        def settings() -> Settings:
            return load_settings(config=context.path / Path(self.config).expanduser())

        whole = build_loaded_definitions(settings)
        return dg.Definitions(
            assets=whole.assets,
            asset_checks=whole.asset_checks,
            jobs=whole.jobs,
            sensors=whole.sensors,
            schedules=whole.schedules,
            resources=whole.resources,
        )
