"""The options that every command takes: where things are, and which settings hold."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from imgsim_assets.settings_sources import load_settings


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the settings and the wish for JSON, in place of the options that every command takes."""

    @functools.wraps(command)
    def run(
        *,
        data: Path | None,
        config: Path | None,
        profile: str | None,
        state: Path | None,
        **others: Any,  # noqa: ANN401
    ) -> None:
        places = {name: str(path) for name, path in (("data", data), ("state", state)) if path is not None}
        overrides = {"places": places} if places else {}
        command(settings=load_settings(profile=profile, config=config, overrides=overrides), **others)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="one JSON object on standard output"),
        click.option("--state", type=click.Path(path_type=Path), help="where imgsim keeps everything [.imgsim]"),
        click.option("--profile", help="compact, clip or large [compact]"),
        click.option("--config", type=click.Path(path_type=Path), help="settings file (TOML)"),
        click.option("--data", type=click.Path(path_type=Path), help="folder of photos [photos]"),
    ):
        run = option(run)
    return run
