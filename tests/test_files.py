"""Files appear whole or not at all; digests see every change."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from darkfield.files import (
    LONGEST_NAME,
    atomic,
    folder_digest,
    hand_over,
    keep_only,
    read_csv,
    read_json,
    sweep,
    write_csv,
    write_json,
)


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


def test_a_folder_is_there_at_every_moment_while_it_is_replaced(tmp_path, monkeypatch):
    path, there, rename = tmp_path / "out", [], Path.rename

    def watched(self, target):
        result = rename(self, target)
        there.append(path.is_dir())
        return result

    with atomic(path) as part:
        part.mkdir()
        (part / "old").touch()
    monkeypatch.setattr(Path, "rename", watched)
    with atomic(path) as part:
        part.mkdir()
        (part / "new").touch()
    assert all(there) and [p.name for p in path.iterdir()] == ["new"]


WRITER = """
import sys, time
from pathlib import Path
from darkfield.files import atomic

with atomic(sys.argv[1]) as part:
    {make}
    print("begun", flush=True)
    sys.stdin.readline()
"""


def writer(path, make='part.write_text("killed")'):
    """A process that is halfway through writing `path`, and ends when its input does."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(make=make), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    return process


def write(path, text):
    with atomic(path) as part:
        part.write_text(text)


@pytest.mark.parametrize("name", ["a.txt", "é" * (LONGEST_NAME // 2) + ".png"])
def test_writers_of_one_file_do_not_disturb_each_other(tmp_path, name):
    path = tmp_path / name
    other = writer(path, 'part.write_text("theirs")')
    with atomic(path) as one, atomic(path) as two:
        one.write_text("one")
        two.write_text("two")
        assert one.suffix == two.suffix == path.suffix
    assert path.read_text() == "one"
    other.communicate()
    assert other.returncode == 0
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_writers_of_one_folder_do_not_disturb_each_other(tmp_path):
    def fill(text):
        for _ in range(50):
            with atomic(tmp_path / "out") as part:
                part.mkdir()
                for i in range(5):
                    (part / f"{i}").write_text(text)

    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, "abcd"))
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    texts = [path.read_text() for path in (tmp_path / "out").iterdir()]
    assert len(texts) == 5 and len(set(texts)) == 1


def test_a_folder_and_a_file_replace_each_other(tmp_path):
    write(tmp_path / "out", "file")
    with atomic(tmp_path / "out") as part:
        part.mkdir()
        (part / "a").touch()
    assert (tmp_path / "out/a").exists()
    write(tmp_path / "out", "file")
    assert (tmp_path / "out").read_text() == "file"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_what_killed_writers_left_is_removed_by_the_next_and_what_is_in_use_is_not(tmp_path):
    killed, alive = writer(tmp_path / "a.txt"), writer(tmp_path / "a.txt")
    killed.kill()
    killed.wait()
    (tmp_path / ".part-data").mkdir()  # of `make data`
    foreign = tmp_path / ".part-0123456789abcdef"  # of another host, maybe at work
    foreign.mkdir()
    assert len(list(tmp_path.iterdir())) == 4
    write(tmp_path / "b.txt", "b")
    assert {p.name for p in tmp_path.iterdir()} > {".part-data", foreign.name, "b.txt"}
    assert len(list(tmp_path.iterdir())) == 4
    alive.communicate()
    os.utime(foreign, (1, 1))
    sweep.cache_clear()
    write(tmp_path / "b.txt", "b")
    assert {p.name for p in tmp_path.iterdir()} == {".part-data", "a.txt", "b.txt"}


def test_other_batches_are_removed_but_not_what_is_being_written(tmp_path):
    for name in "ab":
        write(tmp_path / name, name)
    with atomic(tmp_path / "c") as part:
        part.touch()
        keep_only([tmp_path / "a"])
    assert {p.name for p in tmp_path.iterdir()} == {"a", "c"}


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
        cache.unlink(missing_ok=True)
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


def swap(one, other):
    """Two files under each other's name, which keep size and time stamp, as after unzip."""
    os.utime(other, ns=(1, 1))
    os.utime(one, ns=(1, 1))
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def overwrite(one, other):
    """The contents of two files exchanged in place, as by cp -p."""
    texts = one.read_text(), other.read_text()
    times = one.stat().st_mtime_ns
    for path, text in zip((other, one), texts, strict=True):
        path.write_text(text)
        os.utime(path, ns=(times, times))


@pytest.mark.parametrize("exchange", [swap, overwrite])
def test_digest_sees_what_keeps_size_and_time_stamp(root, tmp_path, exchange):
    one, other = root / "masks/a.png", root / "masks/b.png"
    other.write_text("MASKS")
    before = folder_digest(root, tmp_path / "cache.json")
    time.sleep(2.1)  # so that the files are known by the cache
    assert folder_digest(root, tmp_path / "cache.json") == before
    exchange(one, other)
    after = folder_digest(root, tmp_path / "cache.json")
    assert after != before
    exchange(one, other)
    assert folder_digest(root, tmp_path / "cache.json") == before


def test_digest_sees_a_change_at_the_same_instant(root, tmp_path):
    """Time stamps have grains: what was written just now may be written again unseen."""
    assert folder_digest(root, tmp_path / "cache.json")
    assert not (tmp_path / "cache.json").exists()


def test_digest_reads_an_unchanged_file_only_once(root, tmp_path):
    cache, known = tmp_path / "cache.json", {}
    time.sleep(2.1)
    before = folder_digest(root, cache)
    known = read_json(cache)
    assert {*known} == {str(root / part / "a.png") for part in ("images", "masks")}
    known[str(root / "images/a.png")][-1] = "what the cache says"
    write_json(cache, known)
    assert folder_digest(root, cache) != before
    (root / "images/a.png").write_text("edited")
    folder_digest(root, cache)
    (root / "images/a.png").write_text("images")
    assert folder_digest(root, cache) == before


def test_hand_over_outlives_its_source(tmp_path):
    (tmp_path / "a").write_text("weights")
    hand_over(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a").unlink()
    assert (tmp_path / "b").read_text() == "weights"
