"""Label pictures of 1200 x 1000 pixels, one view each, a line of stdin; prints ms per picture.

python bench/predict.py ours           files to labels, the shipped model, as darkfield predict
python bench/predict.py plain          the same network as a PyTorch user would run it
python bench/predict.py onnxruntime    the same network, as exported
python bench/predict.py nnunet         nnU-Net's plain U-Net of 2D pictures, in its tiles
"""

import sys
import tempfile
import time
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import torch
from torch import nn

from darkfield.data.dataset import normalise
from darkfield.data.images import read_image
from darkfield.data.synthetic import synthesize
from darkfield.network.predictor import Predictor
from darkfield.network.processes import in_order, worth
from darkfield.shipped import MODEL, shipped

THREADS, SIZE = 2, (1000, 1200)
PICTURES = {"ours": 8, "plain": 2, "onnxruntime": 2, "nnunet": 1}
FEATURES = (32, 64, 128, 256, 512, 512, 512, 512)  # of nnU-Net's stages, for a patch of 512


def shipped_model(precision):
    predictor = Predictor(shipped(MODEL), "cpu", precision, THREADS)
    single = predictor.spec.predict.model_copy(update={"tta": False})
    return predictor.varied(predict=single)


def ours():
    predictor = shipped_model("auto")

    def label(paths):
        processes = worth(len(paths), predictor.device)
        list(in_order(lambda path: predictor.labels(read_image(path)), paths, processes))

    return label


def plain():
    predictor = shipped_model("fp32")
    network = predictor.network.to(memory_format=torch.contiguous_format)

    @torch.inference_mode()
    def label(paths):
        for path in paths:
            image = torch.from_numpy(padded(read_image(path))).permute(2, 0, 1)[None]
            image = normalise(image, predictor.spec.mean, predictor.spec.std)
            network(image.contiguous()).argmax(1)

    return label


def onnxruntime():
    from onnxruntime import InferenceSession, SessionOptions

    from darkfield.publish.onnx import to_onnx

    predictor, options = shipped_model("fp32"), SessionOptions()
    options.intra_op_num_threads = THREADS
    session = InferenceSession(to_onnx(predictor.network, predictor.spec), options)

    def label(paths):
        for path in paths:
            image = read_image(path).transpose(2, 0, 1)[None].astype(np.float32)
            session.run(None, {"image": image})[0].argmax(1)

    return label


def padded(image):
    (h, w), multiple = image.shape[:2], 32
    return np.pad(image, [(0, -h % multiple), (0, -w % multiple), (0, 0)], mode="edge")


class PlainUNet(nn.Module):
    """nnU-Net's PlainConvUNet as its planner sizes it for a 2D patch of 512 x 512, untrained."""

    def __init__(self, classes=3):
        super().__init__()
        self.down = nn.ModuleList(
            twice(c_in, c_out, stride=1 if c_in == 3 else 2)
            for c_in, c_out in pairwise((3, *FEATURES))
        )
        up = list(pairwise(FEATURES[::-1]))
        self.wider = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in up)
        self.up = nn.ModuleList(twice(2 * b, b) for _, b in up)
        self.head = nn.Conv2d(FEATURES[0], classes, 1)

    def forward(self, x):
        skips = []
        for block in self.down:
            skips.append(x := block(x))
        skips.pop()
        for wider, block in zip(self.wider, self.up, strict=True):
            x = block(torch.cat([wider(x), skips.pop()], 1))
        return self.head(x)


def twice(c_in, c_out, stride=1):
    layers = []
    for a, b, s in ((c_in, c_out, stride), (c_out, c_out, 1)):
        norm = nn.InstanceNorm2d(b, affine=True)
        layers += [nn.Conv2d(a, b, 3, s, 1), norm, nn.LeakyReLU(inplace=True)]
    return nn.Sequential(*layers)


def nnunet():
    """Without mirroring, and without blending the tiles, which takes little."""
    torch.set_num_threads(THREADS)
    network, patch = PlainUNet().eval(), 512

    @torch.inference_mode()
    def label(paths):
        for path in paths:
            image = torch.tensor(read_image(path)).permute(2, 0, 1)[None].float()
            at = [[*range(0, n - patch, patch // 2), n - patch] for n in image.shape[2:]]
            for top, left in product(*at):
                network(image[:, :, top : top + patch, left : left + patch]).argmax(1)

    return label


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        kind = sys.argv[1]
        synthesize(Path(folder), images=PICTURES[kind], size=SIZE, seed=1)
        paths = sorted(Path(folder, "images").iterdir())
        label = globals()[kind]()
        label(paths[:1])  # warm
        for _ in sys.stdin:
            begin = time.perf_counter()
            label(paths)
            print(1000 * (time.perf_counter() - begin) / len(paths), flush=True)
