"""What a stop does to a run of Dagster's: it ends with the process that works on it, and is no failure of a step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from imgsim_assets import stopping
from imgsim_assets.resources.console import is_interruption


def was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Say whether a step of a run ended because the process was asked to stop.

    Dagster takes it for that step's failure, and the run for one that ended.
    """
    return any(is_interruption(event) for event in result.all_events if event.is_step_failure)


@contextmanager
def ending_with_process(instance: dg.DagsterInstance, run_id: str, leave: Callable[[], None]) -> Iterator[None]:
    """Work on a run, which ends where the block is left by an error, or where the process has to be ended in it.

    In the second case `leave` is called after it.
    """
    with stopping.listening() as listener, stopping.handlers_kept():

        def last_deed() -> None:
            _end(instance, run_id)
            leave()

        listener.last_deed = last_deed
        try:
            yield
        except BaseException:
            _end(instance, run_id)
            raise
        finally:
            listener.last_deed = lambda: None


def _end(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_canceled(run, "imgsim was asked to stop")
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
