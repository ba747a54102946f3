"""Fields: overlapping crops and copies are found, however exposed; independent scenes are not."""

import tempfile
from pathlib import Path

import cv2
import networkx as nx
import numpy as np
import pytest
from conftest import LONG
from threadpoolctl import threadpool_limits

from darkfield.data import features, fields, retrieval
from darkfield.data.images import read_image
from darkfield.data.pixels import digest
from darkfield.data.retrieval import CANDIDATES, count_votes
from darkfield.data.synthetic import scene

# Of the 286 real images: pixel-identical, and overlapping as seen by eye.
IDENTICAL = "071-073 255-343 270-306 277-284 301-335"
OVERLAPPING = """150-152 107-109 273-296 026-054 228-230 041-057 036-060 291-295 262-287 021-049
271-340 326-354 315-339 008-044 310-352 277-314 284-314 038-039 290-326 020-049 294-312 034-056
020-021 258-281 013-045 012-046 274-314 266-294 266-295 037-060 364-365 203-205 004-005 266-291
281-329 036-037 291-294 294-295 276-312 260-314 299-325 290-354 246-249 267-322 124-128 258-329
356-357 212-213 358-359 260-345"""


def picture(seed, height=512, width=512):
    return scene(np.random.default_rng(seed), height, width)[0]


def exposed(crop, seed, scale):
    """The crop as another photograph, a JPEG: other size, brightness, contrast and noise."""
    rng = np.random.default_rng(seed)
    crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    light = crop * rng.uniform(0.7, 1.2) + rng.uniform(-10, 15) + rng.normal(0, 4, crop.shape)
    _, jpeg = cv2.imencode(
        ".jpg", light.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80]
    )
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


def overlapping_pairs(pictures, parts=1, described=None):
    """Which of different pictures overlap, found in so many parts."""
    described = described or list(map(features.describe, pictures))
    pairs = set()
    with tempfile.TemporaryDirectory() as folder:
        fields.write_likely(described, Path(folder))
        for part in range(parts):
            likely = fields.likely(described, Path(folder), part, parts)
            pairs.update(fields.overlapping(likely, described, pictures))
    return sorted(pairs)


def groups(pictures, parts=1):
    copies = fields.copies_of(list(map(digest, pictures)))
    different = [pictures[same[0]] for same in copies]
    return fields.groups(copies, overlapping_pairs(different, parts))


def proposed(described, parts=1):
    """The candidates of all, looked up in an index in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        retrieval.write_index(described, Path(folder))
        asking = [range(part, len(described), parts) for part in range(parts)]
        return [retrieval.candidates(described, Path(folder), some) for some in asking]


@pytest.fixture(scope="module")
def crops():
    """Eight fields of 2 crops each, 30 to 60 % of each crop shared, and four fields of one."""
    scales = [0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 1.8]
    pictures = []
    for seed, (shared, scale) in enumerate(zip(np.linspace(0.6, 0.3, 8), scales, strict=True)):
        field = picture(seed, 500, 900)
        right = round(500 * (1 - shared))
        pictures += [field[:, :500], exposed(field[:, right : right + 500], seed, scale)]
    return pictures + [picture(seed) for seed in range(8, 12)]


@pytest.fixture(scope="module")
def many(crops):
    """The crops, and as many scenes as make 250 pictures."""
    return crops + [picture(2000 + i, 128, 112 + i % 32) for i in range(230)]


@pytest.fixture(scope="module")
def grouped(crops):
    return groups(crops)


@pytest.fixture
def retrieved(monkeypatch):
    """Candidates are retrieved, however few the pictures."""
    monkeypatch.setattr(fields, "ALL_PAIRS", 0)


def test_overlapping_crops_are_one_group_and_others_are_not(grouped):
    assert grouped == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("limit", [300, 0])
def test_in_how_many_parts_pairs_are_compared_makes_no_difference(limit, crops, monkeypatch):
    """Copies count, wherever they stand; of more parts than pictures some have nothing to do."""
    monkeypatch.setattr(fields, "ALL_PAIRS", limit)
    pictures = [crops[0], crops[7], crops[0], *crops[6:9], crops[1], crops[19], crops[7]]
    found = [groups(pictures, parts) for parts in (1, 2, 5, 11)]
    assert found == [[0, 1, 0, 1, 1, 2, 0, 3, 1]] * 4


def test_what_a_picture_proposes_does_not_depend_on_the_others(crops):
    described = list(map(features.describe, crops))
    (whole,) = proposed(described)
    for parts in (2, 5):
        found = proposed(described, parts)
        assert sorted({pair for part in found for pair in part}) == whole
        assert all(len(part) < len(whole) for part in found)


def test_the_order_of_the_images_makes_no_difference(crops, grouped):
    order = np.random.default_rng(0).permutation(len(crops))
    shuffled = groups([crops[i] for i in order])
    pairs = {
        frozenset(order[[i, j]].tolist())
        for i, j in zip(*np.triu_indices(20, 1), strict=True)
        if shuffled[i] == shuffled[j]
    }
    assert pairs == {frozenset({2 * i, 2 * i + 1}) for i in range(8)}


@pytest.mark.long
def test_retrieval_finds_the_crops_among_many_scenes(many, retrieved):
    pairs = overlapping_pairs(many)
    assert set(pairs) >= {(2 * i, 2 * i + 1) for i in range(8)}
    # Of 31,125 pairs, a few that look alike by chance; they cost nothing but freedom to split.
    assert len(pairs) <= 8 + 5


def test_retrieval_in_another_order_and_with_other_threads(crops, retrieved):
    order = np.random.default_rng(1).permutation(len(crops))
    with threadpool_limits(4):
        pairs = overlapping_pairs([crops[i] for i in order])
    found = {frozenset(order[list(pair)].tolist()) for pair in pairs}
    assert found == {frozenset({2 * i, 2 * i + 1}) for i in range(8)}


@pytest.mark.long
def test_the_same_candidates_whatever_the_threads_and_few(many):
    described = [features.describe(p) for p in many[20:]]
    asked = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            asked += proposed(described)
    assert asked[0] == asked[1] == sorted(set(asked[0]))
    assert all(0 <= a < b < len(described) for a, b in asked[0])
    assert len(asked[0]) <= CANDIDATES * len(described)


@pytest.mark.parametrize(("total", "cells"), [(3, 1), (400, 50), (1600, 160), (6400, 320)])
def test_the_cells_of_an_index_grow_with_the_root_of_many_features(total, cells, monkeypatch):
    """Above (CELL * CELLS)^2 features, here 1,024, their number is capped."""
    monkeypatch.setattr(retrieval, "CELL", 8)
    rng = np.random.default_rng(0)
    descriptors = np.array_split(rng.integers(0, 256, (total, 128), dtype=np.uint8), 3)
    assert retrieval.index_of(descriptors).nlist == cells


def test_votes_that_agree_are_counted_wherever_borders_lie():
    lies = np.array([[0.4, 0.9, -0.1], [0.6, 1.1, 0.1], [0.4, 5.0, 0.0], [0.5, 1.0, 0.0]])
    assert count_votes(np.array([2, 2, 2, 0]), lies, 4).tolist() == [1, 0, 2, 0]


def test_what_is_written_of_pictures_is_what_is_found_again(crops, tmp_path):
    """In two files, one of them of a picture without features."""
    parts = [crops[:3], [np.zeros((64, 32, 3), np.uint8)], []]
    files = [(tmp_path / f"{i}.npy", tmp_path / f"{i}.json") for i in range(len(parts))]
    for part, paths in zip(parts, files, strict=True):
        features.write_features(part, *paths)
    read = features.read_features(*zip(*files, strict=True))
    described = [features.describe(picture) for part in parts for picture in part]
    assert len(described[3].points) == 0
    for a, b in zip(described, read, strict=True):
        assert a.shape == b.shape
        assert a.keypoints.tobytes() == b.keypoints.tobytes()


@pytest.mark.parametrize("size", [(96, 96), (160, 160), LONG((400, 512))])
def test_independent_scenes_are_not_grouped(size):
    assert groups([picture(1000 + i, *size) for i in range(20)]) == list(range(20))


@pytest.mark.parametrize("limit", [300, 0])
def test_identical_pictures_are_one_group(limit, monkeypatch):
    monkeypatch.setattr(fields, "ALL_PAIRS", limit)
    black, cells = np.zeros((64, 64, 3), np.uint8), picture(5, 96, 96)
    pictures = [black, cells, black.copy(), cells.copy(), np.zeros((64, 32, 3), np.uint8)]
    assert groups(pictures) == [0, 1, 0, 1, 2]


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (3, 1000)])
def test_pictures_too_small_for_features(size):
    pictures = [np.full((*size, 3), value, np.uint8) for value in (0, 9)]
    assert groups(pictures) == [0, 1]


def test_featureless_pictures_have_no_candidates(retrieved):
    grey = [np.full((64, 64, 3), value, np.uint8) for value in range(5)]
    assert groups(grey) == list(range(5))


def test_no_images_no_groups():
    assert groups([]) == []


def test_places_count_a_cluster_once():
    points = np.array([[0, 0], [3, 3], [100, 0], [0, 100], [100, 3]], np.float32)
    assert fields.places(points) == 3
    assert fields.places(points[:0]) == 0


def test_likeness_is_of_the_shared_part():
    field = cv2.cvtColor(picture(3, 400, 600), cv2.COLOR_RGB2GRAY)
    left, right = field[:, :400], field[:, 200:]
    shift, off, far = (np.array([[1.0, 0, x], [0, 1, 0]]) for x in (-200, -160, -1000))
    assert fields.likeness(left, right, shift) > 0.99
    assert fields.likeness(left, right, off) < 0.5
    assert fields.likeness(left, right, far) == 0


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("limit", [300, 0])
def test_real_images(real_data, limit, monkeypatch):
    monkeypatch.setattr(fields, "ALL_PAIRS", limit)
    paths = sorted((real_data / "images").iterdir())
    found_pairs = overlapping_pairs([read_image(p) for p in paths])
    pairs = [(paths[i].stem, paths[j].stem) for i, j in found_pairs]
    found = {"-".join(pair) for pair in pairs}
    identical, overlapping = set(IDENTICAL.split()), set(OVERLAPPING.split())
    assert found >= identical
    assert len(found & overlapping) >= 49
    assert found <= identical | overlapping
    assert max(map(len, nx.connected_components(nx.Graph(pairs)))) <= 12
