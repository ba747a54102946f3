"""Masks of every kind to class indices; all problems are reported at once, nothing is written."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from darkfield.classes import VOID
from darkfield.data.images import read_image
from darkfield.data.instances import read_numbers
from darkfield.data.mask_values import flatten, numbered
from darkfield.data.masks import flatten_pairs, gather_masks
from darkfield.data.pairs import find_numbers, find_pairs
from darkfield.data.pixels import Pictures, digest
from darkfield.data.split import split_images
from darkfield.data.stats import class_counts
from darkfield.files import UserError, read_csv

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
VALUES = {"0": "background", "1": "erythrocyte", "2": "spirochaete"}
COLOURS = {"#000000": "background", "#ff0000": "erythrocyte", "#00ff00": "spirochaete"}
NAMES = ("flat", "flat.csv", "images.npy", "masks.npy", "objects.npy")
INDEX = np.array([[0, 1, 2], [2, 1, 0]], dtype=np.uint8)


def test_grey_index_mask():
    assert flatten(Image.fromarray(INDEX), VALUES, CLASSES).tolist() == INDEX.tolist()


def test_rgb_with_the_index_repeated():
    picture = Image.fromarray(np.repeat(INDEX[..., None], 3, axis=2))
    assert flatten(picture, VALUES, CLASSES).tolist() == INDEX.tolist()


def test_grey_levels():
    table = {"0": "background", "128": "erythrocyte", "255": "spirochaete"}
    grey = Image.fromarray(np.array([0, 128, 255], dtype=np.uint8)[INDEX])
    assert flatten(grey, table, CLASSES).tolist() == INDEX.tolist()


def test_16_bit_grey():
    picture = Image.fromarray(INDEX.astype(np.uint16))
    assert flatten(picture, VALUES, CLASSES).tolist() == INDEX.tolist()


@pytest.mark.parametrize("white", [1, 255])
def test_one_bit_where_white_can_be_one_class_alone(white):
    picture = Image.fromarray(INDEX == 1)
    table = {"0": "background", str(white): "spirochaete"}
    assert flatten(picture, table, CLASSES).tolist() == (2 * (INDEX == 1)).tolist()
    with pytest.raises(ValueError, match="one bit per pixel"):
        flatten(picture, VALUES, CLASSES)


def test_a_palette_of_greys_that_are_named_is_read_by_its_greys():
    table = {"0": "background", "128": "erythrocyte", "255": "spirochaete"}
    picture = Image.fromarray((INDEX + 1) % 3)
    picture.putpalette([255] * 3 + [0] * 3 + [128] * 3)
    assert flatten(picture, table, CLASSES).tolist() == INDEX.tolist()


def test_colours():
    lookup = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], dtype=np.uint8)
    assert flatten(Image.fromarray(lookup[INDEX]), COLOURS, CLASSES).tolist() == INDEX.tolist()


@pytest.mark.parametrize("table", [VALUES, COLOURS])
def test_palette_is_read_by_index_or_by_colour_as_the_table_says(table):
    picture = Image.fromarray(INDEX)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    assert flatten(picture, table, CLASSES).tolist() == INDEX.tolist()


def test_palette_in_another_order_by_colour():
    picture = Image.fromarray((INDEX + 1) % 3)
    picture.putpalette([0, 255, 0, 0, 0, 0, 255, 0, 0])
    assert flatten(picture, COLOURS, CLASSES).tolist() == INDEX.tolist()


def test_opaque_alpha_is_dropped_and_transparency_refused():
    rgba = np.dstack([INDEX, INDEX, INDEX, np.full_like(INDEX, 255)])
    assert flatten(Image.fromarray(rgba), VALUES, CLASSES).tolist() == INDEX.tolist()
    rgba[0, 0, 3] = 254
    with pytest.raises(ValueError, match="transparent"):
        flatten(Image.fromarray(rgba), VALUES, CLASSES)


def test_values_that_the_table_does_not_name_are_listed():
    with pytest.raises(ValueError, match=r"does not name: 3, 9; name them, or correct the mask$"):
        flatten(Image.fromarray(np.array([[0, 3, 9]], dtype=np.uint8)), VALUES, CLASSES)
    pixels = np.array([[[0, 0, 0], [1, 2, 3]]], dtype=np.uint8)
    with pytest.raises(ValueError, match="does not name: #010203"):
        flatten(Image.fromarray(pixels), COLOURS, CLASSES)
    with pytest.raises(ValueError, match="does not name: 60000"):
        flatten(Image.fromarray(np.array([[0, 60000]], dtype=np.uint16)), VALUES, CLASSES)


EACH = {"instances": "erythrocyte"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_values_that_number_objects(dtype):
    picture = Image.fromarray(np.array([[0, 7, 7], [250, 0, 9]]).astype(dtype))
    assert flatten(picture, EACH, CLASSES).tolist() == [[0, 1, 1], [1, 0, 1]]
    assert numbered(picture, EACH, CLASSES).tolist() == [[0, 1, 1], [3, 0, 2]]


def test_objects_in_colours():
    colours = np.array([[0, 0, 0], [9, 0, 0], [9, 9, 0]], dtype=np.uint8)
    picture = Image.fromarray(colours[INDEX])
    assert flatten(picture, EACH, CLASSES).tolist() == np.minimum(INDEX, 1).tolist()
    assert numbered(picture, EACH, CLASSES).tolist() == INDEX.tolist()


def test_a_value_that_is_named_is_no_number():
    table = EACH | {"1": "background", "2": "spirochaete"}
    picture = Image.fromarray(np.array([[0, 1, 2, 3, 4]], dtype=np.uint8))
    assert flatten(picture, table, CLASSES).tolist() == [[0, 0, 2, 1, 1]]
    assert numbered(picture, table, CLASSES) is None  # nobody knows the spirochaetes
    others = Image.fromarray(np.array([[0, 1, 3, 4]], dtype=np.uint8))
    assert numbered(others, table, CLASSES).tolist() == [[0, 0, 1, 2]]
    assert numbered(others, VALUES, CLASSES) is None


def discs(values, size=64):
    y, x = np.mgrid[:size, :size]
    mask = np.zeros((size, size), np.uint8)
    for k, value in enumerate(values):
        mask[(y - 12 - 20 * k) ** 2 + (x - 30) ** 2 < 64] = value
    return mask


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([127, 255], '; {"0": background, "127": erythrocyte, "255": spirochaete} would fit$'),
        ([128, 255], '; {"0": background, "128": erythrocyte, "255": spirochaete} would fit$'),
        ([1, 2, 3], "; if each is an object, say so: {instances: CLASS}$"),
        ([1, 2, 7], "correct the mask$"),
    ],
)
def test_what_unnamed_values_may_mean(values, words):
    with pytest.raises(ValueError, match=f"does not name: .*{words}"):
        flatten(Image.fromarray(discs(values)), VALUES, CLASSES)


def test_smooth_edges_are_refused():
    smooth = Image.fromarray(discs([255])).resize((48, 48), Image.Resampling.BILINEAR)
    table = {"0": "background", "255": "erythrocyte"}
    with pytest.raises(ValueError, match="if its edges are smooth, save it without interpolation"):
        flatten(smooth, table, CLASSES)


def test_a_mask_scaled_by_interpolation_is_refused():
    """It has a rim of erythrocyte around each spirochaete, and no value that is not named."""
    drawn = Image.fromarray(discs([2, 2, 1]))
    for size in (40, 47, 55):
        scaled = drawn.resize((size, size), Image.Resampling.BILINEAR)
        with pytest.raises(ValueError, match="has thin rims of 1 between 2 and 0, as if"):
            flatten(scaled, VALUES, CLASSES)
        assert flatten(scaled, VALUES, CLASSES, check=False).max() == 2
        nearest = drawn.resize((size, size), Image.Resampling.NEAREST)
        assert flatten(nearest, VALUES, CLASSES).tolist() == np.asarray(nearest).tolist()


def test_smooth_edges_are_no_numbers_of_objects():
    large = np.kron(discs([200]), np.ones((3, 3), np.uint8))
    smooth = Image.fromarray(large).resize((150, 150), Image.Resampling.BICUBIC)
    table = {"instances": "erythrocyte"}
    with pytest.raises(ValueError, match="pieces, as if its edges were smooth, not as objects"):
        flatten(smooth, table, CLASSES)
    assert flatten(smooth, table, CLASSES, check=False).max() == 1


def test_numbers_have_no_order_and_so_no_rim():
    mask = discs([4])
    inner = mask > 0
    rim = inner & ~(np.roll(inner, 1, 0) & np.roll(inner, -1, 0) & np.roll(inner, 1, 1))
    mask[rim] = 2
    assert flatten(Image.fromarray(mask), {"instances": "erythrocyte"}, CLASSES).max() == 1


def test_a_spirochaete_within_a_cell_is_no_rim():
    mask = discs([1])
    mask[10:14, 28:60] = 2  # it leaves the cell on one side
    assert flatten(Image.fromarray(mask), VALUES, CLASSES).tolist() == mask.tolist()


@pytest.fixture
def root(tmp_path):
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    rng = np.random.default_rng(0)
    for i, name in enumerate(["a.png", "b.tif", "c.jpg", "001.png"]):
        image = rng.integers(0, 255, (20 + i, 30, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / name)
        mask = rng.integers(0, 3, (20 + i, 30), dtype=np.uint8)
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name[:-4]}.png")
    return tmp_path


def run(root, mask_values=VALUES, check=True, background="background"):
    """As the rules do it, in two batches."""
    pairs, problems = find_pairs(root, CLASSES)
    folders = [root / "batches/0", root / "batches/1"]
    for i, folder in enumerate(folders):
        some = {
            stem: pair for k, (stem, pair) in enumerate(pairs.items()) if 2 * k // len(pairs) == i
        }
        options = {"mask_values": mask_values, "classes": CLASSES, "check": check}
        options["numbers"] = find_numbers(root)[0]
        problems += flatten_pairs(some, *(folder / name for name in NAMES), **options, threads=2)
    if problems:
        raise UserError(*problems)
    flat, tables, *pixels = ([folder / name for folder in folders] for name in NAMES)
    options = {"classes": CLASSES, "background": background, "check": check}
    gather_masks(flat, tables, root / "out/flat", root / "out/flat.csv", **options)
    return root / "out/flat", root / "out/flat.csv", *pixels


def test_a_folder(root):
    out, manifest, *pixels = run(root)
    table = read_csv(manifest)
    sizes = table[["height", "width"]].to_numpy()
    images, masks = (Pictures(path, sizes) for path in pixels[:2])
    assert [len(np.load(path)) for path in pixels[2]] == [0, 0]  # no objects are numbered
    assert table["image"].tolist() == ["001", "a", "b", "c"]
    assert table["file"].tolist() == ["001.png", "a.png", "b.tif", "c.jpg"]
    for i, row in enumerate(table.itertuples()):
        flat = Image.open(out / f"{row.image}.png")
        original = np.asarray(Image.open(root / "masks" / f"{row.image}.png"))
        assert flat.mode == "L"
        assert (np.asarray(flat) == original).all()
        assert (masks[i] == original).all()
        assert (images[i] == read_image(root / "images" / row.file)).all()
        assert row.image_pixels_sha256 == digest(images[i])
        assert (row.height, row.width) == original.shape
        counted = [row.pixels_background, row.pixels_erythrocyte, row.pixels_spirochaete]
        assert counted == np.bincount(original.ravel(), minlength=3).tolist()


def number(root, stem, numbers):
    (root / "instances").mkdir(exist_ok=True)
    Image.fromarray(numbers).save(root / "instances" / f"{stem}.png")


def test_objects_come_with_their_numbers(root):
    mask = np.zeros((20, 30), np.uint8)
    mask[2:6, 2:6], mask[10:15, 10] = 1, 2
    Image.fromarray(mask).save(root / "masks/001.png")
    Image.new("RGB", (30, 20)).save(root / "images/001.png")
    numbers = np.where(mask == 1, 700, 3 * (mask == 2)).astype(np.uint16)
    number(root, "001", numbers)
    _, manifest, _, _, objects = run(root)
    table = read_csv(manifest)
    assert dict(zip(table["image"], table["numbered"], strict=True)) == {
        **dict.fromkeys("abc", False),
        "001": True,
    }
    first, second = map(np.load, objects)  # 001 is in the first batch
    np.testing.assert_array_equal(first[: mask.size], numbers.ravel())
    assert not first[mask.size :].any()
    assert (first.dtype, len(second)) == (np.uint16, 0)


def test_numbers_pair_up_as_masks_do(root):
    for part in ("images", "masks"):
        (root / part / "sub").mkdir()
        (root / part / "a.png").rename(root / part / "sub/a.png")
    number(root, "a", np.zeros((20, 30), np.uint8))
    (root / "instances/sub").mkdir()
    (root / "instances/a.png").rename(root / "instances/sub/a.png")
    assert find_numbers(root)[0].keys() <= find_pairs(root)[0].keys()
    assert find_numbers(root)[0].keys() == {"sub_a"}
    Image.new("L", (30, 20)).save(root / "instances/sub/a.tif")
    assert "a.tif differ in their suffix only" in "".join(find_pairs(root)[1])


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (np.full((23, 30), 4, np.uint8), "object 4 on pixels of several classes"),
        (np.zeros((23, 31), np.uint8), "is 31x23 pixels, its mask is 30x23"),
        (np.zeros((23, 30, 3), np.uint8), "save them as grey, with 16 bits"),
    ],
)
def test_numbers_that_contradict_the_mask_are_refused(root, numbers, words):
    number(root, "001", numbers)
    number(root, "lonely", numbers)
    with pytest.raises(UserError, match=words) as error:
        run(root)
    assert "lonely.png: has no mask" in str(error.value)


def test_all_problems_are_reported_at_once_and_nothing_is_written(root):
    (root / "masks" / "a.png").unlink()
    Image.new("L", (5, 5)).save(root / "masks" / "lonely.png")
    whole = (root / "images" / "001.png").read_bytes()
    (root / "images" / "001.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.full((21, 30), 7, dtype=np.uint8)).save(root / "masks" / "b.png")
    Image.new("L", (30, 21)).save(root / "masks" / "c.png")
    Image.new("L", (30, 23)).save(root / "masks" / "c.tif")
    (root / "images" / "d.png").write_text("not a picture")
    Image.new("L", (5, 5)).save(root / "masks" / "d.png")
    Image.new("RGB", (5, 5)).save(root / "images" / "e.png")
    Image.new("L", (6, 5)).save(root / "masks" / "e.png")
    with pytest.raises(UserError) as error:
        run(root)
    text = str(error.value)
    for words in (
        "a.png: has no mask",
        "lonely.png: has no image",
        "001.png: cannot be read",
        "b.png: has values that data.mask_values does not name: 7",
        "c.png, c.tif differ in their suffix only",
        "d.png: cannot be read",
        "e.png: is 6x5 pixels, its image is 5x5",
    ):
        assert words in text
    assert not (root / "out").exists()


@pytest.mark.parametrize("name", ["a_mask.png", "a-labels.tif", "a_seg.npy"])
def test_a_mask_of_another_name_is_named(root, name):
    (root / "masks/a.png").rename(root / "masks" / name)
    with pytest.raises(UserError, match=rf"images/a.png: .*; if {name} is it, save it as a.png"):
        run(root)


def test_opencv_is_there_before_threads_need_it():
    """Two that import it at once failed now and then: KeyError: 'cv2.misc.version'."""
    program = "import sys, darkfield.data.masks; sys.exit('cv2' not in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_was_there_survives_a_failure(root):
    out, manifest, *_ = run(root)
    before = manifest.read_bytes()
    (root / "masks" / "a.png").unlink()
    with pytest.raises(UserError):
        run(root)
    assert manifest.read_bytes() == before
    assert len(list(out.iterdir())) == 4


def test_masks_whose_borders_are_not_background_are_asked_about(root):
    for path in (root / "masks").iterdir():
        mask = np.ones_like(np.asarray(Image.open(path)))
        mask[5:9, 5:9] = 0
        Image.fromarray(mask).save(path)
    with pytest.raises(UserError, match="100% of the masks' borders are erythrocyte, not backgr"):
        run(root)
    run(root, check=False)


def test_numbers_in_masks_are_kept_as_objects(root):
    *_, objects = run(root, EACH, check=False)
    table = read_csv(root / "out/flat.csv")
    assert table["numbered"].all()
    kept = Pictures(objects, table[["height", "width"]].to_numpy())
    for i, name in enumerate(table["image"]):
        assert (kept[i] == np.asarray(Image.open(root / "masks" / f"{name}.png"))).all()


def test_a_file_for_each_class(root):
    drawn = {path: np.asarray(Image.open(path)) for path in sorted((root / "masks").iterdir())}
    for path, mask in drawn.items():
        for index, name in enumerate(["erythrocyte", "spirochaete"], 1):
            (root / "masks" / name).mkdir(exist_ok=True)
            Image.fromarray(mask >= index).save(root / "masks" / name / path.name)
        path.unlink()
    flat, manifest, *_ = run(root)
    for path, mask in drawn.items():
        assert (np.asarray(Image.open(flat / path.name)) == mask).all()
    assert not read_csv(manifest)["numbered"].any()
    (root / "masks/spirochaete/a.png").write_text("damaged")
    Image.new("L", (3, 3)).save(root / "masks/erythrocyte/a.png")
    with pytest.raises(UserError) as error:
        run(root)
    first, second = str(error.value).split("\n")
    assert first.startswith(f"{root}/masks/erythrocyte/a.png: is 3x3 pixels, its image is 30x20")
    assert second.startswith(f"{root}/masks/spirochaete/a.png: cannot be read")


def test_masks_that_count_from_one_are_asked_about(root):
    """ilastik's background is 1: read by its values, most of a picture is erythrocyte."""
    for path in (root / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.maximum(mask, 1)).save(path)
    with pytest.raises(UserError, match="no mask has a pixel of background; if another value"):
        run(root)
    run(root, background=None)


@pytest.mark.parametrize("part", ["images", "masks"])
def test_missing_and_empty_folders(root, part):
    for path in (root / part).iterdir():
        path.unlink()
    with pytest.raises(UserError, match=f"{part}: no pictures in it"):
        run(root)
    (root / part).rmdir()
    with pytest.raises(UserError, match=f"{part}: no such folder"):
        run(root)


@pytest.mark.long
def test_the_real_masks(real_data, tmp_path):
    """The counts that data/darkfield's README publishes."""
    pairs, problems = find_pairs(real_data)
    paths = [tmp_path / name for name in NAMES]
    problems += flatten_pairs(
        pairs, *paths, mask_values=VALUES, classes=CLASSES, numbers={}, threads=2
    )
    assert problems == []
    table = pd.read_csv(tmp_path / "flat.csv")
    assert len(table) == 286
    assert table.filter(regex="^pixels_").sum().tolist() == [130243690, 19903758, 1650323]


def test_classes_named_like_columns_leave_the_columns_alone(root):
    """A class named height once overwrote the heights: 180 became 4050."""
    names = ["image", "file", "height"]
    classes = {name: i for i, name in enumerate(names)}
    paths = [root / "out" / name for name in NAMES]
    pairs, _ = find_pairs(root)
    values = {str(i): name for name, i in classes.items()}
    assert not flatten_pairs(
        pairs, *paths, mask_values=values, classes=classes, numbers={}, threads=1
    )
    table = read_csv(root / "out" / NAMES[1])
    masks = [np.asarray(Image.open(root / "masks" / f"{stem}.png")) for stem in table["image"]]
    assert table["height"].tolist() == [len(mask) for mask in masks]
    counted = table[[f"pixels_{name}" for name in names]].to_numpy().tolist()
    assert counted == [np.bincount(mask.ravel(), minlength=3).tolist() for mask in masks]
    options = {"strategy": "random", "seed": 1, "train": 0.5, "val": 0.25, "test": 0.25}
    rows = range(len(table))
    splits = split_images(table, [*rows], [False for _ in rows], names, **options)
    counts = class_counts(table.merge(splits, on="image"), names)
    assert list(counts["pixels"]["all"].values()) == np.sum(counted, axis=0).tolist()


def test_void_is_255_whatever_value_stands_for_it():
    index = np.where(INDEX == 1, VOID, INDEX).tolist()
    grey, palette = (Image.fromarray(np.choose(INDEX, [0, v, 2]).astype(np.uint8)) for v in (9, 1))
    palette.putpalette([0, 0, 0, 224, 224, 192, 0, 255, 0])
    table = {"0": "background", "2": "spirochaete"}
    for picture, void in ((grey, "9"), (palette, "1"), (palette.convert("RGB"), "#e0e0c0")):
        others = {"#00ff00": "spirochaete"} if void.startswith("#") else {}
        assert flatten(picture, table | others | {void: "ignore"}, CLASSES).tolist() == index
    deep = Image.fromarray(np.choose(INDEX, [0, 60000, 2]).astype(np.uint16))
    assert flatten(deep, table | {"60000": "ignore"}, CLASSES).tolist() == index


def test_one_object_per_value_is_refused_with_void_beside_it():
    pixels = np.zeros((9, 9), np.uint16)
    pixels[1, 1:4], pixels[5, 1:4], pixels[8] = 1, 2, 9
    with pytest.raises(ValueError, match="one object per value"):
        flatten(Image.fromarray(pixels), VALUES | {"9": "ignore"}, CLASSES)


def test_void_has_a_column_if_masks_may_have_it(root):
    assert "pixels_ignore" not in read_csv(run(root)[1])
    pixels = np.zeros((20, 30), np.uint8)
    pixels[:2] = 9
    Image.fromarray(pixels).save(root / "masks/a.png")
    options = {"mask_values": VALUES | {"9": "ignore"}, "classes": CLASSES, "threads": 2}
    paths = [root / "void" / name for name in NAMES]
    assert not flatten_pairs(find_pairs(root)[0], *paths, numbers={}, **options)
    table = read_csv(paths[1]).set_index("image")
    assert table["pixels_ignore"].to_dict() == {"001": 0, "a": 60, "b": 0, "c": 0}
    assert table.loc["a", "pixels_background"] == 18 * 30


def test_a_numbered_object_may_reach_into_void(tmp_path):
    numbers, mask = np.zeros((2, 9, 9), np.uint8)
    numbers[2:6, 2:6], numbers[8] = 1, 2
    mask[2:6, 2:6], mask[4:] = 1, VOID
    Image.fromarray(numbers).save(tmp_path / "a.png")
    assert read_numbers(tmp_path / "a.png", mask).tolist() == numbers.tolist()
    mask[2, 2] = 2
    with pytest.raises(ValueError, match="object 1 on pixels of several classes"):
        read_numbers(tmp_path / "a.png", mask)
