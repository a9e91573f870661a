"""The provisional answer of a first sync: the same graph with the first backbone alone, published before the others.

It is worth its time where the others take long: by the rate of the first one, measured in this very sync.
"""

from collections.abc import Callable
from dataclasses import replace

import dagster as dg

from imgsim_assets.assets.keys import PUBLICATION, embedding_key
from imgsim_assets.orchestration.outcome import EarlyAnswer, SyncOutcome
from imgsim_assets.orchestration.sight import Sight
from imgsim_assets.orchestration.waves import Waves
from imgsim_assets.serving import layout
from imgsim_assets.serving.provisional import provisional_settings
from imgsim_assets.serving.publications import score_of
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK

PART = "first answer: "
LEAST_PHOTOS = 100  # fewer are learned from in seconds, whatever looks at them
LEAST_SECONDS = 10.0  # that the vectors of all backbones and views would take

Early = Callable[[Settings], dg.Definitions]  # builds the graph of settings


def answer_early(final: Waves, sight: Sight, build: Early) -> EarlyAnswer | None:
    """Publish what the first backbone says alone, in a first sync, where the final answer takes long.

    What it makes of photos and their vectors is not made again for the final answer.

    Args:
        final: the waves of the final answer, none of which was run.
        sight: what they see.
        build: gives the graph of the settings that answer early.

    Returns:
        What was published; None: nothing, it is not worth it, or it failed, which is said.

    Raises:
        DagsterExecutionInterruptedError: the process was asked to stop.
    """
    settings = final.settings
    link, wish = settings.places.state / LINK, settings.publication.early
    if wish == "off" or link.is_symlink() or PUBLICATION in sight.records:
        return None
    if wish == "auto" and len(final.folder.entries) < LEAST_PHOTOS:
        return None
    alone = provisional_settings(settings)
    waves = replace(
        final,
        definitions=build(alone),
        settings=alone,
        part=PART,
        after=final.steps_of(sight, sight.unsettled),
        outcome=SyncOutcome(),
    )
    final.steps.part = PART
    (first,) = alone.backbones
    seen = waves.run(waves.look(), [embedding_key(first)])
    if wish == "on" or _is_worth_it(seen, settings, embedding_key(first)):
        waves.run(seen, [PUBLICATION])
    final.steps.part = ""
    final.outcome.note(waves.outcome.notes)
    if waves.outcome.failed:
        final.announce(f"no first answer: {'; '.join(waves.outcome.reasons)}")
    if PUBLICATION not in waves.outcome.materialized:
        return None
    answer = EarlyAnswer(link.resolve(), final.steps.spent().wall)
    final.announce(
        f"first answer after {answer.seconds:.0f} s, by {first} alone: {link / layout.SUBMISSION}; {score_of(link)}; "
        "the final one takes its place"
    )
    return answer


def _is_worth_it(sight: Sight, settings: Settings, key: str) -> bool:
    """Say whether what the first backbone took for a view, taken for all backbones and views, would be long."""
    record = sight.records.get(key)
    if record is None or record.spent is None:
        return False
    return record.spent.wall * sum(len(one.views) for one in settings.backbones.values()) >= LEAST_SECONDS
