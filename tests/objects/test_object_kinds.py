"""Each class has objects of its kind: components, blobs or filaments."""

import numpy as np

from darkfield.objects.kinds import kinds_of, label_components
from darkfield.objects.table import find, object_table

CLASSES = {"sky": 0, "car": 1, "pole": 2, "cell": 3}


def test_a_class_not_named_has_components_and_the_background_none():
    assert kinds_of(CLASSES, None, {"pole": "filament"}) == {
        **{"sky": "component", "car": "component", "pole": "filament", "cell": "component"}
    }
    assert [*kinds_of(CLASSES, "car", {})] == ["sky", "pole", "cell"]


def test_components_are_connected_by_corners_and_numbered_from_the_top():
    mask = np.array([[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], bool)
    assert label_components(mask).tolist() == [
        *([0, 0, 0, 1], [2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 3])
    ]


def test_touching_discs_are_one_component_and_two_blobs():
    y, x = np.mgrid[:60, :100]
    mask = np.zeros((60, 100), np.uint8)
    for centre in (30, 64):
        mask[np.hypot(y - 30, x - centre) <= 18] = 3
    for kind, n in (("component", 1), ("blob", 2)):
        table = object_table(mask, CLASSES, {"car": "component", "cell": kind})
        assert table["class"].tolist() == ["cell"] * n


def test_a_filament_may_cover_blobs_of_several_classes():
    y, x = np.mgrid[:60, :160]
    mask = np.zeros((60, 160), np.uint8)
    for centre, index in ((40, 1), (120, 3)):
        mask[np.hypot(y - 30, x - centre) <= 20] = index
    mask[28:32, 10:150] = 2
    kinds = {"car": "blob", "pole": "filament", "cell": "blob"}
    found = find(mask, CLASSES, kinds)
    assert [found[name].labels[30, at] for name, at in (("car", 40), ("cell", 120))] == [1, 1]
    table = object_table(mask, CLASSES, kinds, found=found)
    assert table["class"].tolist() == ["car", "pole", "cell"]
    assert table.loc[1, "distance_px"] == 0
