"""Files appear whole or not at all; digests see every change."""

import os

import pandas as pd
import pytest

from darkfield.files import atomic, folder_digest, hand_over, read_csv, write_csv, write_json


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "sub" / "a.txt"
    with atomic(path) as part:
        part.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path):
    for names in (["a", "b"], ["c"]):
        with atomic(tmp_path / "out") as part:
            part.mkdir()
            for name in names:
                (part / name).touch()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["c"]


def test_nan_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_names_that_look_like_something_else_stay_text(tmp_path):
    names = ["001", "NA", "1e5", "null", 'a "b", c']
    write_csv(tmp_path / "a.csv", pd.DataFrame({"image": names, "x": [1.5, None, 3, 4, 0.1]}))
    table = read_csv(tmp_path / "a.csv")
    assert table["image"].tolist() == names
    assert table["x"].isna().tolist() == [False, True, False, False, False]
    assert table["x"][4] == 0.1


@pytest.fixture
def root(tmp_path):
    for part in ("images", "masks"):
        (tmp_path / "root" / part).mkdir(parents=True)
        (tmp_path / "root" / part / "a.png").write_text(part)
    return tmp_path / "root"


def test_digest_sees_edits_additions_removals_and_names(root, tmp_path):
    cache, seen = tmp_path / "cache.json", []

    def digest():
        value = folder_digest(root, cache)
        cache.unlink()
        assert folder_digest(root, cache) == value == folder_digest(root, cache)
        seen.append(value)

    digest()
    (root / "images" / "a.png").write_text("IMAGES")
    digest()
    (root / "masks" / "b.png").write_text("b")
    digest()
    (root / "masks" / "b.png").rename(root / "masks" / "c.png")
    digest()
    assert len(set(seen)) == 4
    (root / "masks" / "c.png").unlink()
    (root / "images" / "a.png").write_text("images")
    assert folder_digest(root, cache) == seen[0]


def test_digest_is_of_contents_not_of_time_or_place(root, tmp_path):
    before = folder_digest(root, tmp_path / "cache.json")
    os.utime(root / "images" / "a.png", ns=(1, 1))
    moved = root.rename(tmp_path / "elsewhere")
    assert folder_digest(moved, tmp_path / "cache.json") == before


def test_digest_reads_an_unchanged_file_only_once(root, tmp_path):
    before = folder_digest(root, tmp_path / "cache.json")
    path = root / "images" / "a.png"
    stat = path.stat()
    path.write_text("IMAGES")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert folder_digest(root, tmp_path / "cache.json") == before


def test_hand_over_outlives_its_source(tmp_path):
    (tmp_path / "a").write_text("weights")
    hand_over(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a").unlink()
    assert (tmp_path / "b").read_text() == "weights"
