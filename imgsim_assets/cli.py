"""The `imgsim` command: parses, calls, prints. No logic of its own."""

import contextlib
import faulthandler
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgsim_assets.checkout_commands import WithCheckoutCommands
from imgsim_assets.command_options import ANY_PATH, with_settings, with_settings_for_others
from imgsim_assets.edge import let_go_of_output, net, prepare_streams, require_address_space, require_open_files
from imgsim_assets.errors import ImgsimError, UserError
from imgsim_assets.keeping_commands import KEEPING
from imgsim_assets.model_commands import models
from imgsim_assets.settings import Settings
from imgsim_assets.stopping import ending_in_one_line
from imgsim_assets.world import in_one_line

if TYPE_CHECKING:
    from imgsim_assets.api import Library

FAILED, WRONG_USE = 1, 2


@click.group(
    cls=WithCheckoutCommands,
    commands=[models, *KEEPING],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="imgsim", prog_name="imgsim", message="%(prog)s %(version)s")
def cli() -> None:
    """Find images that mean the same thing."""
    # Everything for people goes to standard error, so that --json leaves one object on standard output.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("imgsim")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


@cli.command()
@click.option("--sample", "draw", is_flag=True, help="draw the sample photos first, where no others are named or there")
@click.option("--wait", is_flag=True, help="publish only the final answer, also in a first sync that takes long")
@with_settings
def sync(settings: Settings, as_json: bool, draw: bool, wait: bool) -> None:
    """Materialize exactly what is stale, and publish the result."""
    from imgsim_assets.vision.backbones.locking import lock_models

    settings = lock_models(settings)
    if draw:
        from imgsim_assets.vision.drawing.sample import write_missing_sample

        write_missing_sample(settings.places.data)
    from imgsim_assets.definitions import build_definitions
    from imgsim_assets.orchestration import sync as syncing
    from imgsim_assets.orchestration.doors import end_dead
    from imgsim_assets.orchestration.instance import open_instance

    with open_instance(settings.places.state) as instance:
        end_dead(instance, settings)
        announce, early = logging.getLogger("imgsim").info, None if wait else build_definitions
        outcome = syncing.sync(build_definitions(settings), instance, settings, announce, early)
    click.echo(outcome.in_words(), err=as_json or bool(outcome.failed))
    if as_json:
        click.echo(json.dumps(outcome.as_json()))
    if outcome.failed:
        raise SystemExit(WRONG_USE if outcome.person_can_mend else FAILED)


@cli.command()
@with_settings
def status(settings: Settings, as_json: bool) -> None:
    """Say what is stale, and why."""
    from imgsim_assets.definitions import build_definitions
    from imgsim_assets.orchestration import sight
    from imgsim_assets.orchestration.instance import open_instance

    with open_instance(settings.places.state) as instance:
        statuses = sight.status(build_definitions(settings), instance, settings).values()
    if as_json:
        click.echo(json.dumps({one.key: {"state": one.state, "causes": list(one.causes)} for one in statuses}))
        return
    for one in statuses:
        click.echo(f"{one.state:8}{one.key}" + (f": {'; '.join(one.causes)}" if one.causes else ""))


@cli.command()
@click.option("--tracking", is_flag=True, help="print the address of the MLflow store in the state folder")
@with_settings
def home(settings: Settings, as_json: bool, tracking: bool) -> None:
    """Prepare the Dagster home in the state folder and print it: DAGSTER_HOME=$(imgsim home) dagster-daemon run."""
    from imgsim_assets.orchestration.instance import prepare_home
    from imgsim_assets.resources.tracking import Tracking

    folder, store = str(prepare_home(settings.places.state)), Tracking(state=str(settings.places.state)).address
    click.echo(json.dumps({"home": folder, "tracking": store}) if as_json else store if tracking else folder)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen at")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@with_settings_for_others
def ui(settings: Settings, host: str, port: int) -> None:
    """Serve Dagster's UI and run its daemon until Ctrl-C; requests of other sites' pages are refused."""
    from imgsim_assets.orchestration.web_server import serve_all

    serve_all(settings, host, port)


@cli.command()
@click.argument("photo", type=ANY_PATH, required=False)
@click.option("--text", help="words to look for in place of a photo, by a CLIP or SigLIP backbone")
@click.option("--index", type=click.Choice(["faiss", "annoy"]), help="which index answers [the submission's]")
@click.option("--count", type=click.IntRange(1), default=10, show_default=True, help="how many photos")
@with_settings
def search(
    *, settings: Settings, as_json: bool, photo: Path | None, text: str | None, index: "Library | None", count: int
) -> None:
    """Name the train photos nearest to PHOTO, or to words, from the published search bundle."""
    from imgsim_assets.api import publication_of

    if (photo is None) == (text is None):
        given = "neither" if photo is None else "both"
        raise click.UsageError(f"expected one of PHOTO and --text; found {given}; to mend: name one of them")
    if text is not None and index:
        said = "expected no --index beside --text, which is held against every photo"
        raise click.UsageError(f"{said}; found {index}; to mend: leave it out")
    publication = publication_of(settings)
    asked = {"text": text} if photo is None else {"photo": str(photo), "index": index or settings.submission.index}
    table = publication.search_text([str(text)], count) if photo is None else publication.search([photo], count, index)
    found = table.select("name", "label", "score").to_dicts()
    if publication.is_provisional:
        click.echo("of the provisional answer; `imgsim sync` makes the final one", err=True)
    if as_json:
        click.echo(json.dumps({**asked, "found": found}))
        return
    for row in found:
        click.echo(f"{row['score']:10.4f}  {row['name']}" + (f"  {row['label']}" if row["label"] else ""))


@cli.command()
@with_settings
def compare(settings: Settings, as_json: bool) -> None:
    """Show FAISS beside Annoy, as last measured on your vectors."""
    from imgsim_assets.api import publication_of

    comparison = publication_of(settings).comparison
    table, curves = comparison.table, comparison.curves
    if as_json:
        libraries = {row["library"]: row for row in table.iter_rows(named=True)}
        click.echo(json.dumps({**libraries, "curves": curves.to_dicts(), "verdict": comparison.verdict}))
        return
    import polars as pl

    with pl.Config(
        tbl_cols=-1, tbl_rows=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_width_chars=160
    ):
        click.echo(str(table.transpose(include_header=True, header_name="measure", column_names="library")))
        click.echo(str(curves))
    click.echo(comparison.verdict)


@cli.command()
@click.argument("folder", type=ANY_PATH)
@click.option("--classes", type=click.IntRange(1, 102), default=102, show_default=True)
@click.option("--train", type=click.IntRange(1), default=16, show_default=True, help="train photos a class")
@click.option("--test", type=click.IntRange(1), default=4, show_default=True, help="test photos a class")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def sample(folder: Path, classes: int, train: int, test: int, seed: int) -> None:
    """Draw the built-in sample photos into FOLDER."""
    from imgsim_assets.vision.drawing.sample import write_sample

    write_sample(folder, classes=classes, train=train, test=test, seed=seed)
    click.echo(f"{folder}: {classes * train} train and {classes * test} test photos of {classes} classes")


def main() -> None:
    """Run the command; errors, and being asked to stop, become one line on standard error and an exit status."""
    prepare_streams()
    # Where a library ends the process, at least it says in which call.
    if not faulthandler.is_enabled():
        faulthandler.enable(2)
    with ending_in_one_line():
        _run()


def _run() -> None:
    try:
        with net():
            require_address_space()
            require_open_files()
            cli(standalone_mode=False)
            if sys.stdout is not None:
                sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        raise SystemExit(WRONG_USE) from None
    except click.Abort:
        raise SystemExit(FAILED) from None
    except BrokenPipeError:  # who read it has seen enough
        let_go_of_output()
        raise SystemExit(FAILED) from None
    except ImgsimError as error:
        let_go_of_output()
        _say(str(error))
        raise SystemExit(WRONG_USE if isinstance(error, UserError) else FAILED) from None


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens
        click.echo(in_one_line(f"imgsim: {words}"), err=True)
