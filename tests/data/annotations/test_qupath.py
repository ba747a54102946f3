"""QuPath's GeoJSON, and that of our own predictions."""

import numpy as np
import pytest

from darkfield.data.annotations.drawing import draw
from darkfield.data.annotations.problems import Problems
from darkfield.data.annotations.qupath import features, read


def feature(kind, coordinates, classification=None, **plane):
    geometry = {"type": kind, "coordinates": coordinates} | ({"plane": plane} if plane else {})
    properties = {"objectType": "annotation", "classification": classification}
    return {"type": "Feature", "id": "0", "geometry": geometry, "properties": properties}


OUTER, HOLE = (
    [[x, y], [x + n, y], [x + n, y + n], [x, y + n], [x, y]] for x, y, n in ((1, 1, 4), (2, 2, 2))
)
FAR = [[6, 0], [7, 0], [7, 1], [6, 1], [6, 0]]
RBC = {"name": "RBC", "color": [255, 0, 0]}


def test_pieces_and_holes_are_one_object():
    found = read([feature("MultiPolygon", [[OUTER, HOLE], [FAR]], RBC)])
    expected = np.zeros((6, 8), int)
    expected[1:5, 1:5], expected[2:4, 2:4], expected[0, 6] = 1, 0, 1
    assert (draw([(1, region) for region in found], (6, 8))[1] == expected).all()


@pytest.mark.parametrize(
    ("classification", "label"),
    [(RBC, "RBC"), ("RBC", "RBC"), ({"names": ["RBC", "sick"]}, "RBC: sick"), (None, "")],
)
def test_labels(classification, label):
    one = feature("Polygon", [OUTER], classification)
    for content in (one, [one], {"type": "FeatureCollection", "features": [one]}):
        assert features(content) == [one]
        assert [region.label for region in read(content)] == [label]


@pytest.mark.parametrize("content", [{}, [], [1], {"type": "Feature collection"}, {"a": 1}, "x"])
def test_other_json(content):
    assert features(content) is None


def test_what_cannot_be_drawn():
    with pytest.raises(Problems) as error:
        read(
            [feature("Point", [1, 2], RBC), feature("Polygon", [OUTER[:2]]), feature("Polygon", 1)]
        )
    assert error.value.lines[:2] == [
        "feature 1: 'RBC' is a Point, which has no area; draw its outline",
        "feature 2: has 2 points, not 3; draw it again",
    ]
    assert error.value.lines[2].startswith("feature 3: coordinates.0: Input should be a valid list")
    with pytest.raises(Problems, match="has objects on 2 planes of a stack"):
        read([feature("Polygon", [OUTER], z=k) for k in range(2)])
