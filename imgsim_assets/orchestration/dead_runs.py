"""Runs whose process was killed: Dagster's records say for ever that they are at work."""

import time
from pathlib import Path

import dagster as dg

from imgsim_assets.storage.state_lock import died_holding, state_lock

STATE_TAG = "imgsim/state"
# A run is NOT_STARTED for the moment between its making and its queueing or start; what is QUEUED may wait for long.
AT_WORK = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
GRACE = 300.0  # seconds in which a run that has just been launched comes to its lock, on a busy machine too
TURN = 0.3  # seconds in which a run that waits for the lock takes it: six times what it sleeps


def end_dead_syncs(instance: dg.DagsterInstance, state: Path) -> None:
    """End the runs whose process died with the lock, and those of `imgsim sync` processes that were killed.

    They would hold their place in the pool for ever. Called under the lock of the state folder, so no other run or sync
    of it is alive.
    """
    held = died_holding(state)
    run = instance.get_run_by_id(held) if held else None
    if run is not None and not run.is_finished:
        _end(instance, run)
    for one in instance.get_runs(dg.RunsFilter(statuses=AT_WORK, tags={STATE_TAG: str(state.resolve())})):
        _end(instance, one)


def end_dead_runs(instance: dg.DagsterInstance, state: Path, jobs: tuple[str, ...]) -> None:
    """End the runs of `jobs` that are said to be at work although none holds the lock of the state folder.

    Every run holds it while it works, and takes it when it is free. Called without the lock.

    Raises:
        filelock.Timeout: somebody holds the lock.
    """
    suspects = [record for job in jobs for record in instance.get_run_records(dg.RunsFilter(None, job, AT_WORK))]
    if not suspects:
        return
    lock = state_lock(state)
    with lock.acquire(timeout=0):
        end_dead_syncs(instance, state)
    time.sleep(TURN)
    with lock.acquire(timeout=0):
        for record in suspects:
            run = instance.get_run_by_id(record.dagster_run.run_id)
            if run is not None and not run.is_finished and time.time() - record.create_timestamp.timestamp() > GRACE:
                _end(instance, run)


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    instance.report_run_failed(run, "the process of this run died")
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
