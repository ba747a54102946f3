"""The README and docs/: short, whole, and of the numbers that were measured."""

import re

import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image

from darkfield.data.synthetic import scene
from darkfield.files import read_json
from darkfield.report import object_text
from darkfield.report.summary import summary

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = sorted({*(REPOSITORY / "docs").glob("*.md")} - {REPOSITORY / "docs/index.md"})  # the README
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


def test_the_readme_has_at_most_900_words():
    assert len(README.split()) <= 900


def test_the_python_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    (program,) = re.findall(r"```python\n(.*?)```", README, re.S)
    (tmp_path / "models").symlink_to(REPOSITORY / "models")
    image, *_ = scene(np.random.default_rng(1), 64, 96, 2)
    Image.fromarray(image).save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(program, names)
    labels, probabilities = names["labels"], names["probabilities"]
    assert (names["image"] == image).all()
    assert (labels.shape, labels.dtype) == ((64, 96), np.uint8)
    assert (probabilities.shape, probabilities.dtype) == ((3, 64, 96), np.float32)
    assert (probabilities.argmax(axis=0) == labels).all()
    assert {"erythrocyte", "area_um2"} <= {*names["objects"]["class"], *names["objects"].columns}


def test_the_table_of_the_default_run_is_that_of_the_recorded_run():
    evaluation, text = REPOSITORY / "results/evaluation", re.sub(r"^    ", "", README, flags=re.M)
    assert summary(read_json(evaluation / "scores.json")) in text
    assert object_text.summary(read_json(evaluation / "object_scores.json")) in text


def test_the_table_of_the_cross_validation_is_that_of_the_shipped_model():
    """The last column, of another recipe, is that of docs/quality.md, which has no mean Dice."""
    found = read_json(REPOSITORY / "models/darkfield/model.json")["cross_validation"]
    quality = (REPOSITORY / "docs/quality.md").read_text(encoding="utf-8")

    def cell(*keys):
        value, interval = found["test"], found["interval_95"]
        for key in keys:
            value, interval = value[key], interval[key]
        return "{:.3f} [{:.3f}, {:.3f}]".format(value, *interval)

    rows = re.findall(r"^\| ([\w, ]+) \| (\d.*) \| (\d.*) \| (\d.*) \|$", README, re.M)
    *classes, mean = rows
    assert [name for name, *_ in classes] == ["erythrocyte", "spirochaete"]
    for name, iou, dice, notebook in classes:
        assert (iou, dice) == (cell(name, "iou"), cell(name, "dice"))
        assert notebook in quality
    assert mean[1:3] == (cell("miou"), cell("mdice"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_says_whom_it_is_for_and_the_readme_names_it(page):
    title, _, first, *_ = page.read_text(encoding="utf-8").splitlines()
    assert title.startswith("# ")
    assert first.startswith("For anyone ")
    assert f"(docs/{page.name})" in README


@pytest.mark.parametrize("page", [REPOSITORY / "README.md", *PAGES], ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        to = (page.parent / target).resolve() if target else page
        assert to.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)", to.read_text(encoding="utf-8"), re.M)
            assert anchor[1:] in {
                re.sub(r"[^\w-]", "", t.lower().replace(" ", "-")) for t in titles
            }
