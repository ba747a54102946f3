"""The exported model is the model: any batch, any size, raw pictures, as its own card shows."""

import json
import os
import re
import subprocess
import zipfile

import numpy as np
import pytest
import torch
import toy
from conftest import LONG
from PIL import Image

from darkfield.files import UserError, read_json, write_json
from darkfield.network.build import build
from darkfield.network.predictor import Predictor
from darkfield.network.training import save_weights
from darkfield.publish import onnx as export
from darkfield.publish.onnx import (
    FILES,
    as_input,
    check,
    export_model,
    probabilities,
    signed,
    start,
    to_onnx,
)
from darkfield.recipe import Model
from darkfield.sections import Publish
from tools.ship import ship

onnx = pytest.importorskip("onnx", reason="no onnx: pip install 'darkfield[export]'")
for library in ("onnxruntime", "onnxscript", "bioimageio.spec"):
    pytest.importorskip(library, reason=f"no {library}: pip install 'darkfield[export]'")

SPEC = {
    "classes": {"spirochaete": 2, "background": 0, "erythrocyte": 1},  # as a tool may sort them
    "predict": {"tile": [64, 96], "overlap": 0.25, "tta": False},
    "precision": "bf16",
    "calibration": {"temperatures": [1.3, 0.8, 2.2], "images": 5},
    **toy.CHANNELS,
}
SMALL = {"encoder": "tu-resnet18", "encoder_depth": 4, "decoder_channels": [16, 8, 8, 8]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model folder: a SegNet that bf16 trained for an epoch, shipped in half precision."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "model").mkdir()
    model, _ = toy.run(toy.toy_dataset(), folder / "state", 1, precision="bf16")
    save_weights(model, folder / "model/model.safetensors")
    write_json(
        folder / "model/model.json", SPEC | {"model": {"name": "segnet"}, "image_size": [48, 56]}
    )
    (folder / "LICENSE").write_text("As you like.")
    facts = {"licence": "CC0-1.0", "data": "Scenes.", "authors": ["A. Author"]}
    ship(folder / "model", folder / "shipped", licence_file=folder / "LICENSE", **facts)
    return folder / "shipped"


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "export"
    export_model(trained, out)
    return out


def fresh(folder, name, image_size, **options):
    """A model folder: weights and batch statistics as they come."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    model = build(Model(name=name, **options), 3)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(layer.running_mean, std=0.1)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    save_weights(model, folder / "model.safetensors")
    spec = SPEC | {"model": {"name": name, **options}, "image_size": image_size}
    write_json(folder / "model.json", spec)
    return folder


def pictures(n, *size):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(n)]


def assert_same(session, predictor, batch):
    """Probabilities as of torch, which is given one picture at a time."""
    alike = predictor.varied(image_size=batch[0].shape[:2])
    if predictor.spec.image_size == "native":
        alike = predictor
    expected = [alike.probabilities(picture) for picture in batch]
    found = probabilities(session, as_input(batch))
    assert found.shape == np.shape(expected)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_three_files_and_nothing_else(exported):
    assert {path.name for path in exported.iterdir()} == set(FILES)
    assert (
        zipfile.ZipFile(exported / FILES[1]).read("model.onnx")
        == (exported / FILES[0]).read_bytes()
    )
    assert (
        zipfile.ZipFile(exported / FILES[1]).read("README.md") == (exported / FILES[2]).read_bytes()
    )


def test_any_batch_and_any_size_of_a_segnet(exported, trained):
    """Odd sizes too, whose pooling leaves a row or column over."""
    predictor = Predictor(trained, "cpu", "fp32")
    session = start((exported / FILES[0]).read_bytes())
    for n, size in ((1, (48, 56)), (3, (45, 61)), (2, (8, 9)), (1, (64, 33))):
        assert_same(session, predictor, pictures(n, *size))


# The encoder of presets/best.yaml pads as TensorFlow does.
@pytest.mark.parametrize(
    "encoder",
    [LONG("tu-resnet18"), LONG("tu-tf_efficientnet_lite0")],
)
def test_any_batch_and_any_size_of_a_unet(encoder, tmp_path):
    """Also those that its stages do not divide, as pictures and tiles of darkfield are."""
    options = SMALL | {"encoder": encoder}
    predictor = Predictor(fresh(tmp_path, "unet", "native", **options), "cpu", "fp32")
    session = start(to_onnx(predictor.network, predictor.spec))
    check(session, predictor)
    for n, size in ((1, (64, 96)), (3, (33, 47)), (2, (5, 70))):
        whole = predictor.spec.predict.model_copy(update={"tile": (128, 128)})
        assert_same(session, predictor.varied(predict=whole), pictures(n, *size))


def test_section_publish_says_what_model_json_does_not(trained):
    spec = Predictor(trained, "cpu", "fp32").spec
    said = Publish(authors=("B. Author",), licence="MIT")
    assert signed(spec, said) == spec
    bare = spec.model_copy(update={"authors": (), "licence": None})
    assert signed(bare, Publish()) == bare
    assert signed(bare, said) == spec.model_copy(
        update={"authors": ("B. Author",), "licence": "MIT"}
    )


def test_it_carries_what_its_user_has_to_know(exported):
    data = (exported / FILES[0]).read_bytes()
    model = onnx.load_from_string(data)
    facts = {p.key: json.loads(p.value) for p in model.metadata_props}
    assert list(facts["classes"].items()) == sorted(SPEC["classes"].items(), key=lambda c: c[1])
    assert facts["image_size"] == [48, 56]
    assert facts["licence"] == "CC0-1.0"
    assert "no medical device" in model.doc_string
    for tensor, channels in ((model.graph.input[0], 3), (model.graph.output[0], 3)):
        dims = tensor.type.tensor_type.shape.dim
        assert [d.dim_param or d.dim_value for d in dims] == ["batch", channels, "height", "width"]
    assert b".py" not in data


def test_the_example_of_the_card_runs(exported, trained, tmp_path, monkeypatch):
    (picture,) = pictures(1, 100, 80)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    (tmp_path / "model.onnx").write_bytes((exported / FILES[0]).read_bytes())
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", (exported / FILES[2]).read_text(), re.S)
    names = {}
    exec(example, names)
    labels = Predictor(trained, "cpu", "fp32").labels(np.asarray(names["picture"]))
    assert (names["classes"] == labels).mean() > 0.999


def test_what_onnxruntime_computes_otherwise_is_not_written(exported, tmp_path, monkeypatch):
    """As if the exporter had lost the weights on its way: those of another model came out."""
    monkeypatch.setattr(export, "to_onnx", lambda *_: (exported / FILES[0]).read_bytes())
    folder = fresh(tmp_path / "model", "segnet", [48, 56])
    (tmp_path / "out").mkdir()
    with pytest.raises(
        UserError, match=r"darkfield SegNet: in pictures of 48 x 56 .* nothing was written"
    ):
        export_model(folder, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_what_is_there_already_stays(exported, trained, tmp_path, monkeypatch):
    """A model folder may be its own destination; a failure leaves it as it was."""
    monkeypatch.setattr(export, "to_onnx", lambda *_: (exported / FILES[0]).read_bytes())
    monkeypatch.setattr(export, "card", lambda *_: 1 / 0)
    before = {p.name: p.read_bytes() for p in trained.iterdir()}
    with pytest.raises(ZeroDivisionError):
        export_model(trained, trained)
    assert {p.name: p.read_bytes() for p in trained.iterdir()} == before


def test_without_the_libraries_it_says_what_to_install(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(
        UserError, match=r"export needs onnxscript: pip install 'darkfield\[export\]'"
    ):
        export_model(trained, tmp_path)


def test_a_model_json_that_says_too_little(tmp_path):
    folder = fresh(tmp_path, "segnet", [48, 56])
    spec = read_json(folder / "model.json")
    write_json(folder / "model.json", {k: spec[k] for k in ("model", "classes", "mean")})
    with pytest.raises(UserError, match=r"not a model .*image_size: Field required"):
        export_model(folder, tmp_path / "out")


def test_a_file_is_no_folder(trained, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match=r"out: is a file; --out must name a folder"):
        export_model(trained, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "image_size", "options"),
    [
        ("segnet", "native", {"notebook_head": True}),
        ("segnet_vgg16", [64, 96], {}),
        ("unet", [64, 96], SMALL),
        ("unet", "native", {"encoder": "tu-tf_efficientnet_lite0"}),
        ("unetplusplus", "native", SMALL),
        ("manet", "native", SMALL),
    ],
)
def test_every_family(tmp_path, name, image_size, options):
    predictor = Predictor(fresh(tmp_path, name, image_size, **options), "cpu", "fp32")
    check(start(to_onnx(predictor.network, predictor.spec)), predictor)


@pytest.mark.long
def test_the_same_model_is_the_same_bytes(exported, trained, tmp_path):
    """By the command, and whatever the order of Python's sets."""
    command = ["darkfield", "export", "--model", trained, "--out", tmp_path]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / name) for name in FILES]
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes(), name
