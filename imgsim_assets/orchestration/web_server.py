"""Dagster's web server behind the guard, alone or with the daemon beside it.

Dagster has no door for a middleware, so the two functions of it that make the application and start the server are
wrapped; that the guard stands is held by tests that send forged requests to a real server.
"""

import os
import socket
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from imgsim_assets import stopping
from imgsim_assets.errors import SettingsError, UserError
from imgsim_assets.orchestration.guard import Guard
from imgsim_assets.orchestration.instance import HOME_VARIABLE, WORKSPACE, packaged, prepare_home
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings

DAGSTERS, OURS = "dagster_webserver", "imgsim_assets.orchestration.web_server"


def serve_web() -> None:
    """Be `dagster-webserver`, guarded: `python -m imgsim_assets.orchestration.web_server`, with its options."""
    from dagster_webserver import cli

    def guarded(make: Callable[..., Any]) -> Callable[..., Guard]:
        return lambda *given, **named: Guard(make(*given, **named), load_settings().ui.hosts)

    _wrap(cli, "create_app_from_workspace_process_context", guarded)
    cli.dagster_webserver.main(auto_envvar_prefix="DAGSTER_WEBSERVER")


def serve_all(settings: Settings, host: str, port: int) -> None:
    """Be `dagster dev`, its web server guarded; ends with Ctrl-C. What it starts reads the settings' variables."""
    from dagster._cli import dev

    _require_server()
    _require_free(host, port)

    def guarded(start: Callable[..., Any]) -> Callable[..., Any]:
        def start_ours(parts: Sequence[str], **options: Any) -> Any:  # noqa: ANN401  a process
            return start([OURS if part == DAGSTERS else part for part in parts], **options)

        return start_ours

    _wrap(dev, "open_ipc_subprocess", guarded)
    os.environ[HOME_VARIABLE] = str(prepare_home(settings.places.state))
    arguments = ["--host", host, "--port", str(port), "--workspace", str(packaged(WORKSPACE))]
    with stopping.listening() as listener, listener.unhurried():
        dev.dev_command.main(arguments, standalone_mode=False)


def _require_server() -> None:
    """Find out before anything is started.

    Raises:
        UserError: the web server is not installed.
    """
    if find_spec(DAGSTERS) is None:
        raise UserError("dagster-webserver", "nothing of that name", "pip install 'imgsim[ui]'")


def _require_free(host: str, port: int) -> None:
    """Find out before anything is started.

    Raises:
        SettingsError: nobody can listen there now.
    """
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsError(f"to listen at {host}, port {port}", str(error), "use another --port or --host") from error


def _wrap(module: object, name: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(module, name, around(getattr(module, name)))


if __name__ == "__main__":
    serve_web()
