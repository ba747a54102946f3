"""What turns a model's output into chances that hold: a part of model.json."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Objects(BaseModel):
    """What the real objects of a class look like; see `confidence.chances` and `interval`."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    intercept: float
    slopes: Annotated[tuple[float, ...], Field(min_length=5, max_length=5)]  # of `explained`
    threshold: Share  # objects of at least this confidence are counted
    # 90 % of counts n are within spread * sqrt(n + 1); None if all this is an earlier model's.
    spread: Annotated[float, Field(ge=0)] | None


class Calibration(BaseModel):
    """See docs/confidence.md."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    temperatures: tuple[Positive, ...]  # by the index of a pixel's class: what divides its logits
    objects: dict[str, Objects] = {}  # of the classes that had enough objects
    images: int  # that it was fitted on
