"""Kills at random instants: whatever was under way, the next sync ends as if nothing had happened."""

import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from imgsim_tests.torture.ground import Ground, command, grow, heals, kill, start, told_badly
from imgsim_tests.torture.tally import Tally
from imgsim_tests.workplace import COMMAND, Workplace

Case = Callable[[Ground, random.Random], tuple[Workplace, list[str]]]


def of_a_first_sync(ground: Ground, chance: random.Random) -> tuple[Workplace, list[str]]:
    workplace = ground.copy(ground.unsynced)
    _kill_after(workplace, chance.uniform(0.3, 14.0), "sync")
    return workplace, list(heals(workplace, ground.synced.submission()))


def of_a_first_sync_again_and_again(ground: Ground, chance: random.Random) -> tuple[Workplace, list[str]]:
    workplace = ground.copy(ground.unsynced)
    for _ in range(3):
        _kill_after(workplace, chance.uniform(0.3, 8.0), "sync")
    return workplace, list(heals(workplace, ground.synced.submission()))


def of_a_sync_of_more_photos(ground: Ground, chance: random.Random) -> tuple[Workplace, list[str]]:
    workplace = ground.copy(ground.synced)
    grow(workplace)
    _kill_after(workplace, chance.uniform(0.3, 9.0), "sync")
    return workplace, list(heals(workplace, ground.grown.submission()))


def of_a_publication(ground: Ground, chance: random.Random) -> tuple[Workplace, list[str]]:
    workplace = ground.copy(ground.synced)
    workplace.config.write_text(workplace.config.read_text().replace("queries = 3", "queries = 2"))
    process = start([*COMMAND, "sync", "--config", str(workplace.config)])
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("✓ retrieval_report"):
            break
    time.sleep(chance.uniform(0.0, 0.4))
    kill(process)
    process.communicate()
    return workplace, list(heals(workplace, ground.synced.submission()))


def of_the_removal_of_garbage(ground: Ground, chance: random.Random) -> tuple[Workplace, list[str]]:
    workplace = ground.copy(ground.grown)
    workplace.config.write_text(workplace.config.read_text() + "\n[canny]\nblur = 1.3\n")
    _kill_after(workplace, chance.uniform(1.0, 3.0), "gc", "--yes", "--keep", "0")
    workplace.config.write_bytes(ground.grown.config.read_bytes())
    return workplace, list(heals(workplace, ground.grown.submission()))


def of_a_rollback(ground: Ground, chance: random.Random) -> tuple[Workplace, list[str]]:
    """Killed, the one or the other publication is in force; the newest can be published again."""
    workplace = ground.copy(ground.grown)
    newest, oldest = workplace.published.readlink().name, _oldest(workplace)
    _kill_after(workplace, chance.uniform(0.5, 4.0), "rollback", oldest)
    problems = []
    if workplace.submission() not in (ground.grown.submission(), ground.synced.submission()):
        problems.append("neither publication is in force")
    problems += told_badly("rollback", command(workplace, "rollback", newest))
    return workplace, [*problems, *heals(workplace, ground.grown.submission())]


def of_a_run_of_dagsters(ground: Ground, chance: random.Random) -> tuple[Workplace, list[str]]:
    """What the daemon and the UI start: a process of Dagster's that materializes, without the command."""
    workplace = ground.copy(ground.synced)
    grow(workplace)
    home = command(workplace, "home").out.strip()
    line = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "*", "-m", "imgsim_assets.definitions"]
    process = start(line, {"DAGSTER_HOME": home, "IMGSIM_CONFIG": str(workplace.config)})
    time.sleep(chance.uniform(2.0, 16.0))
    kill(process)
    process.communicate()
    return workplace, list(heals(workplace, ground.grown.submission()))


CASES: dict[str, Case] = {
    "killed: a first sync": of_a_first_sync,
    "killed: a sync of more photos": of_a_sync_of_more_photos,
    "killed: a publication": of_a_publication,
    "killed: gc --yes": of_the_removal_of_garbage,
    "killed: a rollback": of_a_rollback,
    "killed: a run of Dagster's": of_a_run_of_dagsters,
    "killed: a first sync, three times": of_a_first_sync_again_and_again,
}


def try_kills(
    ground: Ground, tally: Tally, count: int, chance: random.Random, names: Sequence[str] = tuple(CASES)
) -> Iterator[str]:
    """Kill `count` times, the cases in turns; says what was tried."""
    for number in range(count):
        name = names[number % len(names)]
        workplace, problems = CASES[name](ground, chance)
        tally.note(name, problems)
        shutil.rmtree(workplace.folder, ignore_errors=True)
        yield f"{name}: {'; '.join(problems) or 'held'}"


def _kill_after(workplace: Workplace, seconds: float, *words: str) -> None:
    process = start([*COMMAND, *words, "--config", str(workplace.config)])
    time.sleep(seconds)
    kill(process)
    process.communicate()


def _oldest(workplace: Workplace) -> str:
    versions = [path for path in (workplace.state / "publications").iterdir() if not path.name.startswith(".")]
    return min(versions, key=lambda path: path.stat().st_mtime).name
