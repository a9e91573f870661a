"""The options that every command takes: where things are, and which settings hold."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from imgsim_assets.edge import net
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import CONFIG_VARIABLE, PROFILE_VARIABLE, SHORT_NAMES, load_settings
from imgsim_assets.storage.state_lock import require_folder

ANY_PATH = click.Path(path_type=Path, readable=False)  # whether it can be read is found out, and said, by who reads it


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
        _run(command, load_settings(profile=profile, config=config, overrides=overrides), others)

    json = click.option("--json", "as_json", is_flag=True, help="one JSON object on standard output")
    return _with_places(json(run))


def with_settings_for_others(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the settings, and what it starts the variables that name them."""

    @functools.wraps(command)
    def run(
        *,
        data: Path | None,
        config: Path | None,
        profile: str | None,
        state: Path | None,
        **others: Any,  # noqa: ANN401
    ) -> None:
        data_variable, state_variable = SHORT_NAMES
        given = {data_variable: data, CONFIG_VARIABLE: config, PROFILE_VARIABLE: profile, state_variable: state}
        os.environ.update({name: str(value) for name, value in given.items() if value is not None})
        _run(command, load_settings(), others)

    return _with_places(run)


def _run(command: Callable[..., None], settings: Settings, others: dict[str, Any]) -> None:
    with net(settings.places.state):
        require_folder(settings.places.state)
        command(settings=settings, **others)


def _with_places(run: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--state", type=ANY_PATH, help="where imgsim keeps everything [.imgsim]"),
        click.option("--profile", help="pretrained, compact, clip, small, medium or large [pretrained]"),
        click.option("--config", type=ANY_PATH, help="settings file (TOML)"),
        click.option("--data", type=ANY_PATH, help="folder of photos [photos]"),
    ):
        run = option(run)
    return run
