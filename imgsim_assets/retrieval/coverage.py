"""What a score is not about: hidden labels of no class in train, and train photos without a label.

A spreadsheet makes 7 of 007, and no hidden label is of any class any more: what it may have been is told too.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

SHOWN = 3
NUMBER = re.compile(r"[+-]?\d+([.,]0*)?")
BETWEEN = re.compile(r"[\s_\-.]+")


def label_coverage(hidden: Sequence[str], train: Sequence[str | None]) -> dict[str, Any]:
    """Count what of the labels can be scored.

    Args:
        hidden: the hidden labels, one for each test photo that has one.
        train: the labels of the train photos, None for none.

    Returns:
        Counts by name, and `hidden_labels_unlike` the most frequent hidden labels that are of no class in train,
        each with the class that it may be, or None.
    """
    classes = {label for label in train if label is not None}
    alike = {_plain(label): label for label in sorted(classes, reverse=True)}
    strange = Counter(label for label in hidden if label not in classes)
    shown = sorted(strange, key=lambda label: (-strange[label], label))[:SHOWN]
    return {
        "hidden_labels": len(hidden),
        "hidden_labels_of_no_class": strange.total(),
        "hidden_labels_unlike": {label: alike.get(_plain(label)) for label in shown},
        "train_photos": len(train),
        "train_photos_without_label": sum(label is None for label in train),
    }


def coverage_in_words(metrics: dict[str, Any]) -> str:
    """Say what `label_coverage` counted, as far as it takes something from the score; else nothing."""
    said = ""
    strange, hidden = metrics.get("hidden_labels_of_no_class", 0), metrics.get("hidden_labels", 0)
    if strange:
        examples = [
            f"{label!r}" + (f" (perhaps {other!r})" if other else "")
            for label, other in metrics["hidden_labels_unlike"].items()
        ]
        count = f"all {hidden}" if strange == hidden else f"{strange} of {hidden}"
        said += f"; {count} hidden labels are of no class in train and not scored: {', '.join(examples)}"
    if without := metrics.get("train_photos_without_label", 0):
        said += f"; {without} of {metrics['train_photos']} train photos have no label and count neither for nor against"
    return said


def _plain(label: str) -> str:
    """Spell a label so that what programs and people change of labels makes no difference."""
    text = unicodedata.normalize("NFKC", label).casefold().strip()
    if NUMBER.fullmatch(text):
        return str(int(re.split("[.,]", text)[0]))
    return BETWEEN.sub(" ", text).strip()
