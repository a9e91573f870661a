"""Commands that a checkout has besides those of the product: its benchmarks, and the workshop of its weights."""

from importlib import import_module
from importlib.util import find_spec

import click

from imgsim_assets.errors import UserError

# By name, since the product must work without them.
PACKAGES = {"bench": "imgsim_bench", "pretrain": "imgsim_workshop"}


class WithCheckoutCommands(click.Group):
    """A group that also has the commands of `PACKAGES`, each in its package's `commands` and loaded when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands that work in this installation."""
        here = [name for name, package in PACKAGES.items() if find_spec(package)]
        return sorted([*super().list_commands(ctx), *here])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command.

        Raises:
            UserError: it is one of a package that is not installed.
        """
        package = PACKAGES.get(cmd_name)
        if package is None:
            return super().get_command(ctx, cmd_name)
        if find_spec(package) is None:
            mend = f"run `imgsim {cmd_name}` in a checkout of imgsim, after `make env`"
            raise UserError(f"{package}, which is no part of what pip installs", "nothing of that name", mend)
        command: click.Command = getattr(import_module(f"{package}.commands"), cmd_name)
        return command
