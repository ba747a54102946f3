"""What a model is good for, and what it is not: its model.json in words (Mitchell et al. 2019)."""

import re
from collections.abc import Sequence
from typing import Any

from darkfield.classes import by_class, class_names
from darkfield.network.spec import ModelSpec
from darkfield.sections import Predict

# By model.name: the network's name, and its publication.
PAPERS = {
    "segnet": ("SegNet", "Badrinarayanan et al. 2017", "10.1109/TPAMI.2016.2644615"),
    "segnet_vgg16": ("SegNet-VGG16", "Badrinarayanan et al. 2017", "10.1109/TPAMI.2016.2644615"),
    "unet": ("U-Net", "Ronneberger et al. 2015", "10.1007/978-3-319-24574-4_28"),
    "unetplusplus": ("UNet++", "Zhou et al. 2018", "10.1007/978-3-030-00889-5_1"),
    "manet": ("MA-Net", "Fan et al. 2020", "10.1109/ACCESS.2020.3025372"),
}
COLUMNS = {"iou": "IoU", "dice": "Dice", "precision": "precision", "recall": "recall"}
# Of model, what the other networks do not have.
OF_SEGNET = ("notebook_head", "dropout")
OF_SMP = ("encoder", "encoder_depth", "decoder_channels")
MACHINE = ("compile", "device", "threads", "workers")  # of train; not about the model
VIEWS: dict[str | bool, str] = {  # by predict.tta
    "flip": "mean over a picture and its mirror image",
    True: "mean over 8 flips and turns",
}
NO_DEVICE = (
    "This is no medical device. It has not been validated for clinical use; do not use it for "
    "diagnosis, for treatment, or for any decision about a person's health."
)


def card(spec: ModelSpec) -> str:
    """The model card, Markdown, of a model.json.

    These keys are optional; the card says if one is missing, or says less: `metrics`, `intervals`
    ([low, high] in place of each number of `metrics`), `cross_validation` (`test`, `interval_95`,
    likewise, and `interval_note`, a remark on the intervals), `caveats` of either (sentences),
    `trained_on`, `licence`, `data` (a sentence on the training pictures), `train`, `epoch`,
    `provenance`.
    """
    spec = spec.model_copy(
        update={"classes": {literal(name): c for name, c in spec.classes.items()}}
    )
    parts = {
        "Intended use": INTENDED,
        "How to use it": how(spec),
        "Data": data(spec),
        "Training": training(spec),
        "Validation": validation(spec),
        "Limits": limits(spec),
        "Licence": licence(spec),
    }
    head = f"# {title(spec)}\n\n{summary(spec)}\n\n**{NO_DEVICE}**\n"
    return head + "".join(f"\n## {heading}\n\n{part}\n" for heading, part in parts.items())


def title(spec: ModelSpec) -> str:
    """The name of the model that a model.json describes."""
    return f"darkfield {PAPERS[spec.model.name][0]}"


def summary(spec: ModelSpec) -> str:
    """One sentence: what the model does."""
    *classes, last = class_names(spec.classes)
    return (
        f"Labels every pixel of a {spec.modality + ' ' if spec.modality else ''}picture as "
        f"{', '.join(classes)} or {last}."
    )


def interface(spec: ModelSpec) -> str:
    """The input and the output of the exported model."""
    return (
        "`image`, float32 (batch, 3, height, width): RGB, 0 to 255; the normalisation is inside. "
        "`probabilities`, float32 (batch, class, height, width): of "
        f"{', '.join(class_names(spec.classes))}, adding up to 1; the class of a pixel is their "
        "argmax."
    )


def sizes(spec: ModelSpec) -> str:
    """The size that pictures must have for the exported model."""
    if spec.image_size == "native":
        (height, width), shared = spec.predict.tile, spec.predict.overlap
        return (
            "Give it pictures as they were taken, not resized, of any height and width; if "
            f"memory is short, in tiles of {height} x {width} pixels that overlap by {shared:.0%}, "
            "and keep the middle of each."
        )
    height, width = spec.image_size
    return (
        f"Resize each picture, whole, to {height} x {width} pixels (height x width; bilinear, "
        "anti-aliased), the size it was trained at, and the probabilities back to the picture's; "
        "never cut a picture into tiles."
    )


INTENDED = """\
Research and teaching: finding and measuring, in pictures like those it was trained on, with a \
person looking at the results; first drafts of masks that a person corrects.

Not for diagnosis, nor for pictures that were taken in another way, or of something else."""


def how(spec: ModelSpec) -> str:
    size = spec.image_size
    resized = "" if size == "native" else f".resize(({size[1]}, {size[0]}), Image.BILINEAR)"
    return f"""\
{interface(spec)}

{sizes(spec)}

```python
import numpy as np
import onnxruntime
from PIL import Image

picture = Image.open("picture.png").convert("RGB"){resized}
image = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1)[None]
session = onnxruntime.InferenceSession("model.onnx")
(probabilities,) = session.run(["probabilities"], {{"image": image}})
classes = probabilities[0].argmax(axis=0)
```"""


def data(spec: ModelSpec) -> str:
    about = spec.data or "model.json does not say which pictures the model was trained on."
    digests = {"data": "list of pictures and masks", "split": "split"}
    known = spec.provenance
    lines = [f"- SHA-256 of the {what}: `{known[k]}`" for k, what in digests.items() if k in known]
    if images := spec.trained_on:
        fields = len(set(images.values()))
        lines.insert(0, f"- Trained on {len(images)} different images of {fields} fields of view.")
    return "\n".join([about, "", *lines]).strip()


def training(spec: ModelSpec) -> str:
    name, paper, doi = PAPERS[spec.model.name]
    ours = spec.model.name.startswith("segnet")
    known = spec.plain()
    of_model = {k: v for k, v in known["model"].items() if k not in (OF_SMP if ours else OF_SEGNET)}
    of_train = {k: v for k, v in known.get("train", {}).items() if k not in MACHINE}
    rows = {"image_size": known["image_size"], **of_model, **of_train}
    rows |= {k: known[k] for k in ("precision", "augment", "epoch") if k in known}
    rows |= {k: v for k, v in spec.provenance.items() if k in ("versions", "hardware")}
    table = [f"| {key} | {shown(value)} |" for key, value in rows.items() if key != "name"]
    return "\n".join(
        [f"{name} ([{paper}](https://doi.org/{doi})).", "", "| | |", "| --- | --- |", *table]
    )


def literal(text: str) -> str:
    """Text that Markdown, also in a table, shows unchanged."""
    return re.sub(r"([\\`*_\[\]<>|#$~&])", r"\\\1", text)


def shown(value: Any) -> str:
    """A setting on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {shown(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return "null" if value is None else str(value)


def validation(spec: ModelSpec) -> str:
    metrics, intervals = spec.metrics or {}, spec.intervals or {}
    parts = [
        "Over all pixels, at the pictures' own resolution; in brackets 95 % intervals. To validate "
        "it on pictures of your own, draw the masks of some and compare, pixel by pixel."
    ]
    folds = spec.cross_validation
    if folds:
        parts.append(
            "**Cross-validation**: several models of the same recipe, each trained without the "
            "pictures that it is tested on."
        )
        parts += paragraphs(folds.get("caveats", []))
        parts.append(scores(folds["test"], folds.get("interval_95") or {}))
        parts += filter(None, [folds.get("interval_note")])
    parts += paragraphs(spec.caveats)
    unseen = spec.trained_on is not None and not spec.caveats
    kept = ", whose fields of view were not trained on" if unseen else ""
    for split, what in (("test", ""), ("val", "; the epoch was chosen on it")):
        if metrics.get(split):
            parts.append(f"**{split.capitalize()} split**{kept}{what}.")
            parts.append(scores(metrics[split], intervals.get(split) or {}))
    if not folds and not metrics.get("test"):
        parts.append("How good it is on new pictures has not been measured: no test split.")
    if spec.predict.tta or spec.predict.monte_carlo:
        parts.append(
            f"darkfield itself averages ({averages(spec.predict)}), which the exported model "
            "leaves to its user."
        )
    return "\n\n".join(parts)


def averages(predict: Predict) -> str:
    """What a prediction is the mean of, in words."""
    passes = f"mean over {predict.monte_carlo} passes with dropout" if predict.monte_carlo else ""
    return "; ".join(filter(None, [VIEWS.get(predict.tta), passes])) or "none"


def paragraphs(caveats: Sequence[str]) -> list[str]:
    """The caveats of some figures, as paragraphs."""
    return [f"**{line}.**" for line in caveats]


def scores(metrics: dict[str, Any], intervals: dict[str, Any]) -> str:
    """A Markdown table of one split: one row per class and one for the means, with [low, high]."""

    def cell(value: float | None, interval: list[float | None] | None) -> str:
        number = "" if value is None else f"{value:.3f}"
        if not interval or None in interval:
            return number
        return f"{number} [{interval[0]:.3f}, {interval[1]:.3f}]"

    rows = [["", *COLUMNS.values()], ["---"] * (1 + len(COLUMNS))]
    limits = by_class(intervals)
    for name, values in by_class(metrics).items():
        of_class = limits.get(name, {})
        rows.append([literal(name), *(cell(values.get(c), of_class.get(c)) for c in COLUMNS)])
    means = [cell(metrics.get(m), intervals.get(m)) for m in ("miou", "mdice")]
    rows.append(["mean", *means, "", ""])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def limits(spec: ModelSpec) -> str:
    calibrated = (
        "Its probabilities are calibrated on pictures like those that it was trained on; on others "
        "0.9 need not mean right nine times in ten."
        if spec.calibration and spec.calibration.images
        else "Its probabilities are not calibrated: 0.9 does not mean right nine times in ten."
    )
    told = (
        "pictures of quite another kind it marks, but not all that it does not know"
        if spec.familiarity
        else "with others it fails without saying so"
    )
    lines = [
        f"It knows the instrument, the scale and the preparation of its training pictures; {told}.",
        "It always answers: what none of its classes stands for gets a class too.",
        calibrated,
        f"It knows {', '.join(class_names(spec.classes))}, and nothing else.",
        "It classifies pixels, not objects: those that touch are one patch.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def licence(spec: ModelSpec) -> str:
    weights = (
        f"The weights: {spec.licence}."
        if spec.licence
        else "The weights: as the pictures they come from; model.json names no `licence`."
    )
    return f"{weights} The code of darkfield: MIT."
