"""A package is accepted by the BioImage Model Zoo's own test, without a network."""

import os
import subprocess
import zipfile

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tifffile import TiffFile

from darkfield.files import UserError
from darkfield.network.spec import ModelSpec
from darkfield.publish.bioimageio import COVER, cover, package, smallest
from darkfield.publish.onnx import OPSET, as_input, probabilities, scenes, start, to_onnx
from darkfield.report.palette import class_colours, rgb

for library in ("onnxruntime", "onnxscript", "bioimageio.core"):
    pytest.importorskip(library, reason=f"no {library}: pip install 'darkfield[export]'")

SPEC = {
    "model": {"name": "segnet"},
    "classes": {"spirochaete": 2, "background": 0, "erythrocyte": 1},  # as a tool may sort them
    "image_size": "native",
    "mean": [0.2, 0.2, 0.3],
    "std": [0.2, 0.2, 0.2],
    "predict": {"tile": [64, 128], "overlap": 0.25, "tta": False},
    "licence": "CC-BY-NC-4.0",
    "authors": ["A. Author (0000-0002-1825-0097)", "B. Author"],
}


def one_filter(image_size):
    """The smallest network there is, 3 x 3 pixels wide, for pictures of a size: ONNX and spec."""
    torch.manual_seed(0)
    spec = ModelSpec.model_validate(SPEC | {"image_size": image_size})
    return to_onnx(torch.nn.Conv2d(3, 3, 3, padding=1), spec), spec


def packed(path, onnx, spec):
    size = [smallest(spec)] * 2 if spec.image_size == "native" else spec.image_size
    image = as_input(scenes(size, 1))
    package(path, onnx, OPSET, spec, image, probabilities(start(onnx), image))
    return path


@pytest.fixture(scope="module")
def filter_of_native_pictures():
    return one_filter("native")


@pytest.fixture(scope="module")
def native(filter_of_native_pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "darkfield.bioimageio.zip"
    return packed(path, *filter_of_native_pictures)


def accepted(path, home):
    """The output of `bioimageio test`, which is to pass where no address can be reached."""
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    environment = os.environ | nowhere | {"BIOIMAGEIO_CACHE_PATH": str(home), "HOME": str(home)}
    done = subprocess.run(
        ["bioimageio", "test", path],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return " ".join(done.stdout.split())


def test_the_zoo_accepts_it(native, tmp_path):
    text = accepted(native, tmp_path)
    assert "status passed" in text
    assert "Reproduce test outputs from test inputs (onnx)" in text
    assert "batch_size: 2 and size parameter n: 2" in " ".join(text.split())


@pytest.mark.long
def test_the_zoo_accepts_a_model_of_resized_pictures(tmp_path):
    text = accepted(packed(tmp_path / "a.bioimageio.zip", *one_filter([40, 56])), tmp_path)
    assert "status passed" in text


def test_what_it_holds(native):
    with zipfile.ZipFile(native) as archive:
        assert set(archive.namelist()) == {
            *("rdf.yaml", "model.onnx", "README.md", "cover.png"),
            *("test_input.npy", "test_output.npy", "sample_input.tif", "sample_output.tif"),
        }
        described = yaml.safe_load(archive.read("rdf.yaml"))
        with archive.open("cover.png") as file:
            cover = Image.open(file).size
        arrays = {}
        for name in ("test_input.npy", "test_output.npy"):
            with archive.open(name) as file:
                arrays[name] = np.load(file)
        for name in ("sample_input.tif", "sample_output.tif"):
            with archive.open(name) as file, TiffFile(file) as tiff:
                assert (tiff.is_imagej, tiff.series[0].axes) == (True, "CYX")
                arrays[name] = tiff.asarray()
    assert cover[0] == 2 * cover[1]
    assert described["license"] == "CC-BY-NC-4.0"
    assert described["authors"] == [
        {"name": "A. Author", "orcid": "0000-0002-1825-0097"},
        {"name": "B. Author"},
    ]
    assert {"erythrocyte", "spirochaete"} <= set(described["tags"])
    assert not {"cells", "blood", "bacteria"} & set(described["tags"])
    (entering,), (leaving,) = described["inputs"], described["outputs"]
    assert entering["axes"][2]["size"] == {"min": 48, "step": 1}
    assert leaving["axes"][2]["halo"] == 8  # half of a quarter of 64
    assert leaving["axes"][1]["channel_names"] == ["background", "erythrocyte", "spirochaete"]
    assert arrays["test_input.npy"].shape == arrays["test_output.npy"].shape == (1, 3, 48, 48)
    assert arrays["test_input.npy"].max() > 1
    for name in ("input", "output"):
        np.testing.assert_array_equal(arrays[f"sample_{name}.tif"], arrays[f"test_{name}.npy"][0])


def test_of_all_that_the_zoo_recommends_only_the_maintainer_is_missing(native, tmp_path):
    """Whose name on GitHub only the uploader knows, and the zoo looks up."""
    from bioimageio.spec import load_description

    told = load_description(native, perform_io_checks=True).validation_summary
    warnings = [entry.msg for detail in told.details for entry in detail.warnings]
    assert told.status == "valid-format", told
    assert [text.split(" or ")[0] for text in warnings] == ["Missing `maintainers`"]


def test_a_model_of_other_things_shows_no_cells_on_its_cover():
    classes = {"sky": 0, "road": 1, "car": 2, "tree": 3}
    other = ModelSpec.model_validate(SPEC | {"classes": classes, "background": None})
    cells = as_input(scenes((48, 48), 1))
    (colours,) = {tuple(map(tuple, row)) for row in np.asarray(cover(cells, cells, other)).tolist()}
    stripes = [rgb(colour).tolist() for colour in class_colours(other).values()]
    assert [*map(list, colours)] == [stripe for stripe in stripes for _ in range(COVER // 2)]


def test_the_same_model_is_the_same_bytes(native, filter_of_native_pictures, tmp_path):
    again = packed(tmp_path / "again.zip", *filter_of_native_pictures)
    assert again.read_bytes() == native.read_bytes()


def test_what_the_zoo_refuses_is_reported(filter_of_native_pictures, tmp_path):
    onnx, spec = filter_of_native_pictures
    with pytest.raises(UserError, match=r"^model.json: the BioImage Model Zoo refuses license: "):
        packed(tmp_path / "a.zip", onnx, spec.model_copy(update={"licence": "do as you like"}))
