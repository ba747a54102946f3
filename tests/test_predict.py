"""`snakemake predict` gives what `darkfield predict` gives, in batches."""

import shutil

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from project import project, run

from darkfield.cli import run_predict
from darkfield.data.synthetic import synthesize
from darkfield.files import UserError


@pytest.mark.long
def test_batches_give_what_the_command_gives(model, tmp_path):
    pictures = {"folder": "new", "model": "models/mine", "um_per_pixel": 0.1}
    pictures["two_borders"] = True
    params = {"train": {"threads": 1}, "data": {"batches": 3}, "pictures": pictures}
    folder = project(tmp_path / "project", **params)
    shutil.copytree(model, folder / "models/mine")
    synthesize(tmp_path / "scenes", images=6, size=(40, 60), seed=1)
    (tmp_path / "scenes/images").rename(folder / "new")
    (folder / "new/sub").mkdir()
    (folder / "new/001.png").rename(folder / "new/sub/001.png")
    (folder / "new/bad.png").write_text("no picture")

    done = run(folder, "snakemake", "--cores", "2", "predict")
    assert done.returncode == 0, done.stdout
    command = ("darkfield", "predict", "new", "--model", "models/mine", "--um-per-pixel", "0.1")
    other = run(folder, *command, "--two-borders", "--out", "out")
    assert other.returncode == 1
    results = folder / "results/predictions"
    (problem,) = pd.read_csv(results / "problems.csv")["problem"]
    assert problem == other.stdout.splitlines()[-1]
    for name in ("counts", "objects"):
        ours, theirs = (pd.read_csv(p / f"{name}.csv") for p in (results, folder / "out"))
        pd.testing.assert_frame_equal(ours, theirs)
    for path in (folder / "out").rglob("*.png"):
        label = results / "labels" / path.relative_to(folder / "out")
        assert label.read_bytes() == path.read_bytes()
    ours, theirs = (p / "index.html" for p in (results, folder / "out"))
    moved = ours.read_text().replace('"labels/', '"')  # from where labels and overlays are
    assert moved == theirs.read_text()

    assert "Nothing to be done" in run(folder, "snakemake", "--cores", "2", "predict").stdout
    shutil.copy(folder / "new/002.png", folder / "new/late.png")
    planned = run(folder, "snakemake", "--dry-run", "predict").stdout
    jobs = [line.split()[0] for line in planned.splitlines() if line.startswith("predict")]
    assert jobs == ["predict_batch:", "predict:"]  # one batch: of several it would say how many


@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_what_a_folder_holds_besides_is_named(model, tmp_path, capsys):
    synthesize(tmp_path / "scenes", images=1, size=(40, 60), seed=1)
    (tmp_path / "scenes/images/notes.txt").touch()
    run_predict([str(tmp_path / "scenes/images")], tmp_path / "out", model)
    assert "passed over: 1 .txt" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_every_nth_frame_of_a_film_is_labelled_as_if_it_were_a_picture(model, tmp_path):
    synthesize(tmp_path / "scenes", images=1, size=(40, 60), seed=1)
    scene = np.asarray(Image.open(tmp_path / "scenes/images/001.png").convert("RGB"))
    frames = [np.roll(scene, 5 * number, axis=1) for number in range(7)]
    with av.open(str(tmp_path / "film.mkv"), "w") as film:
        stream = film.add_stream("ffv1", rate=25)  # without losses
        (stream.height, stream.width), stream.pix_fmt = scene.shape[:2], "bgr0"
        for frame in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode(None))
    (tmp_path / "pictures").mkdir()
    for number in (0, 3, 6):
        Image.fromarray(frames[number]).save(tmp_path / f"pictures/film_t{number + 1:03}.png")
    for name in ("film.mkv", "pictures"):
        run_predict([str(tmp_path / name)], tmp_path / f"out/{name}", model, every=3)
    of_film, of_pictures = (tmp_path / "out" / name for name in ("film.mkv", "pictures"))
    assert (of_film / "objects.csv").read_bytes() == (of_pictures / "objects.csv").read_bytes()
    counts = [pd.read_csv(folder / "counts.csv") for folder in (of_film, of_pictures)]
    assert set(counts[0].pop("file")) == {str(tmp_path / "film.mkv")}
    assert counts[1].pop("file").tolist() == sorted(map(str, tmp_path.glob("pictures/*")))
    pd.testing.assert_frame_equal(*counts)
    assert list(pd.read_csv(tmp_path / "out/film.mkv/counts.csv")["image"]) == [
        f"film_t{number + 1:03}" for number in (0, 3, 6)
    ]


@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_a_damaged_film_is_told_in_one_line_and_labelled_up_to_there(model, tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("h264", rate=25)
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = 40, 60, "yuv420p", 4_000_000
        for pixels in np.random.default_rng(0).integers(0, 255, (9, 40, 60, 3), np.uint8):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode(None))
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(50) + data[middle + 50 :])
    with pytest.raises(UserError, match=r"^\S+film.mp4: is damaged after \d frames") as error:
        run_predict([str(path)], tmp_path / "out", model)
    assert "\n" not in str(error.value)
    labelled = list(pd.read_csv(tmp_path / "out/counts.csv")["image"])
    assert labelled == [f"film_t{number + 1:03}" for number in range(len(labelled))]
    assert 0 < len(labelled) < 8
