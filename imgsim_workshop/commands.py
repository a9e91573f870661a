"""The `imgsim pretrain` command."""

from pathlib import Path
from typing import Literal

import click

from imgsim_assets.command_options import ANY_PATH


@click.command()
@click.option("--output", type=ANY_PATH, required=True, help="folder for the weights")
@click.option("--budget", type=click.Choice(["small", "full"]), default="small", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def pretrain(output: Path, budget: Literal["small", "full"], seed: int) -> None:
    """Train the compact backbones, and learn the codebooks of the classical ones, on drawn pictures."""
    from imgsim_assets.threads import thread_count
    from imgsim_workshop import pretraining

    pretraining.pretrain(output, budget, seed, workers=thread_count(0))
