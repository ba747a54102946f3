"""A package for the BioImage Model Zoo (https://bioimage.io): the model, described and testable.

It has format 0.5 of bioimageio.spec; its pictures are synthetic.
"""

import keyword
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageOps
from tifffile import imwrite

from darkfield.classes import class_names
from darkfield.files import UserError
from darkfield.network.spec import ModelSpec
from darkfield.publish.archive import EPOCH, write_zip
from darkfield.publish.card import NO_DEVICE, PAPERS, card, sizes, summary, title
from darkfield.report.overlays import paint
from darkfield.report.palette import class_colours, rgb
from darkfield.sections import Data
from darkfield.values import name_and_orcid

TAGS = ("semantic-segmentation", "2d", "pytorch")  # of any model; its classes say what is shown
UNNAMED = ["not named in model.json"]  # authors: the zoo requires one
COVER = 512  # height of the cover, twice as wide, pixels


def package(
    path: Path,
    onnx: bytes,
    opset: int,
    spec: ModelSpec,
    image: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    """Write the package, a zip, of a model in ONNX and its model.json.

    `probabilities` (1, C, H, W) is the model's output for the test `image` (1, 3, H, W), both
    float32. Raises UserError if the zoo's format does not accept what model.json says.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(onnx)
        (folder / "README.md").write_text(card(spec))
        np.save(folder / "test_input.npy", image)
        np.save(folder / "test_output.npy", probabilities)
        sample(folder / "sample_input.tif", image.astype(np.uint8))
        sample(folder / "sample_output.tif", probabilities)
        cover(image, probabilities, spec).save(folder / "cover.png")
        describe(folder, spec, opset)
        write_zip(path, {file.name: file for file in (folder / "package").iterdir()})


def identifiers(names: Sequence[str]) -> list[str]:
    """Names that the zoo accepts, Python identifiers; a changed name ends in its index."""
    return [
        name
        if name.isidentifier() and not keyword.iskeyword(name)
        else "_".join(["", *re.findall(r"\w+", name), str(i)])
        for i, name in enumerate(names)
    ]


def sample(path: Path, tensor: np.ndarray) -> None:
    """Write the one picture (1, C, H, W) of a tensor for people: in ImageJ, with its channels."""
    imwrite(path, tensor[0], imagej=True, photometric="minisblack", metadata={"axes": "CYX"})


def cover(image: np.ndarray, probabilities: np.ndarray, spec: ModelSpec) -> Image.Image:
    """The test image beside a copy with its classes painted on it, 2 : 1.

    The image shows cells. Of a model of other classes the cover shows their colours alone.
    """
    colours = [*class_colours(spec).values()]
    if spec.classes.keys() != Data().classes.keys():
        stripes = np.stack([[rgb(colour) for colour in colours]])
        return Image.fromarray(stripes).resize((2 * COVER, COVER), Image.Resampling.NEAREST)
    scene = image[0].transpose(1, 2, 0).astype(np.uint8)
    labels = probabilities[0].argmax(axis=0)
    panels = (scene, paint(scene, labels, colours, spec.background_index))
    sheet = Image.new("RGB", (2 * COVER, COVER))
    for k, panel in enumerate(panels):
        fitted = ImageOps.pad(Image.fromarray(panel), (COVER, COVER), Image.Resampling.NEAREST)
        sheet.paste(fitted, (k * COVER, 0))
    return sheet


def halo(spec: ModelSpec) -> int:
    """How many pixels to drop on each side of a tile: half the overlap of darkfield's tiles."""
    return round(min(spec.predict.tile) * spec.predict.overlap / 2)


def smallest(spec: ModelSpec) -> int:
    """The smallest side of native pictures that leaves a middle without the halo."""
    return 2 * halo(spec) + 32


def describe(folder: Path, spec: ModelSpec, opset: int) -> None:
    """Describe the files of a folder in its subfolder `package`, with copies of them."""
    from bioimageio.spec import save_bioimageio_package_as_folder
    from bioimageio.spec.model import v0_5 as zoo
    from pydantic import ValidationError

    native = spec.image_size == "native"

    def file(name: str) -> zoo.FileDescr:
        return zoo.FileDescr(source=folder / name)

    def height_or_width(k: int) -> zoo.SpaceInputAxis:
        size = zoo.ParameterizedSize(min=smallest(spec), step=1) if native else spec.image_size[k]
        return zoo.SpaceInputAxis(id="yx"[k], size=size, concatenable=native)

    def the_same(axis: str) -> zoo.SpaceOutputAxis | zoo.SpaceOutputAxisWithHalo:
        size = zoo.SizeReference(tensor_id="image", axis_id=axis)
        if native and halo(spec):
            return zoo.SpaceOutputAxisWithHalo(id=axis, size=size, halo=halo(spec))
        return zoo.SpaceOutputAxis(id=axis, size=size)

    image = {
        "id": "image",
        "description": "RGB, 0 to 255; the normalisation is inside the model",
        "axes": [
            zoo.BatchAxis(),
            zoo.ChannelAxis(channel_names=["red", "green", "blue"]),
            *map(height_or_width, range(2)),
        ],
        "data": zoo.IntervalOrRatioDataDescr(type="float32", range=(0, 255)),
        "test_tensor": file("test_input.npy"),
        "sample_tensor": file("sample_input.tif"),
    }
    probabilities = {
        "id": "probabilities",
        "description": "probability of each class; they add up to 1",
        "axes": [
            zoo.BatchAxis(),
            zoo.ChannelAxis(channel_names=identifiers(class_names(spec.classes))),
            *map(the_same, "yx"),
        ],
        "data": zoo.IntervalOrRatioDataDescr(type="float32", range=(0, 1)),
        "test_tensor": file("test_output.npy"),
        "sample_tensor": file("sample_output.tif"),
    }
    name, paper, doi = PAPERS[spec.model.name]
    onnx = zoo.OnnxWeightsDescr(source=folder / "model.onnx", opset_version=opset)
    try:
        model = zoo.ModelDescr(
            name=title(spec).replace("++", "PlusPlus"),
            description=f"{summary(spec)} {sizes(spec)} {NO_DEVICE}",
            authors=[
                zoo.Author(name=name, orcid=zoo.OrcidId(orcid)) if orcid else zoo.Author(name=name)
                for name, orcid in map(name_and_orcid, spec.authors or UNNAMED)
            ],
            cite=[zoo.CiteEntry(text=f"{paper}: {name}", doi=doi)],
            license=spec.licence,
            documentation=file("README.md"),
            covers=[file("cover.png")],
            tags=[*TAGS, *(spec.modality or "").split(), spec.model.name, *spec.looked_for],
            timestamp=datetime(*EPOCH, tzinfo=UTC),
            inputs=[zoo.InputTensorDescr(**image)],
            outputs=[zoo.OutputTensorDescr(**probabilities)],
            weights=zoo.WeightsDescr(onnx=onnx),
        )
    except ValidationError as error:
        lines = {f"{'.'.join(map(str, e['loc'][:1]))}: {e['msg']}" for e in error.errors()}
        raise UserError(
            *(f"model.json: the BioImage Model Zoo refuses {line}" for line in sorted(lines))
        ) from error
    save_bioimageio_package_as_folder(model, output_path=folder / "package")
