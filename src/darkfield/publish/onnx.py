"""A trained model for other programs: ONNX, a package for the BioImage Model Zoo, a model card."""

import copy
import json
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from darkfield.data.dataset import normalise
from darkfield.data.synthetic import scene
from darkfield.files import UserError, atomic
from darkfield.network.predictor import Predictor, cooled
from darkfield.network.spec import ModelSpec
from darkfield.publish.bioimageio import package, smallest
from darkfield.publish.card import NO_DEVICE, card, interface, sizes, summary, title
from darkfield.sections import Predict, Publish

if TYPE_CHECKING:  # an extra
    from onnx import ModelProto
    from onnxruntime import InferenceSession

FILES = ("model.onnx", "darkfield.bioimageio.zip", "MODEL_CARD.md")
LIBRARIES = ("bioimageio", "onnx", "onnxruntime", "onnxscript")
FACTS = ("classes", "image_size", "predict", "licence")  # of model.json, that ONNX carries too
OPSET = 18  # of ONNX, what torch's exporter writes without converting it
UNSAID = Publish()
AGREEMENT = 0.9999  # least share of pixels to which torch and onnxruntime give the same class


def export_model(model: Path, out: Path, publish: Publish = UNSAID) -> None:
    """Write a model folder as OUT/model.onnx, OUT/darkfield.bioimageio.zip and OUT/MODEL_CARD.md.

    All three or none. `publish` names authors and licence where model.json does not. Raises
    UserError if libraries are missing, if the folder holds no model that can be exported, or if
    onnxruntime and torch disagree.
    """
    if missing := [name for name in LIBRARIES if not find_spec(name)]:
        raise UserError(f"export needs {', '.join(missing)}: pip install 'darkfield[export]'")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; --out must name a folder")
    predictor = Predictor(model, "cpu", "fp32")
    spec = signed(predictor.spec, publish)
    onnx = to_onnx(predictor.network, spec)
    session = start(onnx)
    check(session, predictor)
    side = smallest(spec)
    (picture,) = scenes((side, side) if spec.image_size == "native" else spec.image_size, 1)
    image = as_input([picture])
    # Nested, so that none is put in place before the last is written.
    with (
        atomic(out / FILES[0]) as model_part,
        atomic(out / FILES[1]) as package_part,
        atomic(out / FILES[2]) as card_part,
    ):
        model_part.write_bytes(onnx)
        package(package_part, onnx, OPSET, spec, image, probabilities(session, image))
        card_part.write_text(card(spec))


def signed(spec: ModelSpec, publish: Publish) -> ModelSpec:
    """A model.json with the authors and the licence of section publish, where it names none."""
    known = {"authors": publish.authors, "licence": publish.licence}
    new = {key: value for key, value in known.items() if value and not getattr(spec, key)}
    return spec.model_copy(update=new)


class Portable(nn.Module):
    """RGB pictures (B, 3, H, W), float32, 0 to 255, to probabilities (B, C, H, W).

    Padded as in `tiles.tiled`, by repeating the border, if the model was trained with such padding.
    """

    def __init__(self, model: nn.Module, spec: ModelSpec):
        super().__init__()
        self.model, self.mean, self.std = model, spec.mean, spec.std
        self.calibration = spec.calibration
        self.multiple = 32 if padded(spec) else 1
        if self.multiple > 1:
            self.model = fixed_padding(copy.deepcopy(model))

    def forward(self, image: Tensor) -> Tensor:
        h, w = image.shape[2:]
        x = normalise(image, self.mean, self.std)
        if self.multiple > 1:
            x = F.pad(x, (0, -w % self.multiple, 0, -h % self.multiple), mode="replicate")
        logits: Tensor = self.model(x)[:, :, :h, :w]
        if self.calibration:
            logits = cooled(logits, self.calibration.temperatures, dim=1)
        return logits.softmax(dim=1)


def fixed_padding(model: nn.Module) -> nn.Module:
    """The model with fixed padding in its convolutions, valid if strides divide all sides.

    TensorFlow's SAME padding, in timm's tf_... encoders, is computed from the input's size. torch's
    exporter cannot see that it is always the same and does not finish within ten minutes.
    """
    for name, layer in list(model.named_modules()):
        if type(layer).__name__ == "Conv2dSame":
            spans = zip(layer.kernel_size, layer.dilation, layer.stride, strict=True)
            rows, columns = (max(d * (k - 1) + 1 - s, 0) for k, d, s in spans)
            pad = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
            shape = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
            biased = layer.bias is not None
            plain = nn.Conv2d(*shape, 0, layer.dilation, layer.groups, bias=biased)
            plain.load_state_dict(layer.state_dict())
            model.set_submodule(name, nn.Sequential(nn.ZeroPad2d(pad), plain))
    return model


def padded(spec: ModelSpec) -> bool:
    """Whether sides are padded to multiples of 32: for all but a SegNet on resized pictures."""
    return spec.image_size == "native" or not spec.model.name.startswith("segnet")


def to_onnx(model: nn.Module, spec: ModelSpec) -> bytes:
    """The model and its normalisation as ONNX, for any batch, height and width.

    Raises UserError if torch's exporter cannot do it.
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        try:
            program = torch.onnx.export(
                Portable(model, spec).eval(),
                (torch.rand(2, 3, 64, 96),),
                input_names=["image"],
                output_names=["probabilities"],
                dynamic_shapes=({0: "batch", 2: "height", 3: "width"},),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{title(spec)}: cannot be exported to ONNX ({reason})") from error
    assert program, "the exporter that dynamo=True asks for returns it"
    onnx: bytes = labelled(program.model_proto, spec).SerializeToString(deterministic=True)
    return onnx


def labelled(model: "ModelProto", spec: ModelSpec) -> "ModelProto":
    """The same with what its user needs to know, and without the exporter's notes on our source."""
    import onnx

    graph = model.graph
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
    graph.ClearField("value_info")
    axes = graph.output[0].type.tensor_type.shape.dim
    for axis, name in ((0, "batch"), (2, "height"), (3, "width")):
        axes[axis].dim_param = name
    model.doc_string = "\n".join([summary(spec), interface(spec), sizes(spec), NO_DEVICE])
    facts = {key: fact for key, fact in spec.plain().items() if key in FACTS}
    onnx.helper.set_model_props(model, {key: json.dumps(fact) for key, fact in facts.items()})
    onnx.checker.check_model(model, full_check=True)
    return model


def start(onnx: bytes) -> "InferenceSession":
    """An ONNX model in onnxruntime, on one thread, whose sums are the same everywhere."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def check(session: "InferenceSession", predictor: Predictor) -> None:
    """Compare onnxruntime's classes of synthetic scenes with torch's in float32.

    There are two scenes at the size at which the model is used, and two at each of two other sizes.
    Raises UserError if less than AGREEMENT of the pixels of one size have the same class.
    """
    spec = predictor.spec
    whole = Predict(tile=(4096, 4096), overlap=0)
    used = spec.predict.tile if spec.image_size == "native" else spec.image_size
    for size in (used, (96, 160), (101, 139)):
        pictures = scenes(size, 2)
        alike = predictor.varied(image_size="native" if padded(spec) else size, predict=whole)
        by_torch = np.stack([alike.labels(picture) for picture in pictures])
        by_onnx = probabilities(session, as_input(pictures)).argmax(axis=1)
        if (share := (by_onnx == by_torch).mean()) < AGREEMENT:
            raise UserError(
                f"{title(spec)}: in pictures of {size[0]} x {size[1]} onnxruntime gives "
                f"{1 - share:.2%} of the pixels another class than torch; nothing was written"
            )


def scenes(size: Sequence[int], n: int) -> list[np.ndarray]:
    """Synthetic pictures, uint8 (H, W, 3)."""
    return [scene(np.random.default_rng(i), *size)[0] for i in range(n)]


def as_input(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures, uint8 (H, W, 3), of one size as the model takes them: float32 (B, 3, H, W)."""
    return np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)


def probabilities(session: "InferenceSession", image: np.ndarray) -> np.ndarray:
    """Probabilities (B, C, H, W), float32, of pictures (B, 3, H, W), float32, 0 to 255."""
    (found,) = session.run(None, {"image": np.ascontiguousarray(image)})
    return np.asarray(found)
