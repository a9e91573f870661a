"""Torture: kills, damage, odd places and the zoo of broken files: a table of what held, status 1 where not all did.

python -m imgsim_tests.torture --size 200
"""

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from imgsim_tests.torture.ground import Ground, prepare
from imgsim_tests.torture.kills import try_kills
from imgsim_tests.torture.places import peak_megabytes, try_places
from imgsim_tests.torture.state_damage import choose_damages, try_damages
from imgsim_tests.torture.tally import Tally
from imgsim_tests.workplace import ROOT

SMALL = 7
ALL_DAMAGES_FROM = 50
ZOO = "imgsim_tests.torture.zoo"
PARTS = ("zoo", "kills", "damage", "places")


def torture(ground: Ground, tally: Tally, size: int, seed: int, parts: tuple[str, ...] = PARTS) -> Iterator[str]:
    """Try everything; says what was tried."""
    chance = random.Random(seed)
    if "places" in parts:  # first: the peak memory is then that of a sync over bad photos, or of the undisturbed ones
        yield from try_places(ground, tally)
        yield f"the largest process so far had {peak_megabytes():.0f} MB"
    if "kills" in parts:
        yield from try_kills(ground, tally, size, chance)
    if "damage" in parts:
        most = None if size >= ALL_DAMAGES_FROM else size
        yield from try_damages(ground, tally, choose_damages(ground, most, chance))
    if "zoo" in parts and importlib.util.find_spec(ZOO):
        line = [sys.executable, "-m", ZOO, "--size", str(size)]
        done = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        tally.note("the corruption zoo", [done.stdout[-300:]] if done.returncode else [])
        yield done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small", help="how many kills, and files of each kind in the zoo [small]")
    parser.add_argument("--seed", type=int, default=0, help="of instants and choices [0]")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them [%(default)s]")
    chosen = parser.parse_args()
    size = SMALL if chosen.size == "small" else int(chosen.size)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="imgsim-torture-") as folder:
        for words in torture(prepare(Path(folder)), tally, size, chosen.seed, tuple(chosen.parts.split(","))):
            print(words, file=sys.stderr, flush=True)  # noqa: T201
    print(tally.table())  # noqa: T201
    print(f"\nThe largest process had {peak_megabytes():.0f} MB.")  # noqa: T201
    raise SystemExit(not tally.held)


if __name__ == "__main__":
    main()
