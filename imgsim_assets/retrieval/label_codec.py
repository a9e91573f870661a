"""Labels as numbers and back: a label's number is its place in the alphabet of all labels, and -1 is none."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imgsim_assets.retrieval.glrt import Ints

UNKNOWN = -1


@dataclass(frozen=True)
class LabelCodec:
    """The labels of some photos, `names` in the order of their numbers, which does not depend on the photos' order."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, *columns: Iterable[str | None]) -> "LabelCodec":
        """Number all labels of the columns; None is no label."""
        return cls(tuple(sorted({label for column in columns for label in column if label is not None})))

    def encode(self, labels: Iterable[str | None]) -> Ints:
        """Give the number of each label: int64 [n], -1 for None.

        Raises:
            KeyError: a label has no number.
        """
        return np.array([UNKNOWN if one is None else self._numbers[one] for one in labels], dtype=np.int64)

    def decode(self, numbers: Ints) -> list[str | None]:
        """Spell class numbers [n] out: a label, `cluster_0017` for a cluster without label, None for -1.

        Clusters without label are numbered after the labels.
        """
        return [None if number == UNKNOWN else self._name(number) for number in numbers.tolist()]

    def to_json(self) -> str:
        """Write the names as JSON text."""
        return json.dumps(self.names)

    @classmethod
    def from_json(cls, text: str | bytes) -> "LabelCodec":
        """Read what `to_json` wrote."""
        return cls(tuple(json.loads(text)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def _name(self, number: int) -> str:
        return self.names[number] if number < len(self.names) else self._nameless(number - len(self.names))

    def _nameless(self, cluster: int) -> str:
        name = f"cluster_{cluster:04d}"
        while name in self._numbers:
            name = f"_{name}"
        return name
