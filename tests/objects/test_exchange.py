"""Files for other programs, opened by readers of these: napari, shapely, roifile, tifffile."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import roifile
import tifffile
from shapely.geometry import shape

from darkfield.objects.exchange import (
    corners,
    has_size,
    outlines,
    write_geojson,
    write_instances,
    write_rois,
)
from darkfield.objects.table import find, object_table

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
KINDS = {"erythrocyte": "blob", "spirochaete": "filament"}
COLOURS = {"erythrocyte": "#E69F00", "spirochaete": "#56B4E9"}
# What QuPath writes and reads (docs: Exporting annotations): RFC 7946, and these properties.
QUPATH = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "geometry", "properties"],
                "properties": {
                    "type": {"const": "Feature"},
                    "geometry": {
                        "type": "object",
                        "properties": {"type": {"enum": ["Polygon", "MultiPolygon"]}},
                    },
                    "properties": {
                        "type": "object",
                        "required": ["objectType", "classification"],
                        "properties": {
                            "objectType": {"enum": ["annotation", "detection", "cell", "tile"]},
                            "name": {"type": "string"},
                            "classification": {
                                "type": "object",
                                "required": ["name", "color"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "color": {
                                        "type": "array",
                                        "minItems": 3,
                                        "maxItems": 3,
                                        "items": {"type": "integer", "minimum": 0, "maximum": 255},
                                    },
                                },
                            },
                            "measurements": {
                                "type": "object",
                                "additionalProperties": {"type": "number"},
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def scene():
    """A cell, a ring-shaped cell cut by the border, and two filaments that cross."""
    mask = np.zeros((120, 200), np.uint8)
    y, x = np.mgrid[:120, :200]
    mask[np.hypot(y - 60, x - 50) <= 20] = 1
    mask[(np.hypot(y - 110, x - 150) <= 20) & (np.hypot(y - 100, x - 150) > 4)] = 1
    mask[20:24, 20:180] = mask[4:60, 120:124] = 2
    found = find(mask, CLASSES, KINDS)
    rows = object_table(mask, CLASSES, KINDS, 0.5)
    labels = [of.labels for of in found.values()]
    return rows, labels, [polygons for part in labels for polygons in outlines(part)]


def test_outlines_have_the_area_and_place_of_the_pixels():
    labels = np.zeros((9, 12), int)
    labels[2:5, 3:8], labels[3, 5] = 1, 0  # 3 x 5 with a hole
    labels[7, 1] = labels[7, 3] = 2  # two pixels apart
    one, two = outlines(labels)
    ((outer, hole),) = one
    assert outer.min(axis=0).tolist() == [3, 2] and outer.max(axis=0).tolist() == [8, 5]
    assert hole.mean(axis=0) == pytest.approx([5.5, 3.5], abs=0.2)
    assert shape({"type": "Polygon", "coordinates": [outer, hole]}).area == pytest.approx(
        15 - 4 / 8 - 1 / 2
    )
    assert [len(polygon) for polygon in two] == [1, 1]
    assert len(outer) == 9  # corners only, cut


def test_only_straight_points_are_dropped():
    ring = np.array([[0, 0], [1, 0], [2, 0], [2, 1], [1, 2], [0, 2], [0, 1], [0, 0]], float)
    assert corners(ring).tolist() == [[0, 0], [2, 0], [2, 1], [1, 2], [0, 2], [0, 0]]
    moved = np.roll(ring[:-1], -1, axis=0)  # begins amid a straight side
    assert len(corners(np.concatenate([moved, moved[:1]]))) == 6


def test_geojson_is_what_qupath_reads(scene, tmp_path):
    rows, labels, polygons = scene
    write_geojson(tmp_path / "a.geojson", rows, polygons, COLOURS)
    read = json.loads((tmp_path / "a.geojson").read_text())
    jsonschema.validate(read, QUPATH)
    assert len(read["features"]) == len(rows) == 4
    for feature, (_, row) in zip(read["features"], rows.iterrows(), strict=True):
        geometry, said = shape(feature["geometry"]), feature["properties"]
        assert geometry.is_valid
        numbers = labels[row["class"] == "spirochaete"]
        pixels = (numbers == row["label"]).sum()
        assert geometry.area == pytest.approx(pixels, abs=20)  # corners are cut
        assert geometry.centroid.x - 0.5 == pytest.approx(row["x"], abs=0.3)
        assert geometry.centroid.y - 0.5 == pytest.approx(row["y"], abs=0.3)
        assert said["classification"]["name"] == row["class"]
        assert said["classification"]["color"][0] in (0xE6, 0x56)
        assert said["measurements"]["area_px"] == row["area_px"]
        assert ("length_um" in said["measurements"]) == (row["class"] == "spirochaete")


def test_rois_are_what_imagej_reads(scene, tmp_path):
    rows, _, polygons = scene
    write_rois(tmp_path / "a.zip", rows, polygons, COLOURS)
    read = roifile.roiread(tmp_path / "a.zip")
    assert [roi.name for roi in read] == (rows["class"] + " " + rows["label"].astype(str)).tolist()
    for roi, pieces in zip(read, polygons, strict=True):
        rings = [ring for polygon in pieces for ring in polygon]
        for ours, theirs in zip(rings, roi.coordinates(multi=True), strict=True):
            np.testing.assert_allclose(theirs, ours)
        every = np.concatenate(rings)
        assert roi.left <= every[:, 0].min() and roi.bottom >= every[:, 1].max()
        assert roi.stroke_color[1:].hex() == COLOURS[roi.name.split()[0]][1:].lower()


@pytest.mark.parametrize("um", [None, 0.25])
def test_label_images_have_numbers_and_the_size_of_a_pixel(scene, tmp_path, um):
    _, (cells, _), _ = scene
    write_instances(tmp_path / "a.tif", cells, um)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        assert page.dtype == np.uint16
        np.testing.assert_array_equal(page.asarray(), cells)
        assert file.is_ome
        assert ("PhysicalSizeX" in file.ome_metadata) == (um is not None)
        if um:
            assert 'PhysicalSizeX="0.25"' in file.ome_metadata
            assert page.get_resolution("MICROMETER") == pytest.approx((4, 4))


def test_napari_reads_the_numbers(scene, tmp_path):
    from napari_builtins.io import napari_get_reader

    _, (cells, _), _ = scene
    path = str(tmp_path / "a.tif")
    write_instances(Path(path), cells, 0.25)
    ((numbers, *_),) = napari_get_reader(path)(path)
    np.testing.assert_array_equal(numbers, cells)
    assert numbers.dtype == np.uint16  # of an integer, which napari offers as labels


def test_confidence_is_among_the_measurements(scene, tmp_path):
    rows, _, polygons = scene
    confidence = np.where(rows.index == 0, np.nan, 0.75)
    write_geojson(tmp_path / "a.geojson", rows.assign(confidence=confidence), polygons, COLOURS)
    first, *others = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert "confidence" not in first["properties"]["measurements"]  # of one that has none
    assert {each["properties"]["measurements"]["confidence"] for each in others} == {0.75}


def test_a_size_that_tags_cannot_hold_is_in_the_metadata(tmp_path):
    write_instances(tmp_path / "a.tif", np.zeros((4, 5), int), 1e-6)
    assert has_size(tmp_path / "a.tif", 1e-6) and not has_size(tmp_path / "a.tif", None)
    (tmp_path / "b.tif").write_text("no TIFF")
    assert not has_size(tmp_path / "b.tif", 0.1)


def test_more_objects_than_16_bits_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"has 65,536 objects .* --instances"):
        write_instances(tmp_path / "a.tif", np.full((2, 2), 65536), None)
    assert not list(tmp_path.iterdir())


def test_nothing_found_makes_files_without_objects(tmp_path):
    empty = np.zeros((8, 9), np.uint8)
    rows = object_table(empty, CLASSES, KINDS)
    write_geojson(tmp_path / "a.geojson", rows, [], COLOURS)
    assert json.loads((tmp_path / "a.geojson").read_text())["features"] == []
    write_rois(tmp_path / "a.zip", rows, [], COLOURS)
    assert not roifile.roiread(tmp_path / "a.zip")
    assert not list(outlines(find(empty, CLASSES, KINDS)["spirochaete"].labels))
