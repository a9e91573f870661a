"""Waves: runs of Dagster that materialize what is stale, one after the other until nothing is."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from imgsim_assets import stopping
from imgsim_assets.errors import (
    ArtefactError,
    GateError,
    ImgsimError,
    InputError,
    ModelError,
    SettingsError,
    UserError,
    WorldError,
)
from imgsim_assets.orchestration.interruption import ending_with_process, was_interrupted
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.sight import Sight, look
from imgsim_assets.orchestration.staleness import AssetStatus, ancestors, descendants
from imgsim_assets.progress import Headway
from imgsim_assets.resources.console import named
from imgsim_assets.resources.measuring import MLFLOW_SAYS, leave_tracking
from imgsim_assets.secrets import masked
from imgsim_assets.settings import Settings
from imgsim_assets.vision.folder import PhotoFolder
from imgsim_assets.world import in_one_line, world_fault

MATERIALIZE_JOB = "materialize"
SYNC_TAG = "imgsim/sync"
PERSON_CAN_MEND: frozenset[str] = frozenset(
    kind.__name__ for kind in (UserError, InputError, ModelError, SettingsError, WorldError)
)
OURS = PERSON_CAN_MEND | {ArtefactError.__name__, GateError.__name__, ImgsimError.__name__}

Announce = Callable[[str], None]


@dataclass
class Waves:
    """Runs of one graph, each asset at most once; what lies below a failure is left alone.

    Attributes:
        outcome: what was done so far.
        part: what the steps are called by, before their names.
        after: the steps that may follow, with the seconds that each took when it last did.
    """

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    settings: Settings
    folder: PhotoFolder
    tags: Mapping[str, str]
    steps: Headway
    announce: Announce
    part: str = ""
    after: Mapping[str, float | None] = field(default_factory=dict)
    outcome: SyncOutcome = field(default_factory=SyncOutcome)

    def look(self) -> Sight:
        """See what is stale now."""
        return look(self.definitions, self.instance, self.settings, self.folder, tried=self.outcome.materialized)

    def run(self, sight: Sight, wanted: Collection[str] = ()) -> Sight:
        """Run until nothing more is stale of the assets `wanted` and those above them; none named: of all.

        Returns:
            What is seen when all is done.

        Raises:
            DagsterExecutionInterruptedError: the process was asked to stop.
        """
        taken = ancestors(sight.graph, wanted) if wanted else set(sight.graph)
        while True:
            outcome = self.outcome
            left_out = {*outcome.failed, *descendants(sight.graph, outcome.failed), *outcome.materialized}
            wave = sight.wave({*left_out, *(sight.graph.keys() - taken)})
            if not wave:
                return sight
            self._announce([sight.statuses[key] for key in wave])
            later = [key for key in sight.unsettled if key not in {*left_out, *wave}]
            self.steps.expect(self.steps_of(sight, wave), {**self.steps_of(sight, later), **self.after})
            self._note(sight, wave, self._run_wave(wave))
            sight = self.look()

    def steps_of(self, sight: Sight, keys: Iterable[str]) -> dict[str, float | None]:
        """Give the steps that make these assets, and the seconds that each took when it last did; None: not known."""
        found: dict[str, float | None] = {}
        for key in keys:
            spent = sight.records[key].spent if key in sight.records else None
            step = self.part + named(sight.graph[key].step)
            found[step] = max((one for one in (spent and spent.wall, found.get(step)) if one is not None), default=None)
        return found

    def note_held(self, sight: Sight) -> None:
        """What an old failure of a blocking check still holds back has failed in this sync too."""
        for parent, reason in sight.held.items():
            waiting = {key for key in descendants(sight.graph, [parent]) if sight.statuses[key].state != "fresh"}
            first = {key for key in waiting if not waiting.intersection(sight.graph[key].parents)}
            held = [key for key in sight.graph if key in first and key not in self.outcome.failed]
            if held:
                self.outcome.failed += held
                self.outcome.reasons.append(f"{', '.join(held)}: held back: {reason}")

    def _announce(self, wave: Sequence[AssetStatus]) -> None:
        missing = [status.key for status in wave if status.state == "missing"]
        if missing:
            self.announce(f"{self.part}to make: {', '.join(missing)}")
        for status in wave:
            if status.state == "stale":
                self.announce(f"{self.part}stale: {status.key}, because {'; '.join(status.causes)}")

    def _run_wave(self, wave: Sequence[str]) -> dg.ExecuteInProcessResult:
        run_id = str(uuid.uuid4())
        with ending_with_process(self.instance, run_id, lambda: leave_tracking(self.settings)):
            return self.definitions.resolve_job_def(MATERIALIZE_JOB).execute_in_process(
                instance=self.instance,
                asset_selection=[dg.AssetKey.from_user_string(key) for key in wave],
                run_config={"loggers": {"console": {}}},
                tags=dict(self.tags),
                raise_on_error=False,
                run_id=run_id,
            )

    def _note(self, sight: Sight, wave: Sequence[str], result: dg.ExecuteInProcessResult) -> None:
        # Dagster takes it for the failure of a step, and what does not lie below that step would go on.
        if stopping.was_asked() or was_interrupted(result):
            raise dg.DagsterExecutionInterruptedError
        self.outcome.note(_said_by_mlflow(result))
        made = result.get_asset_materialization_events()
        done = {event.asset_key.to_user_string() for event in made if event.asset_key}
        undone = [key for key in wave if key not in done]
        self.outcome.materialized += [key for key in wave if key in done]
        # What could not run because its parent did not is no failure of its own.
        self.outcome.failed += [key for key in undone if not set(sight.graph[key].parents).intersection(undone)]
        _note_reasons(result, self.outcome)


def _said_by_mlflow(result: dg.ExecuteInProcessResult) -> list[str]:
    made = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return [str(one.metadata[MLFLOW_SAYS].value) for one in made if MLFLOW_SAYS in one.metadata]


def _note_reasons(result: dg.ExecuteInProcessResult, outcome: SyncOutcome) -> None:
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        cause = error.cause if error and error.cause else error
        if cause:
            words, person_can_mend = _words(cause.cls_name, cause.message)
            outcome.reasons.append(in_one_line(f"{event.step_key}: {words}"))
            outcome.person_can_mend |= person_can_mend


def _words(class_name: str | None, message: str) -> tuple[str, bool]:
    """Undo Dagster's "package.module.Class: what it says" for errors whose words are meant for a person."""
    _, _, words = message.strip().partition(": ")
    if class_name in OURS:
        return words, class_name in PERSON_CAN_MEND
    fault = world_fault(message.strip())
    return str(fault or masked(message.strip())), fault is not None
