"""The sections of params.yaml: every knob with its default, what it may be, and what it means.

The check of params.yaml, the JSON schema for editors, and docs/settings.md are made from this.
"""

from typing import Literal

from pydantic import Field

from darkfield.values import (
    Authors,
    Classes,
    ClassName,
    Count,
    Day,
    Edge,
    Flag,
    GroupBy,
    Licence,
    MaskValues,
    Maybe,
    Number,
    Place,
    Positive,
    Range,
    Section,
    Seed,
    Shown,
    Size,
    Suffix,
    Tta,
    Whole,
    Zoom,
)

CHANNELS = Field(
    None, description="Channels to show, one or [red, green, blue], or null: as the files say."
)
Z = Field(None, description="Plane of a stack, from 1, or null: the maximum of all.")
RANGE = Field(
    None,
    description="[low, high] values to show as black and white, or null: as the files say, else "
    "one for the folder.",
)
UM_PER_PIXEL = Field(
    None, description="Micrometres per pixel of pictures whose files do not say it, or null."
)


class Data(Section):
    """The pictures to learn from, and their masks."""

    root: Place = Field(
        "data/synthetic",
        description="Folder that holds images/ and masks/; data/synthetic is drawn by the chain.",
    )
    classes: Classes = Field(
        {"background": 0, "erythrocyte": 1, "spirochaete": 2},
        description="Class indices: 0, 1, 2, ...",
    )
    background: Maybe[ClassName] = Field(
        "background", description="Class that is not looked for, or null: every class is."
    )
    mask_values: MaskValues = Field(
        {"0": "background", "1": "erythrocyte", "2": "spirochaete"},
        description='Class of each value or "#rrggbb", or ignore; of all others: instances.',
    )
    mask_suffix: Maybe[Suffix] = Field(
        None,
        description="What masks have behind an image's name, such as _mask; null: find out.",
    )
    check_masks: Flag = Field(
        True, description="Refuse masks that look interpolated or have little background."
    )
    channels: Maybe[Shown] = CHANNELS
    z: Maybe[Count] = Z
    range: Maybe[Range] = RANGE
    um_per_pixel: Maybe[Positive] = UM_PER_PIXEL
    batches: Whole = Field(
        1,
        ge=1,
        le=10_000,
        description="Parts to process side by side, on several cores or a cluster.",
    )


class Synthesize(Section):
    """The synthetic scenes in data/synthetic."""

    images: Whole = Field(200, ge=1, le=1_000_000, description="Number of scenes.")
    size: tuple[Edge, Edge] = Field((96, 160), description="Shortest and longest side, in pixels.")
    magnification: tuple[Zoom, Zoom] = Field(
        (1, 1), description="Smallest and largest magnification."
    )
    stroke: Number = Field(
        1, gt=0, le=3, description="Width of a spirochaete in the mask, relative to its own."
    )
    confusers: Number = Field(
        0,
        ge=0,
        le=10,
        description="Platelets, fibrin, blurred cells and the like; 1: about as in real pictures.",
    )
    seed: Seed = Field(1, description="Seed of the scenes.")


class Split(Section):
    """How the pictures are divided among training, validation and test."""

    file: Maybe[Place] = Field(
        None,
        description="A split to take as it is: a CSV with columns image and split, or a folder "
        "with train.txt, val.txt and test.txt; or null.",
    )
    group_by: Maybe[GroupBy] = Field(
        None,
        description="What else groups pictures, such as films, patients or slides: a pattern with "
        "a group ( ) on their names, or a column of split.file; or null.",
    )
    strategy: Literal["grouped", "random"] = Field(
        "grouped",
        description="grouped: pictures of one field stay on one side; random: they leak.",
    )
    train: Number = Field(0.7, gt=0, le=1, description="Fraction to train on.")
    val: Number = Field(0.15, ge=0, lt=1, description="Fraction to choose the epoch by.")
    test: Number = Field(0.15, ge=0, lt=1, description="Fraction to measure on.")
    folds: Whole = Field(
        3, ge=2, le=100, description="Folds of the cross-validation, which runs on demand."
    )
    seed: Seed = Field(1, description="Seed of the split and of the folds.")


class Predict(Section):
    """How pictures go through the network; in tiles if image_size is native."""

    tile: Size = Field((768, 768), description="Largest height and width of a tile.")
    overlap: Number = Field(
        0.25, ge=0, le=0.9, description="Fraction of a tile that it shares with its neighbour."
    )
    tta: Tta = Field(
        False,
        description="Test-time augmentation: flip: left and right; true: all flips and turns.",
    )
    monte_carlo: Whole = Field(
        0,
        ge=0,
        le=1000,
        description="Passes with model.dropout to average, as in Bayesian SegNet; 0: one without.",
    )


class Evaluate(Section):
    """How the trained model is measured."""

    trained_on: Literal["refuse", "report"] = Field(
        "refuse",
        description="If test pictures were trained on: refuse to measure, or report it.",
    )


class Select(Section):
    """Which epoch becomes the model."""

    epoch: Literal["best"] | Count = Field(
        "best", description="Number of the epoch, or best: the highest mean IoU on val."
    )


class Overlays(Section):
    """Pictures with truth, prediction and errors drawn over them."""

    images: Whole = Field(
        12, ge=0, description="Largest number of pictures to draw, of train and of test each."
    )


class Pictures(Section):
    """New pictures, for `snakemake predict`."""

    folder: Maybe[Place] = Field(None, description="Folder of the pictures, or null.")
    model: Place = Field("results/model", description="A model folder, such as models/NAME.")
    channels: Maybe[Shown] = CHANNELS
    z: Maybe[Count] = Z
    every: Count = Field(
        1, description="Of films and other series in time, label every Nth picture only."
    )
    range: Maybe[Range] = RANGE
    um_per_pixel: Maybe[Positive] = UM_PER_PIXEL
    rescale: Flag = Field(
        False, description="Bring pictures to the size of a pixel that the model was trained on."
    )
    two_borders: Flag = Field(
        False,
        description="Do not count objects at the right or lower border, as in a haemocytometer.",
    )


class Publish(Section):
    """What only you know of a run, for `snakemake crate` and `snakemake export`."""

    authors: Authors = Field(
        (), description='Who made it, such as "Ada Author" or "Ada Author (0000-0002-1825-0097)".'
    )
    licence: Maybe[Licence] = Field(
        None, description="SPDX identifier for the model and the results, or null: not decided."
    )
    date: Maybe[Day] = Field(
        None, description='Day of publication, such as "2026-01-31", or null: not decided.'
    )
    pictures: Flag = Field(
        False,
        description="Put your pictures, and what shows them, into the crate; synthetic ones "
        "always are in it.",
    )
