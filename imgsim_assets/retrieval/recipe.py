"""How photos are ranked, spelled out: what the ladder chose, and every later step follows."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from imgsim_assets.view_table import View

Evidence = Literal["likeness", "glrt", "logistic", "fused"]
Likeness = Literal["cosine", "centred", "whitened", "pair", "metric"]


class Recipe(BaseModel):
    """One way to rank.

    `views` are those that are joined, by backbone. `fine_tuned` names the backbones whose fine-tuned networks are asked
    for the class. `evidence` says what tells the class of a photo; `likeness`: none
    does, photos are compared one by one. `likeness` also orders the photos of one class, with `pair_weight`.
    The last three are taken when vectors are made or searched, and learn nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    views: dict[str, tuple[View, ...]]
    power: float = 1.0
    dimensions: int
    shrinkage: float | Literal["auto"]
    pair_weight: float
    evidence: Evidence = "likeness"
    likeness: Likeness = "cosine"
    fine_tuned: tuple[str, ...] = ()
    projection: bool = False
    pseudo_labels: bool = False
    augmentation: bool = False
    expansion: bool = False
    reciprocal: bool = False

    @property
    def fits_logistic(self) -> bool:
        """Whether logistic regression takes part."""
        return self.evidence in {"logistic", "fused"}

    @property
    def learns(self) -> bool:
        """Whether anything depends on classes; else photos are compared as they are."""
        return self.evidence != "likeness" or self.likeness in {"pair", "metric"}

    def with_(self, **changes: object) -> "Recipe":
        """Give a recipe that differs in `changes`."""
        return self.model_copy(update=changes)

    def learned_part(self) -> "Recipe":
        """Give the recipe without the steps that learn nothing: where two agree in it, their heads are equal."""
        return self.with_(augmentation=False, expansion=False, reciprocal=False)

    def described_part(self) -> "Recipe":
        """Give plain cosine of the same descriptors: where two recipes agree in it, their coordinates are equal."""
        return Recipe(views=self.views, power=self.power, dimensions=self.dimensions, shrinkage="auto", pair_weight=0.0)
