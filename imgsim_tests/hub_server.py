"""A model hub on 127.0.0.1 that speaks the protocol of the real one, as far as its own client asks: no file is real."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin")  # kept apart from git, and given by another host
CHUNK = 4096
SIGNATURE = "whoever-has-this-may-have-the-file"


@dataclass
class Repository:
    """Files by commit and name; `newest` is where its main branch is."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    newest: str = ""


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    host: str
    headers: Mapping[str, str]


@dataclass
class Fault:
    """An answer in place of the usual one: to paths that hold `where`, so many times."""

    status: int
    where: str
    times: float
    headers: Mapping[str, str]


@dataclass
class Hub:
    """A hub that runs.

    Attributes:
        asked: all requests, in their order.
        breaks: how many bytes of a large file come before the connection ends, one for each transfer; then all come.
        pause: seconds before each 4 KiB of a large file.
        forged: given in place of what a digest stands for.
        moved: repositories by the names that they had before.
    """

    url: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    pause: float = 0.0
    forged: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    def push(self, name: str, folder: Path | Mapping[str, bytes], commit: str | None = None) -> str:
        """Add a commit of the files of a folder, and move the main branch to it; give its 40 digits."""
        if isinstance(folder, Path):
            files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
        else:
            files = dict(folder)
        told = "".join(f"{path}{sha256(content)}" for path, content in sorted(files.items()))
        commit = commit or hashlib.sha1(told.encode()).hexdigest()
        repository = self.repositories.setdefault(name, Repository())
        repository.commits[commit], repository.newest = files, commit
        return commit

    def fail(self, status: int, where: str = "/", times: float = float("inf"), **headers: str) -> None:
        """Answer so to what is asked of paths that hold `where`."""
        self.faults.append(Fault(status, where, times, {name.replace("_", "-"): say for name, say in headers.items()}))

    def paths(self, method: str = "GET") -> list[str]:
        """Give the paths that were asked for."""
        return [request.path for request in self.asked if request.method == method]


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve an empty hub from a thread of this process until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    hub = Hub(f"http://127.0.0.1:{server.server_port}")
    server.hub = hub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)  # whole where this is the proxy of another host
        path = unquote(parts.path)
        host = parts.netloc or self.headers["Host"]
        self.hub.asked.append(Request(self.command, path, host, dict(self.headers.items())))
        for fault in self.hub.faults:
            if fault.where in path and fault.times > 0 and path != "/":
                fault.times -= 1
                self._say(fault.status, b'{"error": "no"}', fault.headers)
                return
        for find in (self._root, self._tree, self._file, self._large):
            if find(path):
                return
        self._say(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _root(self, path: str) -> bool:
        if path == "/":
            self._say(200, b"a hub")
        return path == "/"

    def _tree(self, path: str) -> bool:
        name, found, commit = path.removeprefix("/api/models/").partition("/tree/")
        files = self._commit(name, commit) if found and path.startswith("/api/") else None
        if files is not None:
            self._say(200, json.dumps([_listed(one, content) for one, content in sorted(files.items())]).encode())
        return files is not None

    def _file(self, path: str) -> bool:
        name, found, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        if found and name in self.hub.moved:
            self._say(307, b"", {"Location": f"/{self.hub.moved[name]}/resolve/{rest}"})
            return True
        repository = self.hub.repositories.get(name)
        files = self._commit(name, revision)
        if not found or repository is None:
            return False
        if files is None or file not in files:
            self._say(404, b"{}", {"X-Error-Code": "RevisionNotFound" if files is None else "EntryNotFound"})
            return True
        content = files[file]
        about = {"X-Repo-Commit": repository.newest if revision == "main" else revision}
        if not file.endswith(LARGE):
            given = self.hub.forged.get(sha256(content), content)
            self._say(200, given, {**about, "ETag": f'"{blob_id(content)}"'})
            return True
        digest = sha256(content)
        elsewhere = f"{self.hub.url.replace('127.0.0.1', 'localhost')}/cdn/{name}/{digest}?Signature={SIGNATURE}"
        about |= {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content)), "Location": elsewhere}
        self._say(302, b"", about)
        return True

    def _large(self, path: str) -> bool:
        name, _, digest = path.removeprefix("/cdn/").rpartition("/")
        known = self.hub.repositories.get(name, Repository()).commits.values()
        held = [content for files in known for content in files.values() if sha256(content) == digest]
        if not path.startswith("/cdn/") or not held:
            return False
        content = self.hub.forged.get(digest, held[0])
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        whole = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if "Range" in self.headers else {}
        self._say(206 if whole else 200, content[start:], {"ETag": f'"{digest}"', "Accept-Ranges": "bytes", **whole})
        return True

    def _commit(self, name: str, revision: str) -> dict[str, bytes] | None:
        repository = self.hub.repositories.get(name, Repository())
        return repository.commits.get(repository.newest if revision == "main" else revision)

    def _say(self, status: int, content: bytes, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/octet-stream", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        is_large = "/cdn/" in self.path
        end = self.hub.breaks.pop(0) if is_large and self.hub.breaks else len(content)
        for at in range(0, end, CHUNK):
            if is_large:
                threading.Event().wait(self.hub.pause)  # not time.sleep, which tests take from the client
            self.wfile.write(content[at : min(at + CHUNK, end)])
        self.wfile.flush()
        if end < len(content):
            self.close_connection = True


def _listed(path: str, content: bytes) -> dict[str, object]:
    """Describe a file as the hub's listing does: git keeps of a large one only what points to it."""
    if not path.endswith(LARGE):
        return {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
    digest = sha256(content)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()
    large = {"oid": digest, "size": len(content), "pointerSize": len(pointer)}
    return {"type": "file", "path": path, "size": len(content), "oid": blob_id(pointer), "lfs": large}
