"""ImageJ's outlines, written by roifile."""

import numpy as np
import pytest
from roifile import ROI_TYPE, ImagejRoi, roiwrite

from darkfield.data.annotations.drawing import Drawing, draw
from darkfield.data.annotations.imagej import label_of, read, region_of
from darkfield.data.annotations.names import classified, parse
from darkfield.data.annotations.problems import Problems
from darkfield.data.annotations.programs import drawings_of

SQUARE = np.zeros((6, 8), int)
SQUARE[1:3, 2:6] = 1


def box(kind, **others):
    return ImagejRoi(roitype=kind, left=2, top=1, right=6, bottom=3, **others)


def polygon(points, **others):
    return ImagejRoi.frompoints(np.array(points), **others)


def drawn(path, *rois):
    if path.suffix == ".roi":
        rois[0].tofile(path)
    else:
        roiwrite(path, list(rois), mode="w")
    return draw([(1, region) for region in read(path)], (6, 8))[1]


def test_whole_coordinates_are_corners_of_pixels(tmp_path):
    corners = [[2, 1], [6, 1], [6, 3], [2, 3]]
    for roi in (box(ROI_TYPE.RECT, name="a"), polygon(corners, name="a")):
        assert (drawn(tmp_path / "a.roi", roi) == SQUARE).all()


def test_an_oval_fills_its_box(tmp_path):
    roi = ImagejRoi(roitype=ROI_TYPE.OVAL, left=1, top=0, right=7, bottom=6)
    found = drawn(tmp_path / "a.roi", roi)
    assert found.any(axis=0).nonzero()[0].tolist() == list(range(1, 7))
    assert found.any(axis=1).nonzero()[0].tolist() == list(range(6))
    assert found[0, 1] == found[5, 6] == 0


def test_a_set_of_outlines_keeps_their_order(tmp_path):
    second = polygon([[5, 2], [8, 2], [8, 5], [5, 5]], name="spirochaete 2")
    found = drawn(tmp_path / "RoiSet.zip", box(ROI_TYPE.RECT, name="RBC"), second)
    assert found[2].tolist() == [0, 0, 1, 1, 1, 2, 2, 2]
    assert [r.label for r in read(tmp_path / "RoiSet.zip")] == ["RBC", "spirochaete"]


def test_centres_on_a_slope_belong_to_the_right_edge(tmp_path):
    """ImageJ's PolygonFiller leaves out the left edge and takes the right one."""
    found = drawn(tmp_path / "a.roi", polygon([[0, 0], [4, 0], [0, 4]], name="a"))
    assert found.sum(axis=1).tolist() == [4, 3, 2, 1, 0, 0]


def test_composite_outlines_have_holes(tmp_path):
    rings = [[(0, 0), (6, 0), (6, 5), (0, 5)], [(1, 1), (5, 1), (5, 4), (1, 4)]]
    segments = [
        step
        for (x, y), *others in rings
        for step in ([0, x, y], *([1, *point] for point in others), [4])
    ]
    roi = ImagejRoi(roitype=ROI_TYPE.RECT, right=6, bottom=5, name="a")
    roi.multi_coordinates = np.concatenate(segments).astype(np.float32)
    roi.shape_roi_size = len(roi.multi_coordinates)
    assert drawn(tmp_path / "a.roi", roi).sum() == 30 - 12


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("erythrocyte 12", "erythrocyte"),
        ("cell_3", "cell"),
        ("0012-0345", ""),
        ("3", ""),
        ("a", "a"),
    ],
)
def test_labels(name, label):
    assert label_of(name) == label


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("cell", [], "cell"),
        ("cell2", [], "cell2"),
        ("cell 2", [], "cell"),
        ("cell_2", [], "cell"),
        ("cell2 7", [], "cell2"),
        ("cell2-7", [], "cell2"),
        ("gram- 2", [], "gram-"),
        ("x_ 1", [], "x_"),
        ("x 1", [], "x"),
        ("_ 1", [], "_"),
        ("grade2", ["grade=x", "grade2=cell"], "cell"),
        ("grade1", ["grade=x", "grade2=cell"], "x"),
        ("0012-0345", ["*=cell"], "cell"),
        ("grade1", [], None),
    ],
)
def test_a_number_that_belongs_to_the_name_of_a_class_is_kept(name, options, expected):
    names = ("background", "cell", "cell2", "gram-", "x", "x_", "_")
    classes = {name: index for index, name in enumerate(names)}
    found = classified(region_of(box(ROI_TYPE.RECT, name=name)), parse(options, classes), classes)
    assert (found and names[found[0]]) == expected


def test_what_cannot_be_drawn(tmp_path):
    rois = [
        box(ROI_TYPE.LINE, name="a"),
        box(ROI_TYPE.RECT, name="b", rounded_rect_arc_size=3),
        polygon([[1, 1], [2, 2]], name="c"),
    ]
    roiwrite(tmp_path / "a.zip", rois, mode="w")
    with pytest.raises(Problems) as error:
        read(tmp_path / "a.zip")
    assert error.value.lines == [
        "outline 1: 'a' is a line, which has no area; draw its outline",
        "outline 2: 'b' is a rounded rectangle, which has no area; draw its outline",
        "outline 3: has 2 points, not 3; draw it again",
    ]


def test_a_set_without_outlines_is_an_empty_drawing(tmp_path):
    roiwrite(tmp_path / "a.zip", [], mode="w")
    assert drawings_of(tmp_path / "a.zip") == [Drawing("a", None, [], told=False)]


def test_outlines_on_several_planes(tmp_path):
    rois = [box(ROI_TYPE.RECT, name=str(k), position=k) for k in (1, 2)]
    roiwrite(tmp_path / "a.zip", rois, mode="w")
    with pytest.raises(Problems, match="has outlines on 2 planes of a stack"):
        read(tmp_path / "a.zip")


def test_a_damaged_file(tmp_path):
    (tmp_path / "a.roi").write_bytes(b"Iout")
    with pytest.raises(ValueError, match="cannot be read as ImageJ's outlines; save it again"):
        read(tmp_path / "a.roi")
