"""model.json, read and written: what a model is, and everything known about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from darkfield.classes import class_names, foreground
from darkfield.data.axes import Asked
from darkfield.files import UserError, read_json, write_json
from darkfield.objects.calibration import Calibration
from darkfield.objects.kinds import UNSTATED, kinds_of
from darkfield.recipe import Augment, Model, Train
from darkfield.sections import Predict
from darkfield.values import Classes, Colours, Kind, Size, Weight

WEIGHTS, SPEC = "model.safetensors", "model.json"


class Familiarity(BaseModel):
    """Statistics of the pictures that a model knows; F features, K axes."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    mean: tuple[float, ...]  # (F,), of the features
    scale: tuple[float, ...]  # (F,), their deviations; positive
    axes: tuple[tuple[float, ...], ...]  # (K, F), orthonormal, of features of mean 0 and scale 1
    variances: tuple[float, ...]  # (K,), along the axes
    rest: float  # the variance in every other direction
    threshold: float | None = None  # the distance that 5 % of the pictures of this kind exceed


class Reading(BaseModel):
    """How the pictures that a model was trained on were read; see data.axes.Asked and data.depth.

    ranges: the limits, by dtype, of values whose files did not state them.
    um_per_pixel: the median of those training pictures of which it is known.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    channels: tuple[int | str, ...] = ()
    z: int | None = None
    limits: tuple[float, float] | None = None
    dtypes: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = {}
    um_per_pixel: float | None = None


class ModelSpec(BaseModel):
    """What model.json says; missing keys, except the first five, are unknown."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    model: Model
    classes: Classes
    background: str | None = "background"  # the class that is not looked for; None if every one is
    objects: dict[str, Kind] = UNSTATED  # of classes; see `kinds`
    colours: Colours = {}  # of some classes; see report.palette
    image_size: Literal["native"] | Size
    mean: tuple[Weight, Weight, Weight]  # of red, green and blue, 0-1
    std: tuple[Weight, Weight, Weight]
    predict: Predict = Predict()
    precision: str | None = None  # it was trained in
    train: Train | None = None
    augment: Augment | None = None
    epoch: int | None = None
    trained_on: dict[str, int] | None = None  # see data.trained_on
    provenance: dict[str, Any] = {}
    metrics: dict[str, Any] | None = None  # "test" and "val", as in scores.json
    intervals: dict[str, Any] | None = None  # [low, high] in place of each number of metrics
    reading: Reading = Reading()
    calibration: Calibration | None = None
    familiarity: Familiarity | None = None
    cross_validation: dict[str, Any] | None = None
    caveats: tuple[str, ...] = ()
    weights_sha256: str | None = None
    licence: str | None = None
    modality: str | None = None  # what took the pictures, such as "darkfield microscopy"
    data: str | None = None  # a sentence on the pictures it was trained on
    authors: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def of_other_versions(cls, raw: Any) -> Any:
        """Earlier versions wrote "none" for null; settings that only they had are dropped."""
        if not isinstance(raw, dict):
            return raw
        train, augment = set(Train.model_fields), set(Augment.model_fields)
        for name, known in (("model", None), ("train", train), ("augment", augment)):
            if isinstance(section := raw.get(name), dict):
                kept = {k: v for k, v in section.items() if known is None or k in known}
                now = {k: None if v == "none" else v for k, v in kept.items()}
                raw = raw | {name: now}
        return raw

    @model_validator(mode="after")
    def numbered(self) -> "ModelSpec":
        indices = sorted(self.classes.values())
        if indices != list(range(len(indices))):
            raise ValueError("classes must count 0, 1, 2, ...")
        named = {*self.colours, self.background} - {None}
        if unknown := sorted(map(str, named - self.classes.keys())):
            raise ValueError(f"classes lacks {', '.join(unknown)}, which other keys name")
        if self.calibration and len(self.calibration.temperatures) != len(indices):
            raise ValueError("calibration.temperatures must be one for each class")
        return self

    @property
    def kinds(self) -> dict[str, Kind]:
        """How the objects of each class but the background are told apart, by index."""
        return kinds_of(self.classes, self.background, self.objects)

    @property
    def background_index(self) -> int | None:
        """The index of the background in masks, if any class is."""
        return None if self.background is None else self.classes[self.background]

    @property
    def looked_for(self) -> list[str]:
        """The names of the classes except background, by index."""
        return foreground(self.classes, self.background)

    def calibration_of(self, kinds: dict[str, Kind]) -> Calibration | None:
        """Its calibration, without the classes whose objects `kinds` tells apart in another way."""
        if self.calibration is None:
            return None
        known = self.calibration.objects.items()
        alike = {name: of for name, of in known if self.kinds.get(name) == kinds.get(name)}
        return self.calibration.model_copy(update={"objects": alike})

    def plain(self) -> dict[str, Any]:
        """The known keys, as in JSON."""
        return self.model_dump(mode="json", exclude_unset=True)


def load_spec(path: Path) -> ModelSpec:
    """A model.json; raises UserError if it is not one."""
    with readable(path.parent):
        try:
            return ModelSpec.model_validate(read_json(path))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise ValueError(f"{path.name}: {key}: {first['msg']}") from error


def save_spec(path: Path | str, spec: ModelSpec) -> None:
    """Write a model.json, atomically."""
    write_json(path, spec.plain())


def read_spec(
    folder: Path, *, weights: Path | None = None, predict: Predict | None = None
) -> ModelSpec:
    """The model.json of a model folder, with `predict` as that section, if it is given.

    Raises UserError if the folder does not hold a model; `weights` may be elsewhere.
    """
    if missing := [f for f in (weights or folder / WEIGHTS, folder / SPEC) if not f.is_file()]:
        raise UserError(
            *(f"{path}: no such file; --model must name a model folder" for path in missing)
        )
    spec = load_spec(folder / SPEC)
    if predict:
        return spec.model_copy(update={"predict": predict})
    if "predict" not in spec.model_fields_set:
        raise UserError(f"{folder}: not a model that this version can read (no predict)")
    return spec


def reading(table: pd.DataFrame, asked: Asked) -> Reading:
    """How pictures were read: those of data/flattened_masks.csv merged with data/split.csv.

    `asked` is what section data of params.yaml says.
    """
    own = table.dropna(subset=["folder_low", "folder_high"])
    ranges = zip(own["dtype"], own["folder_low"], own["folder_high"], strict=True)
    um = table.loc[table["split"] == "train", "um_per_pixel"].median()
    return Reading(
        channels=asked.channels,
        z=asked.z,
        limits=asked.limits,
        dtypes=tuple(sorted(set(table["dtype"]))) if asked.limits else (),
        ranges={dtype: (low, high) for dtype, low, high in ranges},
        um_per_pixel=None if pd.isna(um) else float(um),
    )


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn a failure caused by a model.json into a UserError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: not a model that this version can read ({reason})") from error


def described(spec: ModelSpec) -> str:
    """One line about a model: network, classes, training images."""
    n = len(spec.trained_on or {})
    images = f"{n} image{'s' * (n > 1)}" if n else "images that it does not list"
    if spec.data:
        images += f" ({spec.data.partition('. ')[0]})"
    return f"{spec.model.name} for {', '.join(class_names(spec.classes))}; trained on {images}"
