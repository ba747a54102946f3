"""The report's test images: which come first, and their pictures as data URIs."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from darkfield.data.images import resize_image, resize_mask
from darkfield.measure.metrics import class_mean, iou
from darkfield.report.overlays import errors, hatched
from darkfield.report.palette import CONFUSED, INVENTED, MISSED, class_colours, rgb

# Together they bound the report: 2 MB with 48 real pictures, 50 MB if they were noise.
IMAGES, SIDE = 48, 800  # pixels
ALPHA = 153  # of 255: as opaque as in the overlays


def score(matrices: np.ndarray) -> np.ndarray:
    """Mean IoU of each image (images,) over its classes, from matrices (images, C, C).

    Its classes are those in the truth or in the prediction: an invented one counts as 0.
    """
    return class_mean(iou(matrices))


def worst_first(matrices: np.ndarray) -> np.ndarray:
    """The indices of the images by rising score; equal ones keep their order."""
    return np.argsort(score(matrices), kind="stable")


def data_uri(picture: Image.Image, form: str, **options: Any) -> str:
    """A data URI that holds a picture."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"


def layer(index: np.ndarray, palette: Sequence[str]) -> str:
    """A PNG of the colour of each index (H, W), to lay over a photograph; index 0 is clear."""
    picture = Image.fromarray(index.astype(np.uint8))
    picture.putpalette(np.concatenate([rgb(c) for c in palette]).tobytes())
    return data_uri(picture, "png", transparency=bytes([0] + [ALPHA] * (len(palette) - 1)))


def pictures(
    image: np.ndarray, truth: np.ndarray, predicted: np.ndarray, classes: int
) -> dict[str, str]:
    """Data URIs of an image, uint8 (H, W, 3), and of truth, prediction and errors laid over it.

    `truth` and `predicted` are class indices (H, W). All four are shrunk to SIDE if they are
    larger: the image, a WebP, smoothly; the labels, PNGs, by nearest neighbour. Void is hatched.
    """
    shrink = min(1, SIDE / max(truth.shape))
    size = tuple(max(1, round(side * shrink)) for side in truth.shape)
    wrong = resize_mask(errors(truth, predicted).astype(np.uint8), size)
    drawn, colours = resize_mask(truth, size), class_colours(classes)
    return {
        "image": data_uri(Image.fromarray(resize_image(image, size)), "webp", quality=85),
        "truth": layer(*hatched(drawn, colours)),
        "prediction": layer(resize_mask(predicted, size), colours),
        "errors": layer(*hatched(wrong, ["#000000", MISSED, INVENTED, CONFUSED])),
    }
