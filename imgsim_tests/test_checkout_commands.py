"""What a checkout has besides the product: its commands say in one line where they, or what they need, are absent."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from imgsim_assets.checkout_commands import PACKAGES
from imgsim_bench.extra import PEERS, with_peers
from imgsim_tests.workplace import ROOT, Done, clean_environment

# A module that is None cannot be imported, nor found.
WITHOUT = """
import sys
sys.modules |= dict.fromkeys(sys.argv.pop(1).split(","))
from imgsim_assets.cli import main
main()
"""


def run_without(packages: str, *arguments: str) -> Done:
    line = [sys.executable, "-c", WITHOUT, packages, *arguments]
    done = subprocess.run(line, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", PACKAGES)
def test_a_command_of_a_package_that_is_absent_says_where_it_is(command: str):
    done = run_without(PACKAGES[command], command, "--help")
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(f"imgsim: expected {PACKAGES[command]}, .*; found .*; to mend: .* checkout .*\n", done.err)


def test_help_names_the_commands_that_are_here():
    whole, product = (run_without(packages, "--help").out for packages in ("nothing", ",".join(PACKAGES.values())))
    assert [name for name in PACKAGES if re.search(f"^  {name} ", whole, re.MULTILINE)] == [*PACKAGES]
    assert [name for name in PACKAGES if re.search(f"^  {name} ", product, re.MULTILINE)] == []
    assert "  sync " in product


@pytest.mark.slow
def test_a_benchmark_without_its_peers_says_what_to_install(tmp_path: Path):
    places = ["--data", str(tmp_path), "--state", str(tmp_path / "state")]
    drawn = ["--drawn", "200x8", "--queries", "10", "--only", "hnswlib"]
    done = run_without("hnswlib", "bench", "indices", *drawn, *places)
    assert done.status == 2
    assert re.fullmatch(r"imgsim: expected hnswlib, .*; to mend: .*'\.\[bench\]'\n", done.err.splitlines(True)[-1])
    assert "Traceback" not in done.err


def test_what_is_absent_and_no_peer_is_a_fault():
    def command() -> None:
        raise ModuleNotFoundError("No module named 'numpi'", name="numpi")

    assert "numpi" not in PEERS
    with pytest.raises(ModuleNotFoundError):
        with_peers(command)()


@pytest.mark.slow
def test_the_ui_without_its_server_says_what_to_install():
    done = run_without("dagster_webserver", "ui", "--port", "1")
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(r"imgsim: expected dagster-webserver; .*; to mend: pip install 'imgsim\[ui\]'\n", done.err)
