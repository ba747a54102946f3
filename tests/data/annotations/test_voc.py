"""Pascal VOC's folders, as CVAT exports masks."""

import numpy as np
import pytest
from PIL import Image

from darkfield.data.annotations.drawing import draw
from darkfield.data.annotations.problems import Problems
from darkfield.data.annotations.voc import labelmap, read

MAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nRBC:184, 61,245::\nwhite:1,2,3::\n"
CLASSES = np.array([[0, 1, 1], [0, 1, 2]])
OBJECTS = np.array([[0, 1, 2], [0, 1, 3]])
COLOURS = np.array([[0, 0, 0], [184, 61, 245], [1, 2, 3]], np.uint8)


@pytest.fixture
def export(tmp_path):
    def write(as_palette=False, objects=OBJECTS, colours=COLOURS, name="a"):
        (tmp_path / "labelmap.txt").write_text(MAP)
        for folder, indices in (("SegmentationClass", CLASSES), ("SegmentationObject", objects)):
            if indices is not None:
                path = tmp_path / folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                palette = colours if folder.endswith("Class") else np.arange(12).reshape(4, 3)
                picture = Image.fromarray(np.uint8(palette)[indices])
                if as_palette:
                    picture = picture.quantize()
                picture.save(path)
        return tmp_path / f"SegmentationClass/{name}.png"

    return write


@pytest.mark.parametrize("as_palette", [True, False])
def test_classes_and_objects(export, tmp_path, as_palette):
    # The colour of index 0 of the objects must be black to mean none.
    path = export(as_palette, colours=COLOURS)
    labels = labelmap(tmp_path / "labelmap.txt")
    assert labels == {0: "background", 0xB83DF5: "RBC", 0x010203: "white"}
    (drawing,) = read(path, labels)
    index = {"background": 0, "RBC": 1, "white": 2}
    mask, _ = draw([(index[r.label], r) for r in drawing.regions], drawing.size)
    assert (mask == CLASSES).all()
    assert sum(r.is_object for r in drawing.regions if r.label == "RBC") == 2


def test_a_mask_in_a_subfolder_has_its_objects(export, tmp_path):
    (drawing,) = read(export(name="p1/a"), labelmap(tmp_path / "labelmap.txt"))
    assert drawing.picture == "p1/a.png"
    assert sum(region.is_object for region in drawing.regions if region.label == "RBC") == 2


def test_without_objects(export, tmp_path):
    path = export(objects=None)
    (drawing,) = read(path, labelmap(tmp_path / "labelmap.txt"))
    assert not any(region.is_object for region in drawing.regions)


def test_colours_that_the_labelmap_does_not_name(export, tmp_path):
    path = export(colours=np.array([[0, 0, 0], [9, 9, 9], [1, 2, 3]]))
    with pytest.raises(Problems, match=r"colours that labelmap.txt does not name: #090909; name"):
        read(path, labelmap(tmp_path / "labelmap.txt"))


def test_a_labelmap_that_is_wrong(tmp_path):
    path = tmp_path / "labelmap.txt"
    path.write_text("a:1,2,3::\nb:1,2\nc:1,2,300::\nd:1,2,3::\n")
    with pytest.raises(Problems) as error:
        labelmap(path)
    assert error.value.lines == [
        "line 2: is not label:red,green,blue:parts:actions; correct it",
        "line 3: is not label:red,green,blue:parts:actions; correct it",
        "line 4: d has the colour of a; give it another",
    ]
