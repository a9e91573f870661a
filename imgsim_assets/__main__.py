"""Where the command begins: it can be stopped from its first moment on, before its hundreds of modules are loaded."""

from imgsim_assets.stopping import leave_when_asked


def main() -> None:
    """Load the command and run it."""
    leave_when_asked()
    from imgsim_assets import cli

    cli.main()


if __name__ == "__main__":
    main()
