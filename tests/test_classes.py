"""Classes may have any name that a file may have: what is made of it meets no other name."""

import sys

import numpy as np
import pytest
from pages import arguments, of_classes
from PIL import Image
from project import commit, dvc, project, repository, run, set_params, snakemake, stale
from streets import CLASSES, NAMES, streets

from darkfield.classes import by_class, key_of
from darkfield.files import UserError, read_csv, read_json, write_csv
from darkfield.measure.metrics import confusion_table, table
from darkfield.measure.selection import split_metrics
from darkfield.network.spec import read_spec
from darkfield.params import Params
from darkfield.publish.card import card
from darkfield.report import plots
from darkfield.report.html import page
from darkfield.report.overlays import overlay
from darkfield.report.palette import class_colours
from darkfield.report.summary import summary
from darkfield.validation import check

QUOTED = 'rote Zelle, "groß"'
# Like columns, keys, files, numbers, YAML, Markdown, HTML, mathtext and a spreadsheet's formulas.
WILD = (
    *("background", "image", "file", "height", "width", "group", "split", "loss", "miou", "mdice"),
    *("class miou", "001", "NA", "true", "Null", QUOTED, "_a$b$_", "a|b", "&amp;b", "=1+1"),
    *("id=#000000", "class", "100 %", "-x", "細菌", "classes", "confusion_matrix"),
)


def test_every_class_has_a_key_of_its_own_and_none_that_of_a_mean():
    names = ["miou", "class miou", "class class miou", "mdice", "cell", "class cell"]
    keys = [key_of(name) for name in names]
    assert len({*keys, "miou", "mdice"}) == len(names) + 2
    assert keys[-2:] == ["cell", "class cell"]
    scores = {"miou": 0.5, "mdice": 0.6} | {key: {"iou": i} for i, key in enumerate(keys)}
    assert by_class(scores) == {name: {"iou": i} for i, name in enumerate(names)}


def test_a_class_named_like_a_mean_leaves_the_mean_alone():
    matrix = np.array([[60, 5, 5], [4, 16, 0], [6, 0, 4]])
    scores = split_metrics(matrix[None], ["background", "miou", "mdice"])
    plain = split_metrics(matrix[None], ["background", "a", "b"])
    assert (scores["miou"], scores["mdice"]) == (plain["miou"], plain["mdice"])
    assert by_class(scores)["mdice"] == plain["b"]
    lines = summary({"epoch": 1, "test": scores, "val": None}).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["background", "miou", "mdice", "mean"]


def test_names_of_classes_come_back_from_a_table(tmp_path):
    path = tmp_path / "table.csv"
    for names in (["001", "002"], ["true", "false"], ["NA", "null"], [QUOTED, "1e3"]):
        write_csv(path, confusion_table(np.eye(2, dtype=int), names))
        assert read_csv(path)["true"].tolist() == [names[0], names[0], names[1], names[1]]
        write_csv(path, table(np.ones((1, 1, 2, 2), int), ["val"], names))
        assert read_csv(path)["class"].tolist() == names


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a/b"], "'a/b' has / in it"),
        (["{fold}"], "has { and } in it"),
        (["<b>"], "has < and > in it"),
        (["x\ty"], "has a control character"),
        ([""], "'' is empty"),
        (["cell "], "'cell ' is empty, or begins or ends with a space"),
        (["x" * 241], "more than 240 bytes"),
        (["Cell", "cell"], "'Cell' and 'cell' differ only in case"),
        (["caf\u00e9", "cafe\u0301"], "to macOS are one file"),
    ],
)
def test_what_cannot_name_a_file_is_refused(names, words):
    (problem,) = problems_of(names)
    assert words in problem
    assert not problems_of(WILD[1:])


def problems_of(names):
    """What params.yaml's check says to these names of classes, beside the background."""
    params = Params().plain()
    params["data"]["classes"] = {name: i for i, name in enumerate(["background", *names])}
    params["data"]["mask_values"], params["objects"] = {"0": "background"}, {}
    params["train"]["class_weights"] = None
    try:
        check(params)
    except UserError as error:
        return str(error).splitlines()
    return []


def drawn(figure):
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


@pytest.mark.filterwarnings("error", "ignore:Glyph:UserWarning")
def test_plots_show_names_as_they_are(tmp_path):
    matrices = np.random.default_rng(0).integers(1, 9, (2, 3, len(WILD), len(WILD)))
    epochs = table(matrices, ["train", "val", "test"], WILD)
    splits = ("all", "train", "val", "test")
    counts = {
        "pixels": {s: dict.fromkeys(WILD, 5) for s in splits},
        "images_with": {s: dict.fromkeys(WILD, 1) for s in splits},
        "images": dict.fromkeys(splits, 3),
    }
    figures = {"balance": plots.class_balance(counts, class_colours(of_classes(WILD)))}
    figures["confusion"] = plots.confusion_matrix(confusion_table(matrices[0, 0], WILD))
    for name in ("_a$b$_", QUOTED):
        figure = plots.overlap_accuracy(epochs, name, 1)
        figure.savefig(tmp_path / "plot.png")
        assert f"{name} overlap accuracy" in drawn(figure)
    for figure in figures.values():
        figure.savefig(tmp_path / "plot.png")
        assert set(WILD) <= drawn(figure)


def test_overlays_have_letters_beyond_ascii():
    image, mask = np.zeros((40, 256, 3), np.uint8), np.zeros((40, 256), np.uint8)
    specs = [of_classes(["background", name], "background") for name in ("é", "ß", "ж")]
    sheets = [overlay(image, mask, mask, spec) for spec in specs]
    titles = {sheet[:18].tobytes() for sheet in sheets}
    assert len(titles) == 3


def test_the_report_and_the_card_show_names_as_text():
    given = arguments()
    old = dict(zip(given["spec"].classes, ("background", "miou", 'x" id="y #000000'), strict=True))
    classes = {new: i for i, new in enumerate(old.values())}
    given["spec"] = given["spec"].model_copy(update={"classes": classes})
    given["epochs"] = given["epochs"].replace({"class": old})
    for split in ("test", "val"):
        rows = given["table"]["split"] == split
        given["scores"][split] = split_metrics(given["matrices"][rows], list(old.values()))
    for part in ("pixels", "images_with"):
        counts = given["counts"][part]
        given["counts"][part] = {s: {old[c]: n for c, n in v.items()} for s, v in counts.items()}
    for name in ("objects", "object_images", "pixels"):
        given[name] = given[name].replace({"class": old})
    of_objects = given["object_scores"]
    for part in (of_objects, of_objects["reliability"] or {}):
        for name, of in part.items():
            if name not in ("familiarity", "reliability"):
                part[name] = of and {key_of(old.get(k, k)): v for k, v in of.items()}
    text = page(**given)
    assert 'x" id="y #000000 overlap accuracy' in text  # in a figure, where a quote may stand
    assert "x&#34; id=&#34;y #000000" in text
    found = {
        "classes": {"background": 0, "a|b": 1, "miou": 2},
        "metrics": {"test": split_metrics(given["matrices"], ["background", "a|b", "miou"])},
    }
    spec = given["spec"].model_copy(update=found)
    rows = [line for line in card(spec).splitlines() if line.startswith("| ")]
    assert [row.count("|") - row.count("\\|") for row in rows if "a\\|b" in row] == [6]
    assert sum(row.startswith("| miou |") for row in rows) == 1


def wild_pictures(root, names):
    """Pictures of noise at `root` whose masks have all the classes."""
    rng = np.random.default_rng(0)
    for part, top, shape in (("images", 256, (30, 40, 3)), ("masks", len(names), (30, 40))):
        (root / part).mkdir(parents=True)
        for i in range(8):
            picture = Image.fromarray(rng.integers(0, top, shape, dtype=np.uint8))
            picture.save(root / f"{part}/{i}.png")


@pytest.mark.long
def test_the_chain_takes_any_names_under_both_engines(tmp_path):
    """Trained, measured, drawn and reported; then with fewer classes, of which no plot is left."""
    wild_pictures(tmp_path / "mine", WILD)
    data = {"classes": {name: i for i, name in enumerate(WILD)}, "root": "../mine"}
    values = {str(i): name for i, name in enumerate(WILD)}
    folder = repository(
        tmp_path / "project",
        data=data | {"mask_values": values, "check_masks": False},  # noise
        objects={},
        split={"strategy": "random", "train": 0.5, "val": 0.25, "test": 0.25},
        train={"epochs": 1, "class_weights": "counts", "threads": 1},
    )
    old = folder / "results/plots/erythrocyte.png"  # where earlier versions drew it
    old.parent.mkdir(parents=True)
    old.touch()
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    assert "Nothing to be done" in snakemake(folder, "--cores", "2").stdout
    assert stale(folder) == set()
    manifest = read_csv(folder / "data/flattened_masks.csv")
    assert set(manifest["height"]) == {30} and set(manifest["width"]) == {40}
    scores = read_json(folder / "results/evaluation/scores.json")["test"]
    assert isinstance(scores["miou"], float)
    assert list(by_class(scores)) == list(WILD)
    epochs = read_csv(folder / "results/evaluation/epochs.csv")
    assert list(epochs["class"].unique()) == list(WILD)
    assert plotted(folder) == figures(WILD[1:])
    done = run(folder, sys.executable, "-m", "darkfield.report.summary")
    assert done.returncode == 0 and QUOTED in done.stdout
    commit(folder)

    few = {str(i): QUOTED if i else "background" for i in range(len(WILD))}
    set_params(folder, data={"classes": {"background": 0, QUOTED: 1}, "mask_values": few})
    dvc(folder, "repro", "--quiet")
    assert plotted(folder) == figures([QUOTED])
    one = {value: "cell" if name == QUOTED else name for value, name in few.items()}
    set_params(folder, data={"classes": {"background": 0, "cell": 1}, "mask_values": one})
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    assert plotted(folder) == figures(["cell"])


COMMON = {"loss.png", "class_balance.png", "confusion_matrix.png", "pixel_confidence.png"}


def figures(names):
    """The figures of a run that looks for these classes."""
    folders = ("classes", "agreement", "by_size", "confidence")
    return COMMON | {f"{folder}/{name}.png" for folder in folders for name in names}


def plotted(folder):
    plots = folder / "results/plots"
    return {str(path.relative_to(plots)) for path in plots.rglob("*") if path.is_file()}


@pytest.mark.long
def test_a_street_of_twelve_classes_none_of_them_background(tmp_path):
    """Objects of every class, found, measured, drawn and carried by the model."""
    streets(tmp_path / "mine", 16, (96, 72))
    folder = project(
        tmp_path / "project",
        data={
            "root": "../mine",
            "classes": CLASSES,
            "background": None,
            "check_masks": False,  # poles are thin, and their index is between others
            "mask_values": {str(k): name for name, k in CLASSES.items()},
        },
        objects={"pole": "filament", "pedestrian": "blob"},
        colours={"road": "#804080"},
        split={"strategy": "random", "train": 0.5, "val": 0.25, "test": 0.25},
        train={"epochs": 1, "class_weights": None, "dice_weight": 1, "threads": 1},
        predict={"tta": "flip"},
    )
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    results = folder / "results"
    assert plotted(folder) == figures(NAMES)
    metrics = read_json(results / "metrics.json")
    assert set(metrics["objects"]) == set(NAMES) <= set(metrics["test"])
    objects = read_csv(results / "evaluation/objects.csv")
    drawn = objects[objects["drawn"]]
    assert set(drawn["class"]) == set(NAMES)
    assert (drawn.groupby("class")["length_px"].max() > 0).sum() == 1  # of poles alone
    assert "microscop" not in (results / "validation.md").read_text()
    spec = read_spec(results / "model")
    assert (spec.background, spec.colours["road"]) == (None, "#804080")
    assert [name for name, kind in spec.kinds.items() if kind != "component"] == [
        *("pole", "pedestrian")
    ]
    out = tmp_path / "out"
    source = tmp_path / "mine/images"
    done = run(folder, "darkfield", "predict", source, "--out", out, "--model", results / "model")
    assert done.returncode == 0, done.stdout
    assert {f"{name}s" for name in NAMES} <= set(read_csv(out / "counts.csv"))
