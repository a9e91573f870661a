"""The group `imgsim models`: what the backbones of the profile are, and what there is of them on this machine."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgsim_assets.command_options import ANY_PATH, with_settings
from imgsim_assets.settings import Settings

if TYPE_CHECKING:
    from imgsim_assets.vision.model_list import Model


@click.group()
def models() -> None:
    """Look after the models of the profile: fetch them, check them, carry them to other machines."""


@models.command(name="list")
@with_settings
def list_all(settings: Settings, as_json: bool) -> None:
    """Name every backbone: commit, licence, size, whether it is here, and the vectors kept for it."""
    from imgsim_assets.vision.model_list import list_models

    found = list_models(settings)
    if as_json:
        click.echo(json.dumps({"models": [dataclasses.asdict(one) for one in found]}))
        return
    for one in found:
        commit = f"@{one.commit[:8]}" if one.commit else ""
        place = f"{_in_megabytes(one)} here" if one.here else "not here"
        click.echo(f"{one.name}  {one.uri}{commit} ({one.chosen}), {place}, {one.vectors} vectors")


@models.command()
@click.argument("names", nargs=-1)
@with_settings
def fetch(settings: Settings, as_json: bool, names: tuple[str, ...]) -> None:
    """Fetch the models NAMES, or all, ahead of time: only the files that are needed."""
    from imgsim_assets.vision.backbones.locking import say
    from imgsim_assets.vision.hub_models import choose_models, fetch_models
    from imgsim_assets.vision.model_list import list_models

    fetched = fetch_models(settings, names, say)
    found = [one for one in list_models(fetched) if one.name in choose_models(fetched, names)]
    if as_json:
        click.echo(json.dumps({"models": [dataclasses.asdict(one) for one in found]}))
        return
    for one in found:
        click.echo(f"{one.name}: {_in_megabytes(one)}")


@models.command()
@click.argument("names", nargs=-1)
@with_settings
def verify(settings: Settings, as_json: bool, names: tuple[str, ...]) -> None:
    """Read every byte of the models NAMES, or of all, and hold it against its digest."""
    from imgsim_assets.vision.hub_models import verify_models

    said: list[str] = []
    verify_models(settings, names, said.append)
    click.echo(json.dumps({"verified": said}) if as_json else "\n".join(said))


@models.command()
@click.argument("names", nargs=-1, required=True)
@with_settings
def update(settings: Settings, as_json: bool, names: tuple[str, ...]) -> None:
    """Lock the models NAMES to their newest commits; the next sync computes their vectors anew."""
    from imgsim_assets.vision.backbones.locking import say
    from imgsim_assets.vision.hub_models import update_models

    moved = update_models(settings, names, say)
    if as_json:
        click.echo(json.dumps(moved))


@models.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="remove it; without this, only say what would go")
@with_settings
def remove(settings: Settings, as_json: bool, names: tuple[str, ...], yes: bool) -> None:
    """Remove the models NAMES from the hub's cache; their vectors stay, and what they are locked to."""
    from imgsim_assets.vision.hub_models import remove_models

    freed = remove_models(settings, names, really=yes)
    if as_json:
        click.echo(json.dumps({"removed": yes, "bytes": freed}))
        return
    for model, size in freed.items():
        click.echo(f"{size / 1e6:10.1f} MB  {model}")
    click.echo(f"{sum(freed.values()) / 1e6:10.1f} MB  {'removed' if yes else 'would go; --yes removes it'}")


@models.command()
@click.argument("folder", type=ANY_PATH)
@with_settings
def export(settings: Settings, as_json: bool, folder: Path) -> None:
    """Copy the hub's models of the profile into FOLDER, for a machine without a network."""
    from imgsim_assets.vision.backbones.locking import say
    from imgsim_assets.vision.model_export import export_models

    _tell(export_models(settings, folder, say), as_json, f"in {folder}")


@models.command(name="import")
@click.argument("folder", type=ANY_PATH)
@with_settings
def bring(settings: Settings, as_json: bool, folder: Path) -> None:
    """Take the models that `export` wrote into FOLDER, and the commits that they are locked to."""
    from imgsim_assets.vision.backbones.locking import say
    from imgsim_assets.vision.model_export import import_models

    _tell(import_models(settings, folder, say), as_json, "in the hub's cache")


def _in_megabytes(model: "Model") -> str:
    return f"{model.bytes / 1e6:.1f} MB ({model.licence or 'licence unknown'})"


def _tell(sizes: dict[str, int], as_json: bool, where: str) -> None:
    if as_json:
        click.echo(json.dumps(sizes))
        return
    for model, size in sizes.items():
        click.echo(f"{size / 1e6:10.1f} MB  {model}")
    click.echo(f"{sum(sizes.values()) / 1e6:10.1f} MB  {where}")
