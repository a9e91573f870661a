"""The commands about what is kept: `imgsim versions`, `imgsim rollback` and `imgsim gc`."""

import dataclasses
import json

import click

from imgsim_assets.command_options import with_settings
from imgsim_assets.settings import Settings


@click.command()
@with_settings
def versions(settings: Settings, as_json: bool) -> None:
    """List the publications on disk, the last one first."""
    from imgsim_assets.serving.publications import list_versions

    found = list_versions(settings.places.state)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found]))
        return
    for one in found:
        click.echo(f"{'*' if one.is_current else ' '} {one.name[:8]}  {one.published_at}  {one.score}")


@click.command()
@click.argument("version")
@with_settings
def rollback(settings: Settings, as_json: bool, version: str) -> None:
    """Publish VERSION again; it stays until something that the ranking is made of changes."""
    from imgsim_assets.orchestration.rolling_back import roll_back_to

    name, registered, notes = roll_back_to(settings, version)
    for note in notes:
        click.echo(note, err=True)
    if as_json:
        click.echo(json.dumps({"published": name, "registered": registered}))
        return
    click.echo(f"published {name[:8]} again" + (f", version {registered} in MLflow" if registered else ""))


@click.command()
@click.option("--keep", type=click.IntRange(0), default=2, show_default=True, help="unused sets of rows that stay")
@click.option("--yes", is_flag=True, help="remove it; without this, only say what would go")
@with_settings
def gc(settings: Settings, as_json: bool, keep: int, yes: bool) -> None:
    """Say what nothing refers to any more and, with --yes, remove it."""
    from imgsim_assets.definitions import build_definitions
    from imgsim_assets.orchestration.garbage import find_garbage, remove_garbage

    found = (remove_garbage if yes else find_garbage)(build_definitions(settings), settings, keep)
    if as_json:
        click.echo(json.dumps({"removed": yes, "garbage": [dataclasses.asdict(one) for one in found]}))
        return
    for one in found:
        click.echo(f"{one.bytes / 1e6:10.1f} MB  {one.path}: {one.why}")
    total = sum(one.bytes for one in found) / 1e6
    click.echo(f"{total:10.1f} MB  {'removed' if yes else 'would go; --yes removes it'}")


KEEPING = [versions, rollback, gc]
