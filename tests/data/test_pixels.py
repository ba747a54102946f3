"""Pictures come back as they were put in, and only they; a broken file is refused."""

import numpy as np
import pytest

from darkfield.data.pixels import GROUP, Pictures, batch_rows, histogram, new_pixels

SIZES = [(20, 30), (1, 1), (7, 300), (40, 2)]


def write(path, *channels):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (*size, *channels), dtype=np.uint8) for size in SIZES]
    with new_pixels(path, *channels) as append:
        for picture in pictures:
            append(picture)
    return pictures


@pytest.mark.parametrize("channels", [(), (3,)])
def test_pictures_come_back(tmp_path, channels):
    pictures = write(tmp_path / "a.npy", *channels)
    back = Pictures([tmp_path / "a.npy"], SIZES)
    assert len(back) == len(pictures)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, back, strict=True))
    some = Pictures([tmp_path / "a.npy"], SIZES, rows=[2, 0])
    assert [picture.shape[:2] for picture in some] == [SIZES[2], SIZES[0]]
    assert np.array_equal(some[0], pictures[2])


def test_pictures_follow_each_other_through_files(tmp_path):
    pictures = write(tmp_path / "a.npy", 3)
    with new_pixels(tmp_path / "none.npy", 3):
        pass
    files = [tmp_path / name for name in ("none.npy", "a.npy", "none.npy", "a.npy", "none.npy")]
    back = Pictures(files, SIZES * 2)
    assert all(np.array_equal(a, b) for a, b in zip(pictures * 2, back, strict=True))
    assert len(Pictures(files[:1], [])) == 0


@pytest.mark.parametrize("batches", [1, 3, 16, 1000])
@pytest.mark.parametrize("pictures", [0, 1, GROUP, 70, 500])
def test_every_picture_is_in_one_batch(pictures, batches):
    rows = [batch_rows(pictures, batch, batches) for batch in range(batches)]
    assert [row for batch in rows for row in batch] == list(range(pictures))
    assert all(batch.start % GROUP == 0 for batch in rows if len(batch))
    assert max(map(len, rows)) <= GROUP * -(-pictures // (GROUP * batches))


def test_it_is_a_npy_file(tmp_path):
    pictures = write(tmp_path / "a.npy", 3)
    pixels = np.concatenate([picture.reshape(-1, 3) for picture in pictures])
    assert np.array_equal(np.load(tmp_path / "a.npy"), pixels)


def test_writing_to_a_picture_leaves_the_file_alone(tmp_path):
    (first, *_) = write(tmp_path / "a.npy", 3)
    Pictures([tmp_path / "a.npy"], SIZES)[0][:] = 0
    assert np.array_equal(Pictures([tmp_path / "a.npy"], SIZES)[0], first)


def test_a_failure_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), new_pixels(tmp_path / "a.npy") as append:
        append(np.zeros((3, 3), np.uint8))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_other_pictures_is_refused(tmp_path):
    write(tmp_path / "a.npy", 3)
    with pytest.raises(ValueError, match="holds 2781 pixels, not 2780"):
        Pictures([tmp_path / "a.npy"], [(1, 2780)])
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-1])
    with pytest.raises(ValueError):
        Pictures([tmp_path / "a.npy"], SIZES)


def test_values_are_counted_by_channel():
    picture = np.random.default_rng(0).integers(0, 256, (40, 31, 3), dtype=np.uint8)
    channels = [picture[..., c] for c in range(3)]
    expected = [np.bincount(channel.ravel(), minlength=256) for channel in channels]
    assert (histogram(picture) == expected).all()
    assert (histogram(channels[1]) == expected[1]).all()
