"""Start real server processes on free ports of 127.0.0.1, and end them with everything they started."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

PATIENCE = 300  # seconds; a machine whose cores are all busy is slow, not broken
PAUSE = 0.2
LOG_TAIL = 8000  # characters

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    url: str

    def get(self, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """GET `path`, or POST `body` to it as JSON; no proxy is asked."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return answer.read()

    def status(self, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> int:
        """Give the status of the answer to a GET, or to a POST of `body`, with `headers` in place of the usual ones."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def json(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return json.loads(self.get(path, body))


@contextmanager
def running_server(
    command: Sequence[str], ready: Callable[[Server], object], cwd: Path, env: Mapping[str, str], log: Path
) -> Iterator[Server]:
    """Run `command` in a process group of its own until the block ends; its log is noted on what the block raises.

    Args:
        command: `{port}` in it becomes a free port.
        ready: answers something true once the server can be used; what it raises of the network means not yet.
        cwd: where it runs.
        env: its whole environment.
        log: the file for what it writes.
    """
    port = free_port()
    server = Server(f"http://127.0.0.1:{port}")
    parts = [part.replace("{port}", str(port)) for part in command]
    with log.open("wb") as output:
        process = subprocess.Popen(
            parts, cwd=cwd, env=dict(env), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        poll(lambda: _is_ready(process, server, ready), f"{parts[0]} to answer at {server.url}")
        yield server
    except BaseException as error:
        error.add_note(f"{' '.join(parts)} wrote:\n{log.read_text(errors='replace')[-LOG_TAIL:]}")
        raise
    finally:
        end_group(process)


def poll(ask: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Ask until the answer is true, and give it."""
    last = time.monotonic() + patience
    while not (answer := ask()):
        if time.monotonic() > last:
            raise TimeoutError(f"waited {patience:.0f} s for {what}")
        time.sleep(PAUSE)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_group(process: "subprocess.Popen[bytes]", patience: float = 20) -> None:
    """Ask the leader of a process group and all others in it to end, then kill what is left of them."""
    _signal_group(process.pid, signal.SIGTERM)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # nobody is left


def _is_ready(process: "subprocess.Popen[bytes]", server: Server, ready: Callable[[Server], object]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the server ended by itself with status {process.returncode}")
    try:
        return bool(ready(server))
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
