"""The sections of params.yaml: every knob with its default, what it may be, and what it means.

The check of params.yaml, the JSON schema for editors, and docs/settings.md are made from this.
"""

from typing import Literal

from pydantic import Field

from darkfield.values import (
    Authors,
    Channels,
    Classes,
    ClassName,
    Count,
    Day,
    Edge,
    EncoderName,
    Flag,
    Flips,
    GroupBy,
    Licence,
    MaskValues,
    Maybe,
    ModelName,
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
    Weight,
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


class Model(Section):
    """The network; encoder, its depth and decoder_channels are for unet, unetplusplus and manet."""

    name: Literal["segnet", "segnet_vgg16", "unet", "unetplusplus", "manet"] = Field(
        "segnet", description="segnet, segnet_vgg16, unet, unetplusplus or manet."
    )
    encoder: EncoderName = Field(
        "resnet18", description="Encoder, by its name in segmentation_models.pytorch."
    )
    encoder_weights: Maybe[Literal["imagenet"]] = Field(
        None,
        description="imagenet (tu-tf_efficientnet_lite0 to 2; VGG16's for segnet), or null: random "
        "ones.",
    )
    encoder_depth: Whole = Field(5, ge=3, le=5, description="Number of encoder stages.")
    decoder_channels: tuple[Channels, ...] = Field(
        (256, 128, 64, 32, 16), description="Channels of each decoder stage."
    )
    notebook_head: Flag = Field(
        False, description="Batch norm and ReLU on the logits of segnet, as in the notebook."
    )
    dropout: Number = Field(
        0, ge=0, lt=1, description="Dropout in the inner stages of segnet, as in Bayesian SegNet."
    )


class Train(Section):
    """The training."""

    pretrained_weights: Maybe[ModelName] = Field(
        None, description="NAME of models/NAME whose weights to start from, or null: random ones."
    )
    teacher: Maybe[ModelName] = Field(
        None,
        description="NAME of models/NAME, a model or a folder of several, whose mean prediction to "
        "learn from, too, or null.",
    )
    teaching: Number = Field(
        0.5, ge=0, le=1, description="Share of the loss that is the difference from the teacher."
    )
    epochs: Whole = Field(
        12, ge=1, le=9999, description="Number of epochs; each leaves a checkpoint."
    )
    batch_size: Whole = Field(8, ge=1, le=65_536, description="Pictures per step.")
    steps_per_epoch: Literal["all"] | Count = Field(
        "all", description="Steps in an epoch, or all: as many as the training pictures make."
    )
    crop: Maybe[Size] = Field(
        None, description="[height, width] of random windows, or null: whole pictures."
    )
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", description="adam, adamw, or sgd, with a momentum of 0.9."
    )
    learning_rate: Number = Field(0.001, gt=0, description="Learning rate at its highest.")
    class_weights: Maybe[Literal["counts", "median_frequency"] | tuple[Weight, ...]] = Field(
        (1, 1, 3),
        description="One per class; counts: 1 - its share of the pixels; median_frequency: as "
        "SegNet's authors; null: none.",
    )
    dice_weight: Number = Field(
        0, ge=0, description="Weight of the Dice loss beside cross entropy."
    )
    weight_decay: Number = Field(0, ge=0, description="Weight decay.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="Of the learning rate: constant, or cosine after a warm-up."
    )
    ema: Number = Field(
        0, ge=0, lt=1, description="Decay of the moving average of the weights; 0 for none."
    )
    shuffle: Flag = Field(True, description="A new order of the pictures in every epoch.")
    seed: Seed = Field(1, description="Seed of the weights, the order and the augmentation.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="fp32, bf16, or auto: bf16 where the hardware has it."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="cpu, cuda, or auto: CUDA where there is a GPU."
    )
    workers: Whole = Field(
        0, ge=0, le=1024, description="Processes that augment; with 0, a GPU does it itself."
    )
    compile: Flag = Field(
        False, description="torch.compile: minutes before the first step, then faster on a GPU."
    )
    threads: Whole = Field(
        2, ge=1, le=1024, description="CPU threads of torch; part of the result, unlike --cores."
    )
    processes: Whole = Field(
        1, ge=1, le=1024, description="Processes to share each batch, one per GPU."
    )


class Augment(Section):
    """Random changes to the training pictures."""

    scale: tuple[Positive, Positive] = Field(
        (1, 1), description="Smallest and largest zoom of a crop."
    )
    foreground: Number = Field(
        0,
        ge=0,
        le=1,
        description="Fraction of the crops that must contain a class other than background.",
    )
    flip: Flips = Field(
        False, description="Flip pictures: horizontal: left-right; true: top-bottom as well."
    )
    turn: Flag = Field(False, description="Turn pictures by right angles.")
    brightness: Number = Field(
        0, ge=0, description="Range of brightness, as in torchvision's ColorJitter."
    )
    contrast: Number = Field(
        0, ge=0, description="Range of contrast, as in torchvision's ColorJitter."
    )
    saturation: Number = Field(
        0, ge=0, description="Range of saturation, as in torchvision's ColorJitter."
    )
    hue: Number = Field(
        0, ge=0, le=0.5, description="Range of hue, as in torchvision's ColorJitter."
    )
    stray_light: Number = Field(
        0, ge=0, le=1, description="Strongest stray light, in a quarter of the pictures."
    )
    blur: Number = Field(
        0, ge=0, description="Largest sigma of a blur, in pixels, in half of the pictures."
    )
    noise: Number = Field(
        0, ge=0, description="Standard deviation of noise, 0-1, in half of the pictures."
    )


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
