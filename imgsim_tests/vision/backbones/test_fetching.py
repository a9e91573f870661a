"""What a hub can do to those who ask it, through its own client: each answer ends in a model or in one sentence."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from imgsim_assets.errors import ModelError, WorldError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones import hub_client
from imgsim_assets.vision.backbones.hub import fetch_folder
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_tests.hub_server import SIGNATURE, Hub, blob_id, sha256
from imgsim_tests.vision.backbones import model_files

ONLINE = Runtime(device="cpu", threads=1, offline=False)
FILES = ("config.json",)
CARD = b"---\nlicense: mit\n---\n# A model\n"


@pytest.fixture(scope="session")
def clip_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = model_files.save_clip(tmp_path_factory.mktemp("clip"))
    return {path.name: path.read_bytes() for path in folder.iterdir()} | {
        "README.md": CARD,
        "pytorch_model.bin": b"a pickle",
        "open_clip_model.safetensors": b"both towers",
        "vocab.json": b"{}",
    }


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited before it tried again; it does not."""
    naps: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", naps.append)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", naps.append)
    return naps


def fetch(commit: str, repository: str = "some/clip") -> Path:
    return fetch_folder(repository, FILES, Backbone(uri=f"hf:{repository}", revision=commit), ONLINE, None)


def test_a_model_is_fetched_and_only_what_is_needed_of_it(hub: Hub, clip_files):
    commit = hub.push("some/clip", clip_files)
    assert load_backbone(Backbone(uri="hf:some/clip", revision=commit), ONLINE, None).dimension == 24
    given = {path.rpartition("/")[2] for path in hub.paths() if "/resolve/" in path}
    assert given == {"config.json", "preprocessor_config.json", "README.md"}
    assert [path for path in hub.paths() if "/cdn/" in path] == [
        f"/cdn/some/clip/{sha256(clip_files['model.safetensors'])}"
    ]


def test_what_is_here_is_not_asked_for_again(hub: Hub, clip_files):
    commit = hub.push("some/clip", clip_files)
    folder = fetch(commit)
    hub.asked.clear()
    assert fetch(commit) == folder
    assert hub.asked == []


def test_the_right_weights_are_chosen():
    def chosen(*listed: str) -> list[str]:
        return hub_client.choose_files("some/clip", "c", dict.fromkeys(listed), FILES)

    both = "open_clip_model.safetensors"
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"]
    assert chosen("config.json", "model.safetensors", both, *shards, "x.bin") == ["config.json", "model.safetensors"]
    assert chosen("config.json", both, "x.bin") == ["config.json", both]
    assert chosen("config.json", both, *shards) == ["config.json", *shards]
    with pytest.raises(ModelError, match="no weights there"):
        chosen("config.json")


@pytest.mark.parametrize("breaks", [[5000], [5000, 0, 7000, 100]])
def test_a_transfer_that_breaks_off_is_resumed(breaks, hub: Hub, clip_files, naps, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)  # what is kept of a transfer
    commit = hub.push("some/clip", clip_files)
    hub.breaks = list(breaks)
    assert (fetch(commit) / "model.safetensors").read_bytes() == clip_files["model.safetensors"]
    starts = [request.headers.get("Range") for request in hub.asked if "/cdn/" in request.path]
    got = [0]
    for length in breaks:
        got.append(got[-1] + length)
    assert starts == [f"bytes={at}-" if at else None for at in got]


def test_a_transfer_that_always_breaks_off_is_one_sentence_and_leaves_nothing(
    hub: Hub, hub_cache, clip_files, naps, caplog
):
    commit = hub.push("some/clip", clip_files)
    hub.breaks = [0] * 100
    with pytest.raises(ModelError, match=r"some/clip at commit .* the hub does not give it"):
        fetch(commit)
    said = [line for line in caplog.messages if "Error while downloading" in line]
    assert len(said) == len(naps) + 1
    assert not [line for line in said if SIGNATURE in line or "/cdn/" not in line or "\n" in line]
    assert not list(hub_cache.rglob("model.safetensors"))
    hub.breaks.clear()
    assert (fetch(commit) / "model.safetensors").is_file()


def test_a_gated_model_says_how_to_log_in_and_shows_no_token(hub: Hub, clip_files, monkeypatch, capfd):
    commit = hub.push("some/clip", clip_files)
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnopqrstuvwxyz")
    for status in (401, 403):
        hub.faults.clear()
        hub.fail(status, "/some/clip/", X_Error_Code="GatedRepo", X_Error_Message="hf_abcdefghijklmnopqrstuvwxyz")
        for ask in (lambda: fetch(commit), lambda: hub_client.newest_commit("some/clip")):
            with pytest.raises(ModelError, match="accepted its licence") as caught:
                ask()
            assert f"{hub.url}/some/clip" in caught.value.mend
            assert "hf auth login" in caught.value.mend
            assert "HF_TOKEN" in caught.value.mend
            assert "abcdefgh" not in str(caught.value)
    assert "abcdefgh" not in "".join(capfd.readouterr())
    hub.faults.clear()
    fetch(commit)
    sent = {("/cdn/" in one.path, one.headers.get("authorization", "")[:9]) for one in hub.asked if one.path != "/"}
    assert (False, "Bearer hf") in sent
    assert (True, "") in sent  # another host is shown no token
    assert (True, "Bearer hf") not in sent


def test_a_name_that_is_not_there_is_said_to_be(hub: Hub, clip_files):
    for ask in (lambda: fetch("0" * 40, "some/other"), lambda: hub_client.newest_commit("some/other")):
        with pytest.raises(ModelError, match="no repository of that name") as caught:
            ask()
        assert "renamed or removed" in caught.value.mend
    hub.push("some/clip", clip_files)
    with pytest.raises(ModelError, match="the hub does not give it"):
        fetch("0" * 40)


@pytest.mark.parametrize("name", ["some/cl ip", "some/clip/", "some/clip@main", "ö/ü"])
def test_what_is_no_name_is_said_to_be_written_otherwise(name, hub: Hub):
    with pytest.raises(ModelError, match="to mend: write the name as its page has it"):
        hub_client.newest_commit(name)


@pytest.mark.parametrize(
    ("number", "said", "expected"),
    [(28, "No space left on device", "room on the disk"), (20, "Not a directory", "a folder there")],
)
def test_what_this_machine_refuses_is_not_the_hubs_fault(number, said, expected, hub: Hub, clip_files, monkeypatch):
    commit = hub.push("some/clip", clip_files)

    def full(*_: object, **__: object) -> None:
        raise OSError(number, said)

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(WorldError, match=f"expected {expected}"):
        fetch(commit)


def test_a_renamed_model_that_the_hub_leads_to_is_found(hub: Hub, clip_files):
    commit = hub.push("some/clip", clip_files)
    hub.moved["old/clip"] = "some/clip"
    assert hub_client.newest_commit("old/clip") == commit


@pytest.mark.parametrize(("status", "said"), [(429, "too many requests"), (500, "out of order"), (503, "out of order")])
@pytest.mark.parametrize("where", ["/tree/", "/resolve/"])
def test_what_may_pass_is_tried_again_then_said_once(status, said, where, hub: Hub, clip_files, naps):
    commit = hub.push("some/clip", clip_files)
    hub.fail(status, where, times=5)
    assert (fetch(commit) / "model.safetensors").is_file()
    assert naps

    later = hub.push("some/clip", {**clip_files, "config.json": clip_files["config.json"] + b"\n"})
    hub.fail(status, where)
    with pytest.raises(ModelError, match=f"the hub does not give it: {said}.* {status}|{said}.*{status}") as caught:
        fetch(later)
    assert "Traceback" not in str(caught.value)
    if where == "/resolve/":
        with pytest.raises(ModelError, match=said):
            hub_client.newest_commit("some/clip")


def test_only_pickles_are_refused_before_anything_is_fetched(hub: Hub, clip_files):
    only = {name: content for name, content in clip_files.items() if not name.endswith(".safetensors")}
    commit = hub.push("some/clip", only)
    with pytest.raises(ModelError, match=r"only pytorch_model.bin: such files are pickles"):
        fetch(commit)
    assert not [path for path in hub.paths() if "/resolve/" in path]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_other_bytes_than_the_digest_are_refused_by_name(name, hub: Hub, hub_cache, clip_files):
    commit = hub.push("some/clip", clip_files)
    content = clip_files[name]
    other = content[:-1] + bytes([content[-1] ^ 1])
    hub.forged[sha256(content)] = other
    with pytest.raises(ModelError, match=f"{name} of some/clip at commit {commit} with the digest") as caught:
        fetch(commit)
    assert (sha256 if name.endswith(".safetensors") else blob_id)(other) in caught.value.found
    assert not list(hub_cache.glob(f"**/snapshots/*/{name}"))
    hub.forged.clear()
    assert (fetch(commit) / name).read_bytes() == content


def test_a_slow_hub_is_waited_for_and_the_wait_is_shown(hub: Hub, clip_files, monkeypatch, capfd):
    monkeypatch.setattr(hub_client, "LINE_EVERY_SECONDS", 0.1)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)
    commit = hub.push("some/clip", clip_files)
    hub.pause = 0.05
    fetch(commit)
    lines = [line for line in capfd.readouterr().err.splitlines() if "fetching some/clip" in line]
    assert len(lines) >= 2
    assert all("left" in line for line in lines)


def test_a_hub_that_falls_silent_is_one_sentence(hub: Hub, clip_files, monkeypatch, naps):
    commit = hub.push("some/clip", clip_files)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.05)
    hub.pause = 0.5
    with pytest.raises(ModelError, match="the hub does not give it"):
        fetch(commit)


APART = """
import sys
from imgsim_assets.errors import ImgsimError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.hub import fetch_folder

backbone = Backbone(uri="hf:some/clip", revision=sys.argv[1])
print(fetch_folder("some/clip", ("config.json",), backbone, Runtime(), None))
"""


def start(hub_url: str, cache: Path, commit: str, **variables: str) -> "subprocess.Popen[str]":
    without = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment = {**without, "HF_ENDPOINT": hub_url, "HF_HUB_CACHE": str(cache), **variables}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", APART, commit], env=environment, text=True, **pipes)


def test_two_processes_that_fetch_at_once_both_have_it(hub: Hub, clip_files, tmp_path):
    commit = hub.push("some/clip", clip_files)
    hub.pause = 0.05
    both = [start(hub.url, tmp_path / "cache", commit) for _ in range(2)]
    ended = [(*process.communicate(), process.returncode) for process in both]
    assert [status for _, _, status in ended] == [0, 0], ended
    assert ended[0][0] == ended[1][0]
    held = Path(ended[0][0].strip()) / "model.safetensors"
    assert held.read_bytes() == clip_files["model.safetensors"]


def test_the_variables_that_name_a_proxy_are_honoured(hub: Hub, clip_files, tmp_path):
    commit = hub.push("some/clip", clip_files)
    variables = {"HTTP_PROXY": hub.url, "http_proxy": hub.url, "NO_PROXY": "localhost", "no_proxy": "localhost"}
    process = start("http://hub.invalid", tmp_path / "cache", commit, **variables)
    said = process.communicate()
    assert process.returncode == 0, said
    assert {request.host for request in hub.asked if "/cdn/" not in request.path} == {"hub.invalid"}


def test_threads_of_the_client_are_gone_afterwards(hub: Hub, clip_files):
    before = {thread.name for thread in threading.enumerate()}
    fetch(hub.push("some/clip", clip_files))
    assert not [one.name for one in threading.enumerate() if "ThreadPool" in one.name and one.name not in before]
