"""Everything that can be wrong with input, as data: what test_hostile.py and test_machine.py drive
through the real commands.
"""

import io
import os
import pickle
import re
import struct
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from PIL import Image
from safetensors.numpy import load_file, save_file

from darkfield.files import read_json, write_json

RNG = np.random.default_rng(1)
IMAGE = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
MASK = RNG.integers(0, 3, (30, 40), dtype=np.uint8)
LINK = Path("..", "elsewhere.png")  # from the folder of the pictures


class Case(NamedTuple):
    """What is wrong, how it is made so in the place that the group's test gives, what is said.

    Where the picture is read, `make` returns what should come of it: stem, image, mask; and
    `says` tells the reader of this file how.
    """

    wrong: str
    make: Callable[[Any], Any]
    says: str


def encoded(pixels: np.ndarray | Image.Image, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(file, form, **options)
    return file.getvalue()


def pair(root: Path, name: str, image: bytes = b"", mask: bytes = b"", ending: str = "png") -> None:
    """A pair of the folder `root`: by default right."""
    (root / "images" / f"{name}.{ending}").write_bytes(image)
    (root / "masks" / f"{name}.png").write_bytes(mask)


def tiff(pixels: np.ndarray, **metadata) -> bytes:
    """An OME-TIFF."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="minisblack", ome=True, metadata=metadata)
    return file.getvalue()


GOOD, GOOD_MASK = encoded(IMAGE), encoded(MASK)


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes that claims side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def image(name: str, data: bytes, ending: str = "png") -> Callable[[Path], None]:
    return lambda root: pair(root, name, data, GOOD_MASK, ending)


def mask(name: str, data: bytes | np.ndarray | Image.Image) -> Callable[[Path], None]:
    data = data if isinstance(data, bytes) else encoded(data)
    return lambda root: pair(root, name, GOOD, data)


def link(name: str, target: Path) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        (root / "images" / f"{name}.png").symlink_to(target)
        (root / "masks" / f"{name}.png").write_bytes(GOOD_MASK)

    return make


def twice(root: Path) -> None:
    pair(root, "twice", GOOD, GOOD_MASK)
    (root / "images/twice.tif").write_bytes(encoded(IMAGE, "TIFF"))


def of_folder(root: Path) -> None:
    (root / "images/folder.png").mkdir()
    (root / "masks/folder.png").write_bytes(GOOD_MASK)


def fifo(root: Path) -> None:
    os.mkfifo(root / "images/fifo.tif")
    (root / "masks/fifo.png").write_bytes(GOOD_MASK)


def misnamed(name: str) -> Callable[[Path], None]:
    return lambda root: pair(root, name, GOOD, GOOD_MASK)


def exif(turn: int) -> Image.Exif:
    data = Image.Exif()
    data[0x112] = turn
    return data


GREY = IMAGE[..., 0]
CHANNELS = np.stack([GREY] * 4)
TWELVE = GREY.astype(np.uint16) * 16
TWELVE_SEEN = np.rint(np.dstack([TWELVE] * 3) / 4095 * 255)
SHUFFLED = Image.fromarray((MASK + 1) % 3)
SHUFFLED.putpalette([2, 2, 2, 0, 0, 0, 1, 1, 1])
TRANSPARENT = np.dstack([IMAGE, np.full((30, 40), 100, np.uint8)])
FRAMES = {"save_all": True, "append_images": [Image.fromarray(IMAGE[::-1])]}
COLOURED = np.where(MASK[..., None] == 1, [255, 0, 0], 0).astype(np.uint8)
REFUSED = [  # all reported by one run of flatten_masks
    Case(
        "image without mask",
        lambda root: (root / "images/widow.png").write_bytes(GOOD),
        "images/widow.png: has no mask in ../mine/masks; add it, or remove this file",
    ),
    Case(
        "mask without image",
        lambda root: (root / "masks/orphan.png").write_bytes(GOOD_MASK),
        "masks/orphan.png: has no image in ../mine/images; add it, or remove this file",
    ),
    Case(
        "two images of one stem",
        twice,
        "twice.png, twice.tif differ in their suffix only; keep one",
    ),
    Case(
        "image and mask differ in size",
        mask("sizes", MASK[:20]),
        "masks/sizes.png: is 40x20 pixels, its image is 40x30; save it at that size",
    ),
    Case(
        "zero bytes",
        image("zero", b""),
        "images/zero.png: is empty (0 bytes); replace it, or remove it",
    ),
    Case(
        "truncated",
        image("half", GOOD[:1500]),
        "images/half.png: cannot be read (image file is truncated",
    ),
    Case(
        "one byte changed",
        image("byte", GOOD[:900] + b"?" + GOOD[901:]),
        "images/byte.png: cannot be read (",
    ),
    Case(
        "text by the name of a picture",
        image("text", b"patient,cells\n7,12\n"),
        "images/text.png: cannot be read (not a PNG, TIFF, JPEG, BMP, GIF, WebP, AVIF or",
    ),
    Case(
        "program by the name of a picture",
        image("elf", b"\x7fELF" + bytes(2000)),
        "images/elf.png: cannot be read (not a PNG, TIFF, JPEG, BMP, GIF, WebP, AVIF or JPEG 2000)",
    ),
    Case(
        "decompression bomb, 30,000 x 30,000",
        image("bomb", bomb(30_000)),
        "images/bomb.png: has more than 120,000,000 pixels; cut it into parts",
    ),
    Case(
        "TIFF of four channels",
        image("channels", tiff(CHANNELS, axes="CYX"), "tif"),
        "images/channels.tif: holds 4 channels, and it is unclear how to show them; choose one, or",
    ),
    Case(
        "pixels that are not square",
        image(
            "oblong", tiff(IMAGE[..., 0], axes="YX", PhysicalSizeX=0.1, PhysicalSizeY=0.2), "tif"
        ),
        "images/oblong.tif: has pixels of 0.1 x 0.2 micrometres; resample it to square ones",
    ),
    Case(
        "camera's raw file by the name of a picture",
        image("raw", b"II*\0\x10\0\0\0CR\x02\0", "tif"),
        "images/raw.tif: is a camera's raw file; develop it and save it as TIFF",
    ),
    Case(
        "microscope's file by the name of a picture",
        image("zeiss", b"ZISRAWFILE" + bytes(2000), "tif"),
        "images/zeiss.tif: cannot be read (",
    ),
    Case(
        "partly transparent image",
        image("alpha", encoded(TRANSPARENT)),
        "images/alpha.png: is partly transparent; save it without alpha",
    ),
    Case(
        "TIFF of two pages",
        image("pages", encoded(IMAGE, "TIFF", **FRAMES), "tif"),
        "images/pages.tif: holds 2 pictures; save only the one you mean",
    ),
    Case(
        "animated PNG",
        image("moving", encoded(IMAGE, **FRAMES)),
        "images/moving.png: holds 2 pictures; save only the one you mean",
    ),
    Case(
        "turned by EXIF, mask drawn on the stored pixels",
        image("stored", encoded(IMAGE, exif=exif(6))),
        "masks/stored.png: fits only without the turn of an EXIF tag (6 in its image, 1 in the",
    ),
    Case(
        "turned by EXIF, the mask fits both ways",
        image("upside", encoded(IMAGE, exif=exif(3))),
        "masks/upside.png: fits as well without the turn of an EXIF tag (3 in its image, 1 in the",
    ),
    Case(
        "mask of one bit",
        mask("onebit", MASK == 2),
        "masks/onebit.png: has one bit per pixel, which does not tell the class; save it as grey",
    ),
    Case(
        "mask that is a palette of greys in another order",
        mask("shuffled", SHUFFLED),
        "masks/shuffled.png: has a palette of greys in another order: its indices say one class",
    ),
    Case(
        "mask whose white is zero",
        mask("inverted", encoded(Image.fromarray(255 - MASK), "TIFF", tiffinfo={262: 0})),
        "masks/inverted.png: declares white as zero, which not all programs respect",
    ),
    Case(
        "mask that numbers its objects",
        mask("numbered", np.eye(30, 40, dtype=np.uint16) + 2 * np.eye(30, 40, 9, dtype=np.uint16)),
        "masks/numbered.png: has more than 8 bits and one object per value, as if they were",
    ),
    Case(
        "mask value that nobody named",
        mask("unknown", np.where(MASK == 2, 7, MASK).astype("u1")),
        "masks/unknown.png: has values that data.mask_values does not name: 7; name them, or",
    ),
    Case(
        "colours where indices are expected",
        mask("colours", COLOURED),
        "masks/colours.png: has values that data.mask_values does not name: #ff0000",
    ),
    Case(
        "mask saved as a photograph (JPEG)",
        mask("lossy", encoded(MASK * 100, "JPEG")),
        "masks/lossy.png: is a JPEG picture, which changes values; save it as PNG",
    ),
    Case(
        "partly transparent mask",
        mask("ghost", np.dstack([MASK, MASK, MASK, MASK])),
        "masks/ghost.png: is partly transparent; save it without alpha",
    ),
    Case(
        "CMYK mask",
        mask("cmyk", encoded(Image.new("CMYK", (40, 30)), "TIFF")),
        "masks/cmyk.png: is a CMYK picture; save it as grey, palette or RGB",
    ),
    Case(
        "link that leads nowhere, or to a file that vanished",
        link("lost", Path("nowhere.png")),
        "images/lost.png: cannot be read (No such file or directory); replace it, or remove it",
    ),
    Case(
        "links that run in a circle",
        link("loop", Path("loop.png")),
        "images/loop.png: cannot be read (Too many levels of symbolic links)",
    ),
    Case(
        "folder by the name of a picture",
        of_folder,
        "images/folder.png: is a folder or a device, not a file; move it elsewhere",
    ),
    Case(
        "pipe by the name of a picture",
        fifo,
        "images/fifo.tif: is a folder or a device, not a file; move it elsewhere",
    ),
    Case(
        "line break in a name",
        misnamed("new\nline"),
        "new\\nline.png: has a control character, or one that is not UTF-8, in its name; rename it",
    ),
    Case("terminal escape in a name", misnamed("red\x1b[31m"), "red\\x1b[31m.png: has a control"),
    Case(
        "name that is no UTF-8", misnamed(os.fsdecode(b"caf\xe9")), "caf\\udce9.png: has a control"
    ),
    Case(
        "name of 255 characters",
        misnamed("x" * 251),
        "xxx.png: has a name of more than 240 bytes; shorten it",
    ),
]


def read(name, data, ending="png", seen=IMAGE, mask=MASK, mask_data=GOOD_MASK):
    """A pair that is read: as `seen` and `mask`."""

    def make(root: Path):
        pair(root, name, data, mask_data, ending)
        return unicodedata.normalize("NFC", name), seen, mask

    return make


def linked(root: Path):
    (root / "images" / LINK).write_bytes(GOOD)
    link("outside", LINK)(root)
    return "outside", IMAGE, MASK


def two_spellings(root: Path):
    (root / "images" / f"{unicodedata.normalize('NFD', 'é')}.png").write_bytes(GOOD)
    (root / "masks" / f"{unicodedata.normalize('NFC', 'é')}.png").write_bytes(GOOD_MASK)
    return "é", IMAGE, MASK


def hidden(root: Path) -> None:
    for name in ("._00.png", ".DS_Store", "Thumbs.db"):
        (root / "images" / name).write_bytes(b"\0\5\x16\7")


PALETTE = Image.fromarray(IMAGE).quantize(16)
CMYK = Image.fromarray(IMAGE).convert("CMYK")
COLOURED_INDEX = Image.fromarray(MASK)
COLOURED_INDEX.putpalette([0, 0, 0, 230, 159, 0, 0, 114, 178])
NAMES = {
    "spaces": "a cell  here",
    "quotes": 'it\'s "x"',
    "braces, a wildcard to Snakemake": "{sample}",
    "a command for a shell": "$(touch pwned) `touch pwned`; touch pwned",
    "HTML": "<img src=x onerror=alert(1)>&".replace("/", ""),
    "a formula for a spreadsheet": "=1+2",
    "a leading dash": "-rf",
    "characters of a glob": "[a-z]*?",
    "letters of all the world": "Спирохета 螺旋体 🦠",
    "240 bytes": "y" * 240,
}
READ = [  # all read by one run of flatten_masks
    Case(
        "12 bits in 16",
        read("twelve", tiff(TWELVE, axes="YX", SignificantBits=12), "tif", TWELVE_SEEN),
        "scaled by the range that the file states",
    ),
    Case(
        "three channels",
        read("channels", tiff(IMAGE.transpose(2, 0, 1), axes="CYX"), "tif"),
        "as red, green and blue",
    ),
    Case(
        "planes at several depths",
        read("depths", tiff(np.stack([GREY // 2, GREY]), axes="ZYX"), "tif", np.dstack([GREY] * 3)),
        "by their maximum",
    ),
    Case(
        "palette image",
        read("palette", encoded(PALETTE), seen=np.array(PALETTE.convert("RGB"))),
        "by its colours",
    ),
    Case(
        "CMYK TIFF",
        read("cmyk", encoded(CMYK, "TIFF"), "tif", np.array(CMYK.convert("RGB"))),
        "as RGB, without a colour profile",
    ),
    Case(
        "alpha that hides nothing",
        read("opaque", encoded(np.dstack([IMAGE, GREY * 0 + 255]))),
        "without alpha",
    ),
    Case(
        "turned by EXIF",
        read(
            "turned",
            encoded(IMAGE, exif=exif(6)),
            seen=np.rot90(IMAGE, -1),
            mask=np.rot90(MASK, -1),
            mask_data=encoded(np.rot90(MASK, -1).copy()),
        ),
        "turned, as a viewer shows it and the mask was drawn on it",
    ),
    Case("PNG by the name of a TIFF", read("other", GOOD, "tif"), "by what it holds"),
    Case(
        "1 x 1 pixels",
        read(
            "dot",
            encoded(IMAGE[:1, :1]),
            seen=IMAGE[:1, :1],
            mask=MASK[:1, :1],
            mask_data=encoded(MASK[:1, :1]),
        ),
        "as it is",
    ),
    Case(
        "mask all background",
        read("empty", GOOD, mask=MASK * 0, mask_data=encoded(MASK * 0)),
        "a picture without cells",
    ),
    Case(
        "palette mask",
        read("indexed", GOOD, mask_data=encoded(COLOURED_INDEX)),
        "by its indices, or its colours if `data.mask_values` names one",
    ),
    Case("link out of the folder", linked, "followed: DVC and large disks work so"),
    Case("é in two spellings (macOS, Linux)", two_spellings, "one letter: image and mask match"),
    Case("hidden files (._00.png, .DS_Store)", hidden, "skipped"),
    *(Case(f"name with {what}", read(name, GOOD), "just a file") for what, name in NAMES.items()),
]


def param(section: str, **values) -> Callable[[dict], None]:
    def make(params: dict) -> None:
        if section:
            params[section] |= values
        else:
            params |= values

    return make


def without(section: str, key: str) -> Callable[[dict], None]:
    return lambda params: params[section].pop(key)


NAN, INFINITE = float("nan"), float("inf")
WRONG_PARAMS = [  # all reported at once, before anything runs
    Case(
        "unknown key",
        param("train", learning_rat=1),
        "train: unknown key 'learning_rat'; did you mean 'learning_rate'?",
    ),
    Case("unknown section", param("", trian={}), "unknown key 'trian'; did you mean 'train'?"),
    Case("missing key", without("split", "seed"), "split: 'seed' is missing"),
    Case(
        "wrong type",
        param("train", shuffle="maybe"),
        "train.shuffle: 'maybe' is not true or false",
    ),
    Case(
        "negative",
        param("train", batch_size=-1),
        "train.batch_size: -1 is not a whole number from 1 to 65536",
    ),
    Case(
        "NaN", param("train", learning_rate=NAN), "train.learning_rate: nan is not a number above 0"
    ),
    Case(
        "infinite",
        param("train", weight_decay=INFINITE),
        "train.weight_decay: inf is not a number of at least 0",
    ),
    Case(
        "3.5 epochs",
        param("select", epoch=3.5),
        "select.epoch: 3.5 is not best, or a whole number from",
    ),
    Case("none", param("train", crop="none"), "train.crop: 'none' is not null; write null"),
    Case(
        "epochs 0", param("train", epochs=0), "train.epochs: 0 is not a whole number from 1 to 9999"
    ),
    Case(
        "beyond all bounds",
        param("synthesize", seed=2**70),
        "synthesize.seed: 1180591620717411303424 is not a whole number from 0 to",
    ),
    Case(
        "unknown model",
        param("model", name="segnett"),
        "model.name: 'segnett' is not segnet, segnet_vgg16, ",
    ),
    Case(
        "encoder that is an address",
        param("model", encoder="tu-hf-hub:a/b"),
        "model.encoder: 'tu-hf-hub:a/b' is not the name of an encoder",
    ),
    Case(
        "image size that no network takes",
        param("", image_size=[8, 128]),
        "image_size: [8, 128] is not native, or a list of 2 whole numbers from 16",
    ),
    Case(
        "braces in a path",
        param("data", root="my {data}"),
        "data.root: 'my {data}' is not a path without { } < >",
    ),
    Case(
        "model that is a path",
        param("train", pretrained_weights="../../x"),
        "train.pretrained_weights: '../../x' is not the NAME of a folder models/NAME, or null",
    ),
    Case(
        "mask value that is none",
        param("data", mask_values={"red": "background"}),
        "data.mask_values: 'red' is not a grey value, ",
    ),
    Case(
        "class name that is a number",
        param("data", classes={"background": 0, 1: 1}),
        "data.classes: 1 is not text; put it in quotes",
    ),
]
DISAGREEING = [
    Case(
        "class name that is a path",
        param("data", classes={"background": 0, "a/b": 1, "c": 2}),
        "data.classes: 'a/b' has / in it; rename it",
    ),
    Case(
        "objects of no class",
        param("", objects={"cell": "blob"}),
        "objects: 'cell' is not in data.classes; remove it",
    ),
    Case(
        "fractions that do not add up",
        param("split", train=0.7, val=0.2, test=0.2),
        "split: train, val and test add up to 1.1, not 1",
    ),
    Case(
        "sides that the U-Net cannot halve",
        param("model", name="unet"),
        "model.name: unet takes sides that 32 divides; change image_size, train.crop or",
    ),
    Case(
        "epoch that is never trained",
        param("select", epoch=99),
        "select.epoch: 99 is beyond train.epochs: 2",
    ),
    Case(
        "weights for other classes",
        param("train", class_weights=[1, 2]),
        "train.class_weights: 2 weights for 3 classes",
    ),
    Case(
        "mask value of no class",
        param("data", mask_values={"0": "sky"}),
        "data.mask_values: '0' is mapped to 'sky', which",
    ),
]
UNREADABLE = [  # params.yaml itself, one run each
    Case(
        "no params.yaml",
        lambda path: path.unlink(),
        "params.yaml: no such file; go to a clone of the project",
    ),
    Case(
        "empty params.yaml",
        lambda path: path.write_text(""),
        "params.yaml: holds no keys; restore it with git checkout params.yaml",
    ),
    Case(
        "params.yaml that is no YAML",
        lambda path: path.write_text("data: {root: [\n  train:"),
        "params.yaml: is not YAML; correct it (while parsing a flow",
    ),
    Case(
        "key that stands twice",
        lambda path: path.write_text(path.read_text() + "select: {epoch: 3}\n"),
        "params.yaml: line ",
    ),
    Case(
        "number that YAML 1.1 and 1.2 read differently",
        lambda path: path.write_text(path.read_text().replace("epochs: 2", "epochs: 010")),
        "params.yaml: train.epochs: is 8 to Snakemake and 10 to DVC; quote it if it is text; else",
    ),
    Case(
        "mask value of two classes",
        lambda path: path.write_text(path.read_text().replace("'1':", "'02':")),
        "params.yaml: data.mask_values: '02', '2' are one value, but stand for",
    ),
    Case(
        "params.yaml in Latin-1",
        lambda path: path.write_bytes(b"data: {root: caf\xe9}\n"),
        "params.yaml: is not YAML; correct it ('utf-8' codec can't decode",
    ),
]


class Bomb:
    """Unpickled, it leaves a file."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


def weights(data: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def make(model: Path) -> None:
        path = model / "model.safetensors"
        path.write_bytes(data(path.read_bytes()))

    return make


def spec(**values) -> Callable[[Path], None]:
    return lambda model: write_json(model / "model.json", read_json(model / "model.json") | values)


def foreign(model: Path) -> None:
    path = model / "model.safetensors"
    save_file({f"their.{name}": value for name, value in load_file(path).items()}, path)


def tampered(model: Path) -> None:
    """One weight is another, as model.json can tell by its digest."""
    from darkfield.files import sha256

    spec(weights_sha256=sha256(model / "model.safetensors"))(model)
    weights(lambda data: data[:-1] + bytes([data[-1] ^ 1]))(model)


MODELS = [  # of `darkfield predict`, one run each
    Case(
        "truncated weights",
        weights(lambda data: data[:-100]),
        "model.safetensors: damaged, or weights of another model; get the folder again (",
    ),
    Case(
        "pickle by the name of safetensors",
        weights(lambda data: pickle.dumps(Bomb())),
        "model.safetensors: damaged, or weights of another model; get the folder again (",
    ),
    Case(
        "weights of another network",
        foreign,
        "model.safetensors: damaged, or weights of another model; get the folder again (Error",
    ),
    Case(
        "weights changed after the run",
        tampered,
        "model.safetensors: not the weights of its model.json; get the folder again",
    ),
    Case(
        "model.json cut short",
        lambda model: (model / "model.json").write_text('{"model": '),
        "not a model that this version can read",
    ),
    Case(
        "model.json with a NaN",
        lambda model: (model / "model.json").write_text(
            re.sub(r'"std": \[\s*[\d.]+', '"std": [NaN', (model / "model.json").read_text())
        ),
        "it holds NaN",
    ),
    Case(
        "model.json without a key",
        spec(mean=None),
        "model.json: mean: Input should be a valid tuple",
    ),
    Case(
        "model.json that names an address",
        spec(model={"name": "unet", "encoder": "tu-hf-hub:a/b"}),
        "model.json: model.encoder: String should match pattern",
    ),
    Case(
        "no model folder",
        lambda model: model.rename(model.with_name("gone")),
        "model.json: no such file; --model must name a model folder",
    ),
]


def emptied(*parts: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for part in parts:
            for path in (root / part).iterdir():
                path.unlink()

    return make


def one_field(root: Path) -> None:
    for path in (root / "images").iterdir():
        path.write_bytes(GOOD)


FOLDERS = [  # of data.root, one run each
    Case(
        "no such folder",
        lambda root: root.rename(root.with_name("gone")),
        "mine/masks: no such folder (data.root must hold images/ and masks/)",
    ),
    Case(
        "empty folders",
        emptied("images", "masks"),
        "images: no pictures in it; put some there (.png, .tif",
    ),
    Case(
        "unreadable file",
        lambda root: (root / "images/07.png").chmod(0),
        "images/07.png: cannot be read (Permission denied)",
    ),
    Case(
        "too few groups: all pictures show one field",
        one_field,
        "split: 20 images in 1 groups leave val and test empty; add images or change the fractions",
    ),
]
MACHINE = [
    Case("CUDA where there is none", None, "train.device: 'cuda', but torch sees no CUDA device"),
    Case(
        "worker killed (kill -9, out of memory)",
        None,
        "train failed: killed, perhaps for lack of memory; the same command continues from here",
    ),
    Case("second chain in one folder", None, "Directory cannot be locked"),
    Case(
        "second prediction into one folder",
        None,
        "out: another run is writing to it; wait, or choose another --out",
    ),
    Case("read-only project", None, "Permission denied"),
    Case(
        "read-only folder for predictions",
        None,
        "Permission denied; make it accessible, or choose another",
    ),
    Case("disk full", None, "the disk is full; free some space and run the same command again"),
    Case("out of memory", None, "out of memory: end other programs, or run fewer jobs at once"),
    Case("clock set back, files touched", None, "Nothing to be done (contents decide, not times)"),
    Case("results deleted under a running chain", None, "the same command makes them again"),
]
