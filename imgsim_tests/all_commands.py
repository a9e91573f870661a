"""Run every command in one process, for a bad situation; `python -m imgsim_tests.all_commands FOLDER STATE` prints it.

Nothing a person does to a machine may end in a traceback: each command works, or says one line.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from imgsim_tests.workplace import Done, Workplace

COMMANDS = [
    ["home"],
    ["status"],
    ["versions"],
    ["compare"],
    ["search", "photos/test/test_00000.jpg"],
    ["rollback", "0"],
    ["models", "list"],
    ["models", "verify"],
    ["gc"],
    ["gc", "--yes"],
    ["sync"],
    ["bench", "ranking", "--budget", "0"],
    ["bench", "--help"],
]


def run_all(workplace: Workplace, state: Path, commands: Sequence[list[str]] = COMMANDS) -> dict[str, Done]:
    told = {}
    for words in commands:
        line = [str(workplace.folder / word) if word.startswith("photos/") else word for word in words]
        places = [] if "--help" in words else ["--config", str(workplace.config), "--state", str(state)]
        told[" ".join(words)] = workplace.run(*line, *places)
    return told


def require_lines(told: dict[str, Done], *, failing: bool | None = None) -> None:
    """Hold that each command said at most one line of what went wrong, and ended accordingly.

    `failing`: whether all but the helps must have failed; None: each may work or fail.
    """
    for command, done in told.items():
        text = f"{command}: status {done.status}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.out + done.err, text
        assert done.status in {0, 1, 2}, text
        lines = [one for one in done.err.splitlines() if re.search("expected .+; found .+; to mend: .+", one)]
        assert len(lines) == (done.status != 0), text
        if failing is not None and "--help" not in command:
            assert (done.status != 0) == failing, text


if __name__ == "__main__":
    folder, state, *chosen = sys.argv[1:]
    commands = [line for line in COMMANDS if not chosen or line[0] in chosen]
    told = run_all(Workplace(Path(folder)), Path(state), commands)
    json.dump({command: asdict(done) for command, done in told.items()}, sys.stdout)
