"""The recipe of a network: the sections model, train and augment of params.yaml."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from darkfield.values import (
    Channels,
    Count,
    EncoderName,
    Flag,
    Flips,
    Maybe,
    ModelName,
    Number,
    Positive,
    Section,
    Seed,
    Size,
    Weight,
    Whole,
)

Changes = Annotated[
    tuple[dict[Literal["model", "train", "augment"], dict[str, Any]], ...],
    Field(title="a list of mappings like {model: {name: segnet}}"),
]


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
        None,
        description="NAME of models/NAME whose weights, and normalisation, to start from, or null: "
        "random ones.",
    )
    teacher: Maybe[ModelName] = Field(
        None,
        description="NAME of models/NAME, a model or a folder of several, whose mean prediction to "
        "learn from, too, or null.",
    )
    ensemble: Changes = Field(
        (),
        description="Networks to train first on the same pictures, whose mean prediction to learn "
        "from, too; for each, what it changes in model, train and augment.",
    )
    teaching: Number = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of the loss that is the difference from teacher and ensemble.",
    )
    scenes: Number = Field(
        0,
        ge=0,
        le=0.9,
        description="Share of synthetic scenes, as synthesize draws them, in the training.",
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

    @property
    def blur_reach(self) -> int:
        """How many pixels a blur reaches to each side: twice its largest sigma."""
        return round(2 * self.blur)


class Recipe(NamedTuple):
    """What network is trained, how, and on which changes of the pictures."""

    model: Model
    train: Train
    augment: Augment


def ensemble(own: Recipe) -> Iterator[Recipe]:
    """The recipes of the networks of train.ensemble: each is `own` but for what it changes.

    They have no teachers. Raises pydantic's ValidationError if a change is none of a recipe.
    """
    alone = {"teacher": None, "ensemble": ()}
    for changes in own.train.ensemble:
        yield Recipe(
            Model(**own.model.plain() | changes.get("model", {})),
            Train(**own.train.plain() | changes.get("train", {}) | alone),
            Augment(**own.augment.plain() | changes.get("augment", {})),
        )
