"""params.yaml: its sections, and how they must agree."""

import math
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from darkfield.classes import IGNORE, INSTANCES, SCENES, foreground
from darkfield.files import wrong_name
from darkfield.recipe import Augment, Model, Recipe, Train, ensemble
from darkfield.sections import (
    Data,
    Evaluate,
    Overlays,
    Pictures,
    Predict,
    Publish,
    Select,
    Split,
    Synthesize,
)
from darkfield.values import Colours, Kinds, Section, Size, problems

# Keys of train that no network of an ensemble has for itself.
OF_ALL = {"device", "ensemble", "precision", "processes", "teacher", "teaching", "threads"}
OF_ONE = (*Recipe._fields, "image_size")  # what a network's own recipe can contradict


class Params(Section):
    """params.yaml."""

    data: Data = Field(default_factory=Data)
    objects: Kinds = Field(
        {"erythrocyte": "blob", "spirochaete": "filament"},
        description="blob, filament, or component: connected pixels, as of any class not named.",
    )
    colours: Colours = Field(
        {}, description='"#rrggbb" of a class; those not named have colours of their own.'
    )
    synthesize: Synthesize = Field(default_factory=Synthesize)
    split: Split = Field(default_factory=Split)
    image_size: Literal["native"] | Size = Field(
        (128, 128),
        description="[height, width] that pictures are resized to, or native: see train.crop.",
    )
    model: Model = Field(default_factory=Model)
    train: Train = Field(default_factory=Train)
    augment: Augment = Field(default_factory=Augment)
    predict: Predict = Field(default_factory=Predict)
    evaluate: Evaluate = Field(default_factory=Evaluate)
    select: Select = Field(default_factory=Select)
    overlays: Overlays = Field(default_factory=Overlays)
    pictures: Pictures = Field(default_factory=Pictures)
    publish: Publish = Field(default_factory=Publish)

    @model_validator(mode="after")
    def agree(self) -> "Params":
        found = [*of_classes(self), *of_split(self), *of_training(self), *of_sizes(self)]
        if found := [*found, *of_ensemble(self)]:
            raise problems(found)
        return self


def of_classes(params: Params) -> Iterator[tuple[str, str]]:
    """What is wrong with the classes and with references to them, as (key, text) pairs."""
    classes = params.data.classes
    yield from (("data.classes", text) for text in unusable(classes))
    for value, name in params.data.mask_values.items():
        if name not in (*classes, IGNORE):
            yield (
                "data.mask_values",
                f"{value!r} is mapped to {name!r}, which data.classes does not have",
            )
    if sorted(classes.values()) != list(range(len(classes))):
        yield "data.classes", "must count 0, 1, 2, ..."
    if (background := params.data.background) not in (*classes, None):
        yield (
            "data.background",
            f"{background!r} is not in data.classes; name the class that is not looked for, or "
            "null if there is none",
        )
    by_number = INSTANCES in params.data.mask_values and "0" not in params.data.mask_values
    if by_number and (background is None or classes.get(background) != 0):
        yield "data.mask_values", "say which class 0 stands for, or ignore, beside instances"
    known = set(foreground(classes, background))
    for name in sorted(params.objects.keys() - known):
        why = "data.background, which has no objects" if name in classes else "not in data.classes"
        yield "objects", f"{name!r} is {why}; remove it"
    yield from (("colours", text) for text in alike(params.colours, classes, background))
    yield from of_weights(params)


def of_weights(params: Params) -> Iterator[tuple[str, str]]:
    """Whether each class has a weight."""
    classes, weights = params.data.classes, params.train.class_weights
    if isinstance(weights, tuple) and len(weights) != len(classes):
        yield "train.class_weights", f"{len(weights)} weights for {len(classes)} classes"


def unusable(names: dict[str, int]) -> Iterator[str]:
    """Why names of classes cannot be used; each is also the name of a file."""
    alike: dict[str, str] = {}
    for name in names:
        if reason := wrong_name(name):
            yield f"{name!r} {reason}"
        elif not name or name != name.strip():
            yield f"{name!r} is empty, or begins or ends with a space; rename it"
        elif name.casefold() == IGNORE:
            yield f"{name!r} is what data.mask_values calls pixels of no class; rename it"
        elif wrong := sorted(set("/{}<>") & set(name)):
            yield f"{name!r} has {' and '.join(wrong)} in it; rename it"
        other = alike.setdefault(unicodedata.normalize("NFC", name.casefold()), name)
        if other != name:
            yield (
                f"{other!r} and {name!r} differ only in case, or in how a letter is encoded, and "
                "to macOS are one file; rename one"
            )


def alike(
    colours: dict[str, str], classes: dict[str, int], background: str | None
) -> Iterator[str]:
    """Why colours of classes cannot be used."""
    seen = {"#000000": "black, what is not coloured"}
    for name, colour in colours.items():
        if name not in classes:
            yield f"{name!r} is not in data.classes; remove it"
        elif name == background:
            yield f"{name!r} is data.background, which is not coloured; remove it"
        elif colour in seen:
            yield f"{name!r} has the colour of {seen[colour]}; give it another"
        seen.setdefault(colour, repr(name))


def of_split(params: Params) -> Iterator[tuple[str, str]]:
    """Contradictions within split."""
    file, group_by = params.split.file, params.split.group_by
    made = {Path("data/split.csv"), Path("results/folds")}
    if file and made & {Path(file), *Path(file).parents}:
        yield "split.file", f"{file!r} is written by the chain; copy it, and name the copy"
    if not file and group_by and not re.compile(group_by).groups:
        yield (
            "split.group_by",
            f"{group_by!r} has no group ( ), so it is the name of a column, but split.file is "
            "null; set it to a CSV, or write a pattern such as ^(.*)_",
        )


def of_training(params: Params) -> Iterator[tuple[str, str]]:
    """Contradictions between split, training and selection."""
    split, train, epoch = params.split, params.train, params.select.epoch
    if not math.isclose(total := split.train + split.val + split.test, 1):
        yield "split", f"train, val and test add up to {total:g}, not 1"
    if split.val == 0 and epoch == "best":
        yield "select.epoch", "'best' needs a val split; set split.val, or give a number"
    if isinstance(epoch, int) and epoch > train.epochs:
        yield "select.epoch", f"{epoch} is beyond train.epochs: {train.epochs}"
    if train.processes > train.batch_size:
        yield "train.processes", f"{train.processes} cannot share batches of {train.batch_size}"
    if train.processes > 1 and train.compile:
        yield "train.compile", "works in one process alone; set train.processes: 1"
    if params.model.notebook_head and params.model.name != "segnet":
        yield "model.notebook_head", "only segnet has it"
    if params.predict.monte_carlo and not params.model.dropout:
        yield "predict.monte_carlo", "needs model.dropout; set it, or monte_carlo: 0"
    if train.scenes and not train.crop:
        yield "train.scenes", "scenes have sizes of their own; set train.crop, or scenes: 0"
    if train.scenes and set(params.data.classes) != set(SCENES):
        yield "train.scenes", f"scenes show {', '.join(SCENES)}, not your classes; set 0"
    if train.pretrained_weights and params.model.encoder_weights:
        yield "model.encoder_weights", "train.pretrained_weights replaces them; set null"


def of_sizes(params: Params) -> Iterator[tuple[str, str]]:
    """Wrong ranges; contradictions between image_size, crops, tiles and the model's input."""
    model, augment, crop = params.model, params.augment, params.train.crop
    for key, (low, high), names in (
        ("synthesize.size", params.synthesize.size, "[shortest, longest]"),
        ("synthesize.magnification", params.synthesize.magnification, "[smallest, largest]"),
        ("augment.scale", augment.scale, "[smallest, largest]"),
    ):
        if low > high:
            yield key, f"[{low:g}, {high:g}] is not {names}"
    seen = crop or params.image_size
    if seen == "native":
        yield "image_size", "native pictures differ in size; set train.crop"
        return
    whole = () if params.image_size == "native" else params.image_size
    sides = (*seen, *whole, *params.predict.tile)
    change = "change image_size, train.crop or predict.tile"
    if model.name == "segnet_vgg16" and min(sides) < 32:
        yield "model.name", f"{model.name} takes sides of 32 pixels or more; {change}"
    if not model.name.startswith("segnet"):
        if model.dropout:
            yield "model.dropout", "only segnet and segnet_vgg16 have it; set 0"
        if any(side % 32 for side in sides):
            yield "model.name", f"{model.name} takes sides that 32 divides; {change}"
        if (stages := len(model.decoder_channels)) != model.encoder_depth:
            yield (
                "model.decoder_channels",
                f"{stages} stages, but encoder_depth is {model.encoder_depth}",
            )
    if augment.turn and seen[0] != seen[1]:
        yield "augment.turn", "needs squares; change train.crop or image_size"
    if augment.blur_reach >= min(seen):
        yield (
            "augment.blur",
            f"{augment.blur:g} reaches {augment.blur_reach} pixels to each side, too far for "
            f"pictures of {seen[0]} x {seen[1]}; lower it, or enlarge train.crop or image_size",
        )
    if not crop and (augment.foreground or augment.scale != (1, 1)):
        yield "augment", "foreground and scale are of crops; set train.crop"


def of_ensemble(params: Params) -> Iterator[tuple[str, str]]:
    """What is wrong with the changes of train.ensemble, each with the number of its network."""
    own = Recipe(params.model, params.train, params.augment)
    for number, changes in enumerate(params.train.ensemble, start=1):
        alone = own._replace(train=params.train.model_copy(update={"ensemble": (changes,)}))
        try:
            (recipe,) = ensemble(alone)
        except ValidationError as error:
            found = [
                (".".join(map(str, problem["loc"])), problem["msg"]) for problem in error.errors()
            ]
        else:
            changed = params.model_copy(update=recipe._asdict())
            found = [*of_weights(changed), *of_training(changed), *of_sizes(changed)]
            found = [(key, text) for key, text in found if key.startswith(OF_ONE)]
            if recipe.train.pretrained_weights not in (None, params.train.pretrained_weights):
                found.append(
                    ("train.pretrained_weights", "is the same for all networks, or null for one")
                )
        found += [
            (f"train.{key}", "is the same for all networks; set it in train alone")
            for key in sorted(OF_ALL & changes.get("train", {}).keys())
        ]
        for key, text in found:
            yield "train.ensemble", f"network {number}: {key}: {text}"
