"""The training classes: how many of each family, their designs and their captions."""

from dataclasses import dataclass

import numpy as np

from imgsim_assets.vision.drawing.outline import Design
from imgsim_workshop.formulas import (
    Family,
    assembly,
    branch,
    contour,
    fractal,
    lattice,
    stroke,
)
from imgsim_workshop.solids import solid

FAMILIES: dict[str, tuple[Family, int]] = {
    "contour": (contour, 13),
    "assembly": (assembly, 30),
    "stroke": (stroke, 10),
    "branch": (branch, 6),
    "fractal": (fractal, 5),
    "lattice": (lattice, 11),
    "solid": (solid, 25),
}
SYLLABLES = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu", "za")


@dataclass(frozen=True)
class Kind:
    """One training class."""

    family: str
    number: int

    @property
    def design(self) -> Design:
        """The class's formula with its parameters; the same on every call."""
        order = list(FAMILIES).index(self.family)
        seeds = np.random.SeedSequence((77_003, order, self.number))
        return FAMILIES[self.family][0](np.random.Generator(np.random.PCG64(seeds)))

    @property
    def caption(self) -> tuple[str, ...]:
        """What is drawn, in words: the family and a name of two syllables and a rest."""
        size = len(SYLLABLES)
        first, second = SYLLABLES[self.number % size], SYLLABLES[self.number // size % size]
        return (self.family, f"{self.family}-{first}", f"-{second}", f"{self.family}:{self.number}")


def training_kinds(count: int) -> list[Kind]:
    """Share `count` classes out among the families, by their weights."""
    weights = np.array([weight for _, weight in FAMILIES.values()])
    ends = np.rint(np.cumsum(weights) * count / weights.sum()).astype(int)
    shares = np.diff(ends, prepend=0)
    return [Kind(name, k) for name, share in zip(FAMILIES, shares, strict=True) for k in range(int(share))]
