"""Films, written by PyAV."""

import av
import numpy as np
import pytest

from darkfield.data import films
from darkfield.data.reading import pictures_of, read_raw

HEIGHT, WIDTH, FRAMES = 48, 64, 25


def picture(number):
    """A frame whose colour and place of its square tell its number."""
    pixels = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    pixels[:16, number * 2 : number * 2 + 16] = (240 - 8 * number, 120, 8 * number)
    return pixels


def write(path, codec, pixel_format="yuv420p", *, frames=FRAMES, turn=0, aspect=1):
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        stream.bit_rate, stream.sample_aspect_ratio = 4_000_000, aspect
        stream.set_display_rotation(turn)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


KINDS = {
    "a.mp4": ("h264", "yuv420p"),  # with frames stored in another order than shown
    "a.mov": ("mpeg4", "yuv420p"),
    "a.avi": ("mjpeg", "yuvj444p"),
    "grey.avi": ("rawvideo", "gray"),
    "a.mkv": ("ffv1", "bgr0"),
    "ten_bits.mkv": ("ffv1", "yuv444p10le"),
    "a.webm": ("libvpx", "yuv420p"),
    "a.mpg": ("mpeg2video", "yuv420p"),
    "a.ts": ("h264", "yuv420p"),
    "a.wmv": ("wmv2", "yuv420p"),
    "a.flv": ("flv", "yuv420p"),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_frame_is_the_picture_that_a_player_shows(tmp_path, name):
    path = write(tmp_path / name, *KINDS[name])
    names = pictures_of(path)
    assert names == [f"_t{n + 1:03}" for n in range(FRAMES)]
    for number, part in enumerate(names):
        expected = picture(number)
        if name.startswith("grey"):
            expected = (expected @ [0.299, 0.587, 0.114]).round()[..., None].repeat(3, axis=2)
        pixels = read_raw(path, part).pixels
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        for rows, columns in (np.s_[4:12, number * 2 + 4 : number * 2 + 12], np.s_[24:, :]):
            off = pixels[rows, columns].astype(int) - expected[rows, columns]
            assert np.abs(off.mean(axis=(0, 1))).max() < 12, number


def test_sixteen_bits_are_kept(tmp_path):
    raw = read_raw(write(tmp_path / "a.mkv", "ffv1", "gray16le"), "_t001")
    assert (raw.pixels.dtype, raw.limits) == (np.uint16, ())
    assert raw.pixels[30, 30].tolist() == pytest.approx([20 * 257] * 3, abs=3)


def test_a_film_is_decoded_once_in_order_and_again_for_an_earlier_frame(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4", "h264")
    parts = pictures_of(path)
    started = []
    decoded = films.decoded
    monkeypatch.setattr(films, "decoded", lambda path: started.append(path) or decoded(path))
    forwards = [read_raw(path, part).pixels for part in parts[::3]]
    assert len(started) == 1
    backwards = [read_raw(path, part).pixels for part in parts[::3][::-1]]
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_it_is_turned_and_its_pixels_are_square(tmp_path):
    raw = read_raw(write(tmp_path / "a.mp4", "h264", turn=90, aspect=2), "_t001")
    assert raw.pixels.shape == (2 * WIDTH, HEIGHT, 3)
    assert raw.pixels[-16:, :8].mean() > raw.pixels[:64].mean() + 50  # top left is bottom left


def test_a_film_that_is_read_again_after_it_changed_is_read_anew(tmp_path):
    path = write(tmp_path / "a.mkv", "ffv1", "bgr0", frames=3)
    assert len(pictures_of(path)) == 3
    write(path, "ffv1", "bgr0", frames=5)
    assert len(pictures_of(path)) == 5


def test_frames_before_damage_are_read_and_no_later_one(tmp_path, capfd):
    path = write(tmp_path / "a.mp4", "h264")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 50] = bytes(50)
    path.write_bytes(data)
    parts = pictures_of(path)
    refused = {}
    for part in parts:
        try:
            read_raw(path, part)
        except ValueError as error:
            refused[part] = str(error)
    assert list(refused) == parts[-len(refused) :]
    assert 5 < len(refused) < 20
    (reason,) = set(refused.values())
    intact = len(parts) - len(refused)
    assert reason.startswith(f"is damaged after {intact} frames; ")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0, 0.01, 0.5])
def test_a_broken_film_is_refused_in_a_line(tmp_path, capfd, share):
    """The index of an MP4 is at its end."""
    path = write(tmp_path / "a.mp4", "h264")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert pictures_of(path) == [""]
    with pytest.raises(ValueError, match=r"^(is empty|cannot be read).*; replace it") as error:
        read_raw(path)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_sound_alone_is_no_film(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with pytest.raises(ValueError, match=r"^holds sound or data, but no film"):
        read_raw(tmp_path / "a.mp4")
