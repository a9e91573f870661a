"""What docs/security.md claims of the package as a whole; what it claims of single parts is held by their own tests."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from imgsim_tests.workplace import COMMAND, ROOT, clean_environment

PACKAGE = ROOT / "imgsim_assets"
SOURCES = sorted(PACKAGE.rglob("*.py"))
# Calls that run what a file says, by how they are written.
RUNS_FILES = {
    "eval", "exec", "pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load", "joblib.load", "dill.load",
    "yaml.load", "yaml.unsafe_load", "marshal.loads", "shelve.open", "runpy.run_path", "os.system", "os.popen",
    "torch.hub.load", "torch.jit.load",
}  # fmt: skip
# What our own processes have packed, and bytes whose SHA-256 is known, of which tensors only are read.
ALLOWED = {("vision/parcels.py", "pickle.loads"), ("vision/packaged.py", "torch.load")}
SWITCHES = ("allow_pickle", "trust_remote_code", "shell")


def calls(source: Path) -> list[tuple[str, ast.Call]]:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def offences(source: Path) -> list[str]:
    name = source.relative_to(PACKAGE).as_posix()
    found = calls(source)
    said = [call for call, _ in found if call in RUNS_FILES and (name, call) not in ALLOWED]
    for call, node in found:
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        said += [f"{call}({word})" for word in SWITCHES if words.get(word, "False") != "False"]
    return [f"{name}: {one}" for one in said]


def test_nothing_that_is_read_is_run() -> None:
    assert [one for source in SOURCES for one in offences(source)] == []


@pytest.mark.parametrize(
    "line", ["torch.load(path)", "pickle.loads(data)", "np.load(path, allow_pickle=True)", "run(line, shell=True)"]
)
def test_what_would_run_it_is_found(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("imgsim_tests.test_security.PACKAGE", tmp_path)
    source = tmp_path / "module.py"
    source.write_text(line, encoding="utf-8")
    assert offences(source)


def test_the_container_runs_as_nobody_of_importance_and_its_doors_are_on_loopback() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users[-1:] == ["imgsim"]
    assert any(re.fullmatch(r"RUN useradd .*--uid 1000 imgsim", line) for line in lines)
    compose = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
    ports = re.findall(r'ports: \["([^"]+)"\]', compose)
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "/photos:ro" in compose


@pytest.mark.slow
def test_the_instance_of_a_strangers_state_folder_is_not_believed(tmp_path: Path) -> None:
    state, trace = tmp_path / "state", tmp_path / "trace"
    state.mkdir()
    (tmp_path / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\n", encoding="utf-8")
    (state / "dagster.yaml").write_text("run_launcher:\n  module: evil\n  class: Evil\n", encoding="utf-8")
    environment = {**clean_environment(), "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    done = subprocess.run(
        [*COMMAND, "versions", "--state", str(state)], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    home = subprocess.run(
        [*COMMAND, "home", "--state", str(state)], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, home.returncode) == (0, 0), done.stderr + home.stderr
    assert "evil" not in (state / "dagster.yaml").read_text(encoding="utf-8")
    assert not trace.exists()
