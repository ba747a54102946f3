"""The chain end to end, under the real Snakemake, on a small configuration."""

import hashlib
import json
import os
import shutil
import subprocess

import numpy as np
import pytest
import yaml
from conftest import LONG, REPOSITORY
from PIL import Image
from project import AFTER_TRAIN, RULES, SMALL, noise, planned, project, run, set_params, snakemake
from safetensors.numpy import load_file

from darkfield.data.images import read_image
from darkfield.files import read_csv, read_json
from darkfield.network.predictor import Predictor
from darkfield.objects.table import numbered, object_table
from darkfield.params import Params
from darkfield.validation import merged


@pytest.fixture(scope="module")
def chain(finished, tmp_path_factory):
    """A project in no repository whose chain has run."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("chain") / "project")
    for name in (".git", ".dvc"):
        shutil.rmtree(folder / name)
    (folder / "dvc.lock").unlink()
    return folder


@pytest.mark.long
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_of_the_rule_may_be_spawned(chain, tmp_path, method):
    folder = shutil.copytree(chain, tmp_path / "project")
    set_params(folder, train={"workers": 2})
    (tmp_path / "site").mkdir()
    setting = f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
    (tmp_path / "site/sitecustomize.py").write_text(setting)
    search = f"PYTHONPATH={tmp_path / 'site'}:{folder / 'src'}"
    done = run(folder, "env", search, "snakemake", "--cores", "2", "results/train/history.csv")
    assert done.returncode == 0, done.stdout
    weights = "results/train/checkpoints/0002.safetensors"
    assert " train\n" in done.stdout
    assert (folder / weights).stat().st_ino != (chain / weights).stat().st_ino
    assert (folder / weights).read_bytes() == (chain / weights).read_bytes()


@pytest.mark.long
def test_a_training_removes_the_abandoned_states_of_its_stage(chain, tmp_path):
    folder = shutil.copytree(chain, tmp_path / "project")
    states = folder / ".snakemake/darkfield-train"
    for name, log in (("old", "logs/train.log"), ("fold", "logs/folds/1/train.log")):
        (states / name).mkdir(parents=True)
        (states / name / "stage").write_text(log)
    set_params(folder, train={"learning_rate": 0.002})
    done = snakemake(folder, "--cores", "2", "results/train/history.csv")
    assert done.returncode == 0, done.stdout
    assert [path.name for path in states.iterdir()] == ["fold"]


def test_every_file_of_the_contract_is_there(chain):
    expected = """
        data/split.csv results/channel_stats.json results/class_counts.json
        results/train/history.csv results/evaluation/epochs.csv results/evaluation/images.csv
        results/model/model.safetensors results/model/model.json results/metrics.json
        results/plots/loss.png results/plots/classes/erythrocyte.png
        results/plots/classes/spirochaete.png results/plots/agreement/erythrocyte.png
        results/plots/by_size/spirochaete.png results/evaluation/object_scores.json
        results/evaluation/objects.csv results/evaluation/object_images.csv
        results/evaluation/before_after.csv results/evaluation/before_after_images.csv
        results/found/pairs.csv results/found/features.csv results/evaluation/pixel_reliability.csv
        results/plots/confidence/erythrocyte.png results/plots/pixel_confidence.png
        results/report.html results/validation.md
    """
    for path in expected.split():
        assert (chain / path).stat().st_size > 0, path
    assert len(list((chain / "results/train/checkpoints").iterdir())) == 2
    assert not list(chain.rglob(".part-*"))
    for rule in RULES:
        assert (chain / f"logs/{rule}.log").read_text(), rule
        assert (chain / f"benchmarks/{rule}.tsv").exists(), rule


def test_tables_agree_with_each_other(chain):
    split = read_csv(chain / "data/split.csv")
    assert list(split.columns) == ["image", "group", "split"]
    sizes = split["split"].value_counts().to_dict()
    assert sizes.keys() == {"train", "val", "test"}
    stats = read_json(chain / "results/channel_stats.json")
    assert (stats["images"], stats["pixels"]) == (sizes["train"], sizes["train"] * 40 * 48)
    epochs = read_csv(chain / "results/evaluation/epochs.csv")
    assert len(epochs) == 2 * 3 * 3
    assert epochs.drop(columns=["epoch", "split", "class"]).max().max() <= 1
    history = read_csv(chain / "results/train/history.csv")
    assert list(history.columns) == ["epoch", "loss", "lr"]
    images = read_csv(chain / "results/evaluation/images.csv")
    assert sorted(images["image"].unique()) == sorted(split["image"])


def test_every_pixel_is_in_a_matrix(chain):
    """At native resolution: each image's matrix holds its own pixels, by true class."""
    manifest = read_csv(chain / "data/flattened_masks.csv")
    matrices = np.load(chain / "results/evaluation/confusions.npy")
    assert matrices.shape == (2, 24, 3, 3)
    truth = manifest.filter(regex="^pixels_").to_numpy()
    assert (matrices.sum(axis=-1) == truth).all()
    assert (truth.sum(axis=1) == manifest["height"] * manifest["width"]).all()
    assert manifest["height"].nunique() > 3


def test_metrics_are_those_of_the_selected_epoch(chain):
    metrics = read_json(chain / "results/evaluation/scores.json")
    epochs = read_csv(chain / "results/evaluation/epochs.csv")
    val = epochs[epochs["split"] == "val"].groupby("epoch")["iou"].mean()
    assert metrics["epoch"] == val.idxmax()
    rows = epochs[epochs["epoch"] == metrics["epoch"]].set_index(["split", "class"])
    for split in ("test", "val"):
        for name in ("background", "erythrocyte", "spirochaete"):
            assert metrics[split][name]["iou"] == pytest.approx(rows.loc[(split, name), "iou"])


def test_metrics_are_the_few_numbers_that_people_compare(chain):
    metrics = read_json(chain / "results/metrics.json")
    scores = read_json(chain / "results/evaluation/scores.json")
    assert list(metrics) == ["epoch", "test", "val", "objects"]
    assert metrics["epoch"] == scores["epoch"]
    for split in ("test", "val"):
        assert list(metrics[split]) == ["miou", "mdice", "erythrocyte", "spirochaete"]
        for name in ("erythrocyte", "spirochaete"):
            expected = ["iou", "dice", "precision", "recall"][: 4 if split == "test" else 2]
            assert list(metrics[split][name]) == expected
            assert metrics[split][name].items() <= scores[split][name].items()
    objects = read_json(chain / "results/evaluation/object_scores.json")["test"]
    assert list(metrics["objects"]) == ["erythrocyte", "spirochaete"]
    for name, few in metrics["objects"].items():
        assert list(few) == ["f1", "count_bias"]
        assert few.items() <= objects[name].items()


def test_objects_are_those_of_the_masks_and_of_the_model(chain):
    """Counted again: the scenes' numbers, and what predict makes of the pictures."""
    split = read_csv(chain / "data/split.csv").set_index("image")["split"]
    objects = read_csv(chain / "results/evaluation/objects.csv")
    images = read_csv(chain / "results/evaluation/object_images.csv")
    assert set(images["image"]) == set(split.index[split != "train"])
    assert (images["split"] == images["image"].map(split)).all()
    predictor = Predictor(chain / "results/model", "cpu", threads=2)
    for name in ("erythrocyte", "spirochaete"):
        of_class = images[images["class"] == name].set_index("image")
        for image in of_class.index[:6]:
            mask = np.asarray(Image.open(chain / f"data/flattened_masks/{image}.png"))
            picture = read_image(chain / f"data/synthetic/images/{image}.png")
            of = predictor.classes, predictor.spec.kinds
            numbers = np.asarray(Image.open(chain / f"data/synthetic/instances/{image}.png"))
            known, labels = numbered(mask, *of, numbers), predictor.labels(picture)
            for side, made, whose in (("drawn", mask, known), ("predicted", labels, None)):
                found = object_table(made, *of, found=whose)
                rows = objects[(objects["image"] == image) & (objects["class"] == name)]
                rows = rows[rows["drawn"] == (side == "drawn")]
                areas = found.loc[found["class"] == name, "area_px"]
                assert rows["area_px"].tolist() == areas.tolist()
                assert of_class.loc[image, f"{side}_objects"] == rows["counted"].sum()
            table = predictor.objects(picture)
            table = table[table["class"] == name]
            for column in ("confidence", "counted"):
                expected = rows[column].to_numpy(float)
                assert table[column].to_numpy(float) == pytest.approx(expected, nan_ok=True)


def test_pixels_by_their_probability_are_all_those_of_val_and_test(chain):
    split = read_csv(chain / "data/split.csv").merge(
        read_csv(chain / "data/flattened_masks.csv"), on="image"
    )
    found = read_csv(chain / "results/evaluation/pixel_reliability.csv")
    assert found.groupby("class")["calibrated"].any().all()
    for name in ("val", "test"):
        rows = split[split["split"] == name]
        total = (rows["height"] * rows["width"]).sum()
        of = found[found["split"] == name]
        assert of.loc[of["temperature"] == 1, "pixels"].sum() == total
        assert of.loc[of["calibrated"], "pixels"].sum() == total


def test_the_model_is_the_selected_checkpoint(chain):
    epoch = read_json(chain / "results/metrics.json")["epoch"]
    weights = (chain / "results/model/model.safetensors").read_bytes()
    assert weights == (chain / f"results/train/checkpoints/{epoch:04}.safetensors").read_bytes()
    assert load_file(chain / "results/model/model.safetensors")
    spec = read_json(chain / "results/model/model.json")
    assert spec["epoch"] == epoch
    assert spec["precision"] in ("fp32", "bf16")
    assert spec["metrics"]["test"] == read_json(chain / "results/evaluation/scores.json")["test"]
    assert spec["train"]["seed"] == 1
    origin, manifest = spec["provenance"], (chain / "data/flattened_masks.csv").read_bytes()
    assert origin["data"] == hashlib.sha256(manifest).hexdigest()
    assert origin["versions"].keys() == {"darkfield", "numpy", "torch", "torchvision", "python"}
    assert origin["hardware"]


def test_overlays_are_four_panels_of_train_and_test(chain):
    split = read_csv(chain / "data/split.csv").set_index("image")["split"]
    for name in ("train", "test"):
        paths = sorted((chain / "results/overlays" / name).iterdir())
        assert len(paths) == 2
        assert all(split[p.stem] == name for p in paths)
        assert all(Image.open(p).width > 4 * 256 for p in paths)


def test_a_second_run_has_nothing_to_do(chain):
    assert "Nothing to be done" in snakemake(chain, "--cores", "2").stdout


def test_summary_prints_the_metrics(chain):
    environment = os.environ | {"PYTHONPATH": str(chain / "src")}
    command = ["python", "-m", "darkfield.report.summary"]
    done = subprocess.run(command, cwd=chain, env=environment, capture_output=True, text=True)
    metrics = read_json(chain / "results/metrics.json")
    assert f"{metrics['test']['spirochaete']['iou']:.3f}" in done.stdout
    assert f"epoch {metrics['epoch']}" in done.stdout
    assert "results/overlays" in done.stdout


def test_snakemakes_own_report(chain):
    done = snakemake(chain, "--report", "results/snakemake-report.html")
    assert done.returncode == 0, done.stdout
    text = (chain / "results/snakemake-report.html").read_text()
    for words in ("Curves", "Overlays", "Metrics", "Test pixels at the selected epoch"):
        assert words in text


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"synthesize": {"seed": 2}}, RULES),
        ({"data": {"mask_values": {"0": "background", "1": "spirochaete", "2": "erythrocyte"}}},
         RULES - {"synthesize"}),
        ({"split": {"seed": 2}}, RULES - {"synthesize", "flatten_masks", "resize"}),
        ({"image_size": [48, 40]}, {"resize", "channel_stats"} | AFTER_TRAIN),
        ({"model": {"notebook_head": True}}, AFTER_TRAIN),
        ({"train": {"learning_rate": 0.01}}, AFTER_TRAIN),
        ({"train": {"class_weights": [3, 2, 1]}}, AFTER_TRAIN),
        ({"select": {"epoch": 1}}, AFTER_TRAIN - {"train", "evaluate"}),
        ({"augment": {"flip": True}}, AFTER_TRAIN),
        ({"predict": {"tta": True}}, AFTER_TRAIN - {"train"}),
        ({"overlays": {"images": 1}}, {"overlays"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_changed_param_reruns_what_depends_on_it_and_nothing_else(chain, change, rules):
    before = (chain / "params.yaml").read_text()
    set_params(chain, **change)
    try:
        assert planned(chain) == rules
    finally:
        (chain / "params.yaml").write_text(before)


def test_changed_code_reruns_the_rules_that_run_it(chain):
    path = chain / "src/darkfield/report/plots.py"
    before = path.read_text()
    path.write_text(before + "\n# changed\n")
    try:
        assert planned(chain) == {"plots", "html_report"}
    finally:
        path.write_text(before)
    assert planned(chain) == set()


@pytest.fixture
def own_pictures(tmp_path):
    """A project whose data.root is a folder of one's own."""
    root = tmp_path / "mine"
    noise(root)
    return project(tmp_path / "project", data={"root": "../mine"}), root


@pytest.mark.long
def test_ones_own_pictures_and_every_change_of_them_is_seen(own_pictures):
    folder, root = own_pictures
    target = "results/class_counts.json"
    done = snakemake(folder, "--cores", "2", target)
    assert done.returncode == 0, done.stdout
    assert len(read_csv(folder / "data/flattened_masks.csv")) == 20
    assert "Nothing to be done" in snakemake(folder, target).stdout

    Image.fromarray(np.zeros((30, 40), dtype=np.uint8)).save(root / "masks/07.png")
    assert "its pictures changed" in snakemake(folder, "-n", target).stdout
    snakemake(folder, "--cores", "2", target)
    assert read_json(folder / target)["images_with"]["all"]["spirochaete"] == 19

    for part in ("images", "masks"):
        shutil.copy(root / f"{part}/03.png", root / f"{part}/99.png")
    snakemake(folder, "--cores", "2", target)
    assert read_json(folder / target)["images"]["all"] == 21
    split = read_csv(folder / "data/split.csv").set_index("image")
    assert split.loc["03", "group"] == split.loc["99", "group"]
    assert split["group"].nunique() == 20


def test_on_failure_the_last_line_is_ours(own_pictures):
    folder, root = own_pictures
    Image.fromarray(np.full((30, 40), 7, dtype=np.uint8)).save(root / "masks/05.png")
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        "flatten_masks failed: ../mine/masks/05.png: has values that data.mask_values does not "
        "name: 7; name them, or correct the mask (log: logs/flatten_masks.log)"
    )
    assert "Traceback" not in done.stdout
    assert not (folder / "data/flattened_masks").exists()


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        (
            {"train": {"epoch": 3}},
            "params.yaml: train: unknown key 'epoch'; did you mean 'epochs'?",
        ),
        ({"data": {"root": "nowhere"}}, "nowhere/masks: no such folder (data.root must hold"),
    ],
)
def test_wrong_params_are_reported_before_anything_runs(tmp_path, sections, line):
    folder = project(tmp_path / "project", **sections)
    done = snakemake(folder, "--cores", "1")
    assert done.returncode == 1
    assert line in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout
    assert not (folder / "data").exists()


@pytest.mark.long
def test_weights_do_not_depend_on_cores(chain, tmp_path):
    other = project(tmp_path / "project")
    done = snakemake(other, "--cores", "1")
    assert done.returncode == 0, done.stdout
    for path in (
        *("data/synthetic.sha256", "data/split.csv", "results/model/model.safetensors"),
        *("results/metrics.json", "results/evaluation/epochs.csv", "results/plots/loss.png"),
        "results/report.html",
    ):
        assert (other / path).read_bytes() == (chain / path).read_bytes(), path


@pytest.mark.long
def test_export_on_demand(chain):
    pytest.importorskip("onnxruntime", reason="no onnxruntime: pip install 'darkfield[export]'")
    done = snakemake(chain, "--cores", "2", "export")
    assert done.returncode == 0, done.stdout
    names = {"model.onnx", "darkfield.bioimageio.zip", "MODEL_CARD.md"}
    assert {path.name for path in (chain / "results/export").iterdir()} == names
    epoch = read_json(chain / "results/metrics.json")["epoch"]
    assert f"| epoch | {epoch} |" in (chain / "results/export/MODEL_CARD.md").read_text()
    assert "Nothing to be done" in snakemake(chain, "export").stdout
    assert planned(chain) == set()


@pytest.mark.long
def test_native_crops_of_a_unet_run(tmp_path):
    """presets/best.yaml on small scenes: the matrices count every pixel."""
    folder = project(tmp_path / "project")
    preset = yaml.safe_load((REPOSITORY / "presets/best.yaml").read_text())
    params = merged(Params().plain(), preset)
    params["synthesize"] |= SMALL["synthesize"]
    params["overlays"] = SMALL["overlays"]
    params["model"]["decoder_channels"] = [16, 8, 8, 8, 8]
    params["train"] |= {"epochs": 2, "steps_per_epoch": 2, "crop": [32, 32]}
    params["predict"] |= {"tile": [32, 32], "tta": True}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    matrices = np.load(folder / "results/evaluation/confusions.npy")
    manifest = read_csv(folder / "data/flattened_masks.csv")
    pixels = (manifest["height"] * manifest["width"]).to_numpy()
    assert (matrices.sum(axis=(2, 3)) == pixels).all()
    assert read_json(folder / "results/model/model.json")["predict"] == params["predict"]


@pytest.mark.long
def test_notebook_recipe_runs(tmp_path):
    """The preset's split, head, order and fixed epoch, on small scenes."""
    folder = project(tmp_path / "project")
    preset = yaml.safe_load((REPOSITORY / "presets/notebook.yaml").read_text())
    params = merged(Params().plain(), preset)
    params["synthesize"] |= SMALL["synthesize"]
    params |= {k: SMALL[k] for k in ("image_size", "overlays")}
    params["train"]["epochs"], params["select"]["epoch"] = 2, 2
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    metrics = json.loads((folder / "results/metrics.json").read_text())
    assert (metrics["epoch"], metrics["val"]) == (2, None)
    assert set(read_csv(folder / "data/split.csv")["split"]) == {"train", "test"}


@pytest.mark.parametrize("how", [LONG("--configfile"), "--config"])
def test_mask_values_of_a_config_replace_those_of_params(tmp_path, how):
    """Merged, value 2 would stay allowed, though the user's table leaves it out."""
    folder = project(tmp_path / "project")
    noise(tmp_path / "mine")
    table = {"0": "background", "1": "erythrocyte"}
    (folder / "mine.yaml").write_text(yaml.safe_dump({"data": {"mask_values": table}}))
    given = {"--configfile": "mine.yaml", "--config": f"data={{mask_values: {table}}}"}
    set_params(folder, data={"root": "../mine"})
    done = snakemake(folder, "--cores", "1", "data/flattened_masks.csv", how, given[how])
    assert done.returncode != 0
    assert "has values that data.mask_values does not name: 2; name them" in done.stdout


@pytest.mark.long
def test_files_that_are_not_used_are_named(tmp_path):
    """Pairs of other endings were once dropped without a word."""
    folder, mine = project(tmp_path / "project"), tmp_path / "mine"
    noise(mine)
    for part in ("images", "masks"):
        (mine / part / "sub").mkdir()
        for name in ("00.png", "01.png"):
            (mine / part / name).rename(mine / part / "sub" / name)
        with Image.open(mine / part / "02.png") as picture:
            picture.save(mine / part / "02.bmp")
        (mine / part / "03.csv").touch()
        (mine / part / "02.png").unlink()
        (mine / part / ".DS_Store").touch()
    set_params(folder, data={"root": "../mine"})
    done = snakemake(folder, "--cores", "1", "data/flattened_masks.csv")
    assert done.returncode == 0, done.stdout
    last = (folder / "logs/flatten_masks.log").read_text().splitlines()[-1]
    assert last.endswith("20 masks flattened; passed over: 2 .csv")
    found = run(folder, "darkfield", "doctor").stdout
    assert "20 images, 20 masks   -> passed over: 2 .csv" in found
