"""What the sensor has tried: an asset that fails is not tried again until something that it depends on changes."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from imgsim_assets.fingerprint import digest
from imgsim_assets.orchestration.staleness import UNOBSERVED, Node, Record

MOST_INTERRUPTED = 3

Ending = Literal["failed", "interrupted"]


class Attempt(BaseModel):
    """How often an asset was tried in one state of what it depends on, and came to nothing."""

    state: str
    interrupted: int = 0
    failed: bool = False

    @property
    def is_last(self) -> bool:
        """Whether trying again in the same state is useless: it failed, or its runs die again and again."""
        return self.failed or self.interrupted >= MOST_INTERRUPTED


class Attempts(BaseModel):
    """The sensor's memory between two looks; its cursor is this as JSON."""

    sync: str = ""
    run_key: str = ""
    requested: list[str] = []
    tried: dict[str, Attempt] = {}

    def given_up(self, states: Mapping[str, str]) -> set[str]:
        """Give the assets that came to nothing in the state that they are in now."""
        return {key for key, one in self.tried.items() if one.is_last and one.state == states[key]}

    def after(self, endings: Mapping[str, Ending], states: Mapping[str, str]) -> "Attempts":
        """Remember how what was requested last has ended, for the assets of `endings`, which are still not fresh.

        What is not in `states` is fresh, and forgotten.
        """
        tried = {key: one for key, one in self.tried.items() if key in states}
        for key, ending in endings.items():
            before = tried.get(key)
            count = before.interrupted if before and before.state == states[key] else 0
            tried[key] = Attempt(
                state=states[key], interrupted=count + (ending == "interrupted"), failed=ending == "failed"
            )
        return self.model_copy(update={"requested": [], "tried": tried})


def state_of(node: Node, records: Mapping[str, Record]) -> str:
    """Name all that an asset would be computed from now: its code, its settings and its parents' data."""
    parents = [records[parent].data_version if parent in records else UNOBSERVED for parent in node.parents]
    return digest([node.code_version or "", *parents])
