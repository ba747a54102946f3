"""darkfield masks: a source of any kind becomes masks, instances and images, or nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image
from rle_pack import packed
from roifile import ROI_TYPE, ImagejRoi, roiwrite

from darkfield.classes import VOID
from darkfield.data.annotations.convert import convert
from darkfield.data.annotations.names import parse
from darkfield.data.pairs import find_pairs
from darkfield.files import UserError

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
SIZE = (6, 8)
NUMBERS = np.zeros(SIZE, np.uint16)
NUMBERS[1:3, 2:6], NUMBERS[4, 0:3] = 1, 2
MASK = np.minimum(NUMBERS, 1)
BOXES = [(2, 1, 6, 3), (0, 4, 3, 5)]  # left, top, right, bottom of the two objects
RINGS = [[[x, y], [X, y], [X, Y], [x, Y]] for x, y, X, Y in BOXES]
ANY = ["*=erythrocyte"]
EACH = ["instances=erythrocyte"]


def labelme(folder: Path) -> list[str]:
    shapes = [
        {"label": "RBC", "shape_type": "rectangle", "points": [[x, y], [X - 1, Y - 1]]}
        for x, y, X, Y in BOXES
    ]
    content = {"imagePath": "a.png", "imageHeight": 6, "imageWidth": 8, "shapes": shapes}
    (folder / "a.json").write_text(json.dumps(content))
    return ["RBC=erythrocyte"]


def coco(folder: Path) -> list[str]:
    images = [{"id": 1, "file_name": "deep/a.png", "height": 6, "width": 8}]
    annotations = [
        {"image_id": 1, "category_id": 3, "segmentation": [np.ravel(ring).tolist()]}
        for ring in RINGS
    ]
    content = {"images": images, "annotations": annotations}
    content["categories"] = [{"id": 3, "name": "Erythrocyte"}]
    (folder / "instances.json").write_text("\ufeff" + json.dumps(content), encoding="utf-8")
    return []


def cvat(folder: Path) -> list[str]:
    shapes = "".join(
        f'<box label="erythrocyte" xtl="{x}" ytl="{y}" xbr="{X}" ybr="{Y}"/>'
        for x, y, X, Y in BOXES
    )
    image = f'<image name="a.png" width="8" height="6">{shapes}</image>'
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    (folder / "annotations.xml").write_text(f"{head}<annotations>{image}</annotations>")
    return []


def cvat_masks(folder: Path) -> list[str]:
    (folder / "labelmap.txt").write_text("background:0,0,0::\nRBC:5,0,0::\n")
    for name, indices in (("SegmentationClass", MASK), ("SegmentationObject", NUMBERS)):
        (folder / name).mkdir()
        colours = np.array([[0, 0, 0], [5, 0, 0], [9, 9, 9]], np.uint8)
        Image.fromarray(colours[indices]).save(folder / name / "a.png")
    return ["RBC=erythrocyte"]


def label_studio(folder: Path) -> list[str]:
    results = [
        {
            "type": "brushlabels",
            "original_width": 8,
            "original_height": 6,
            "value": {"rle": packed(255 * (n == NUMBERS)), "brushlabels": ["erythrocyte"]},
        }
        for n in (1, 2)
    ]
    task = {
        "data": {"image": "/data/upload/1/0123abcd-a.png"},
        "annotations": [{"result": results}],
    }
    (folder / "project-1.json").write_text(json.dumps([task]))
    return []


def qupath(folder: Path) -> list[str]:
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}}
        for ring in RINGS
    ]
    content = {"type": "FeatureCollection", "features": features}
    (folder / "a.geojson").write_text(json.dumps(content))
    return ANY


def imagej(folder: Path) -> list[str]:
    rois = [
        ImagejRoi(roitype=ROI_TYPE.RECT, left=x, top=y, right=X, bottom=Y, name=f"erythrocyte {n}")
        for n, (x, y, X, Y) in enumerate(BOXES)
    ]
    roiwrite(folder / "a_RoiSet.zip", rois, mode="w")
    return []


def napari(folder: Path) -> list[str]:
    tifffile.imwrite(folder / "a_labels.tif", NUMBERS.astype(np.int64))
    return EACH


def cellpose(folder: Path) -> list[str]:
    np.save(folder / "a_seg.npy", {"masks": NUMBERS, "filename": "a.png"})
    return EACH


def cellpose_png(folder: Path) -> list[str]:
    Image.fromarray(NUMBERS).save(folder / "a_cp_masks.png")
    return EACH


def ilastik(folder: Path) -> list[str]:
    with h5py.File(folder / "a_Simple Segmentation.h5", "w") as file:
        file["exported_data"] = MASK[..., None].astype(np.uint8) + 1
    return ["1=background", "2=erythrocyte"]


PROGRAMS = [
    *(labelme, coco, cvat, cvat_masks, label_studio, qupath, imagej, napari, cellpose),
    *(cellpose_png, ilastik),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "source").mkdir()
    picture(tmp_path / "source/a.png")
    return tmp_path / "source"


def picture(path, size=SIZE):
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path)


def run(source, out, *options):
    return convert(source, out, parse(options, CLASSES), CLASSES)


def pixels(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_programs(folder, tmp_path, program):
    options = program(folder)
    said = run(folder, out := tmp_path / "root", *options)
    assert (pixels(out / "masks/a.png") == MASK).all()
    assert (out / "images/a.png").read_bytes() == (folder / "a.png").read_bytes()
    if program is ilastik:
        assert not (out / "instances").exists()
        assert said == [
            f"{out}: masks: 1, objects: 0",
            "objects are not numbered on a: it has classes only",
        ]
    else:
        assert (pixels(out / "instances/a.png") == NUMBERS).all()
        assert pixels(out / "instances/a.png").dtype == np.uint16
        assert said == [f"{out}: masks: 1, objects: 2"]


def test_one_file_whose_pictures_are_there_already(folder, tmp_path):
    coco(folder)
    (tmp_path / "root").mkdir()
    shutil.move(folder, tmp_path / "root/images")
    run(tmp_path / "root/images/instances.json", tmp_path / "root")
    assert (pixels(tmp_path / "root/masks/a.png") == MASK).all()
    assert sorted(p.name for p in (tmp_path / "root/images").iterdir()) == [
        "a.png",
        "instances.json",
    ]


def subfolders(folder: Path) -> None:
    shapes = '<box label="erythrocyte" xtl="2" ytl="1" xbr="6" ybr="3"/>'
    images = "".join(
        f'<image name="p{n}/001.png" width="8" height="6">{shapes}</image>' for n in (1, 2)
    )
    (folder / "annotations.xml").write_text(f"<annotations>{images}</annotations>")
    for n in (1, 2):
        (folder / f"p{n}").mkdir()
        picture(folder / f"p{n}/001.png")


def test_pictures_in_subfolders_of_the_images_have_their_names(folder, tmp_path):
    subfolders(folder)
    (folder / "annotations.xml").rename(tmp_path / "annotations.xml")
    (out := tmp_path / "root").mkdir()
    folder.rename(out / "images")
    (out / "images/a.png").unlink()
    run(tmp_path / "annotations.xml", out)
    masks = {path.stem for path in (out / "masks").iterdir()}
    assert masks == {"p1_001", "p2_001"} == find_pairs(out)[0].keys()


def test_two_pictures_of_one_name_elsewhere_are_refused(folder, tmp_path):
    subfolders(folder)
    with pytest.raises(UserError, match=r"has the name of another picture, .*p1/001\.png; rename"):
        run(folder, tmp_path / "root")


def test_what_is_assumed_is_said(folder, tmp_path):
    labelme(folder)
    for name in ("b", "c"):
        content = {"imagePath": f"{name}.png", "imageHeight": 6, "imageWidth": 8, "shapes": []}
        (folder / f"{name}.json").write_text(json.dumps(content))
    picture(folder / "b.png")
    for name in ("notes.txt", "other.json"):
        (folder / name).write_text("[1]" if name == "other.json" else "")
    assert run(folder, out := tmp_path / "root", "RBC=erythrocyte") == [
        f"{out}: masks: 3, objects: 2",
        "nothing is drawn on b, c: all of it is background",
        f"no picture found for c: put it into {out / 'images'}",
        "passed over: 1 .json, 1 .txt",
    ]


def test_a_picture_is_not_taken_for_another_one_that_a_program_names(folder, tmp_path):
    labelme(folder)
    content = json.loads((folder / "a.json").read_text()) | {"imagePath": "a_1.png"}
    (folder / "a.json").write_text(json.dumps(content))
    said = run(folder, out := tmp_path / "root", "RBC=erythrocyte")
    assert f"no picture found for a_1: put it into {out / 'images'}" in said
    assert [path.name for path in (out / "masks").iterdir()] == ["a_1.png"]
    assert not (out / "images").exists()


def test_label_images_beside_annotations_are_passed_over_but_no_annotated_picture(folder, tmp_path):
    labelme(folder)
    content = json.loads((folder / "a.json").read_text()) | {"imagePath": "a_green.png"}
    (folder / "a_green.json").write_text(json.dumps(content))
    picture(folder / "a_green.png")
    cellpose_png(folder)
    assert run(folder, out := tmp_path / "root", "RBC=erythrocyte") == [
        f"{out}: masks: 2, objects: 4",
        "passed over: 1 .png",
    ]


def test_all_problems_at_once_and_nothing_is_written(folder, tmp_path):
    labelme(folder)
    qupath(folder)
    imagej(folder)
    np.save(folder / "far.npy", NUMBERS)
    np.save(folder / "many.npy", np.zeros((2, 3, 4), int))
    picture(folder / "far.png", (5, 5))
    (folder / "broken.json").write_text("{")
    (folder / "broken.xml").write_text("<annotations>")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04")
    (folder / "nameless.xml").write_text(
        '<annotations><image name=".png" width="8" height="6"/></annotations>'
    )
    (folder / "alone.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(UserError) as error:
        run(folder, tmp_path / "root")
    lines = [line.removeprefix(f"{folder}/") for line in str(error.value).split("\n")]
    for start, words in (
        ("a.geojson: ", "has objects of no class"),
        ("a.json: ", "has labels that data.classes does not name: 'RBC'"),
        ("alone.geojson: ", "does not tell the size of its picture; put the picture beside it"),
        ("broken.json: ", "is not JSON"),
        ("broken.xml: ", "is not XML"),
        ("broken.zip: ", "is a damaged ZIP file"),
        ("far.npy: ", "holds the values 1, 2"),
        ("many.npy: ", "holds 2 x 3 x 4 values"),
        ("nameless.xml: ", ".png: does not name its picture"),
    ):
        assert any(line.startswith(start + words) for line in lines), start
    assert len(lines) == 9
    assert not (tmp_path / "root").exists()


def test_a_mask_of_another_size_and_a_second_mask(folder, tmp_path):
    np.save(folder / "a.npy", NUMBERS)
    np.save(folder / "a_seg.npy", NUMBERS[:5])
    with pytest.raises(UserError, match="is a second mask of this picture; keep one"):
        run(folder, tmp_path / "root", *EACH)
    (folder / "a.npy").unlink()
    with pytest.raises(UserError, match=r"is drawn on 8x5 pixels, but .*a\.png has 8x6"):
        run(folder, tmp_path / "root", *EACH)


def test_nothing_is_written_over_and_nothing_found_is_said(folder, tmp_path):
    labelme(folder)
    run(folder, tmp_path / "root", "RBC=erythrocyte")
    with pytest.raises(UserError) as error:
        run(tmp_path / "none", tmp_path / "root")
    assert str(error.value).split("\n") == [
        f"{tmp_path}/root/masks: is there already; remove it, or name another folder",
        f"{tmp_path}/root/instances: is there already; remove it, or name another folder",
        f"{tmp_path}/none: no such file or folder",
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no annotations of a known program"):
        run(tmp_path / "empty", tmp_path / "other")


def test_objects_are_numbered_only_where_all_are_known(folder, tmp_path):
    np.save(folder / "a.npy", NUMBERS)
    run(folder, out := tmp_path / "root", "2=spirochaete", *EACH)
    assert (pixels(out / "masks/a.png") == NUMBERS).all()
    assert not (out / "instances").exists()


@pytest.mark.parametrize(("outside", "word"), [(1, "background"), (VOID, "ignore")])
def test_what_nobody_drew_on_is_the_background_or_ignored(folder, tmp_path, outside, word):
    coco(folder)
    content = json.loads((folder / "instances.json").read_text(encoding="utf-8-sig"))
    content["images"] += [{"id": 2, "file_name": "b.png", "height": 6, "width": 8}]
    (folder / "instances.json").write_text(json.dumps(content))
    classes = {"erythrocyte": 0, "background": 1}
    said = convert(folder, out := tmp_path / "root", [], classes, outside)
    assert (pixels(out / "masks/a.png") == np.where(NUMBERS > 0, 0, outside)).all()
    assert (pixels(out / "instances/a.png") == NUMBERS).all()
    assert f"nothing is drawn on b: all of it is {word}" in said


def test_the_command(folder, tmp_path):
    labelme(folder)
    root = Path(__file__).parents[3]
    command = [Path(sys.executable).with_name("darkfield"), "masks", folder, "--out"]
    command += [tmp_path / "root", "--label", "RBC=erythrocyte"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.endswith(f"\nnow set data.root: {tmp_path}/root in params.yaml\n")
    assert (pixels(tmp_path / "root/masks/a.png") == MASK).all()
