"""The report says what it is given, whatever that is; a real browser opens and turns it."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import contrast, media
from pages import CLASSES, arguments, gains

from darkfield.measure.selection import split_metrics
from darkfield.objects.calibration import Calibration, Objects
from darkfield.report import gallery
from darkfield.report.html import flat, page

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "\"'&",
    "</script><script>alert(2)</script>",
    "{{ 7 * 7 }}",
    "x" * 200,
    "café 細菌",
)
VIEWS = ("image", "truth", "prediction", "errors")


class Elements(HTMLParser):
    """The elements of a page, (tag, attributes), and its text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def given():
    return arguments(tuple("abcdefghijklm"), ["test"] * 10 + ["train", "train", "val"])


@pytest.fixture(scope="module")
def text(given):
    return page(**given)


def test_metrics_and_intervals_are_on_the_page(given, text):
    words = Elements(text).text
    test = given["scores"]["test"]
    for value in (test["miou"], test["mdice"], test["spirochaete"]["recall"]):
        assert f"{value:.3f}" in words
    assert "All 10, by mean IoU" in words
    assert "10 groups of the 10 test images" in words
    assert words.count("95 % interval ") == 3
    assert "too few" not in words
    assert "training loss: cross entropy + Dice loss" in words
    for fact in ("data/mine", "d" * 64, "torch 2.11", "a CPU", "train.seed", "split.strategy"):
        assert fact in words


def test_it_says_how_the_images_were_divided_and_what_that_tears_apart(given, text):
    said = "by whole groups; a group is images whose features match; no group stands on more than"
    assert said in Elements(text).text
    torn = page(**given | {"table": given["table"].assign(group=0)})
    assert "match; 1 of 1 groups stands on more than one side of the split" in Elements(torn).text


def test_caveats_and_the_names_of_classes_do_not_depend_on_the_order_of_keys(given, text):
    assert "trained on" not in Elements(text).text
    given["scores"]["caveats"] = ["3 of 3 test images were trained on"]
    assert "3 of 3 test images were trained on." in Elements(page(**given)).text
    del given["scores"]["caveats"]
    backwards = dict(reversed(given["spec"].classes.items()))
    other = given["spec"].model_copy(update={"classes": backwards})
    assert page(**given | {"spec": other}) == text


def gained(n):
    """The page of a run that started from a model, on n test images of a field each; its words."""
    names = tuple(f"i{k}" for k in range(n + 2))
    splits = np.array(["test"] * n + ["train", "val"])
    given = arguments(names, splits)
    matrices = given["matrices"]
    worse = matrices + 60 * (1 - np.eye(3, dtype=int))
    return " ".join(Elements(page(**given | gains(names, splits, worse, matrices))).text.split())


def test_before_and_after_are_compared_where_the_training_started_from_a_model(text):
    assert "Before and after" not in Elements(text).text
    words = gained(10)
    assert "The new model is better: on the test images the mean IoU has changed by +0.0" in words
    assert "10 test images, 10 fields of view, which neither was trained on." in words
    assert re.search(r"erythrocyte, Dice 0\.\d{3} 0\.\d{3} \+0\.\d{3}\+0\.\d{3} to \+0\.", words)
    assert words.count("Dice of each test image") == 2


def test_too_few_fields_of_view_claim_no_gain():
    words = gained(3)
    said = (
        "No gain is claimed: the test images show 3 fields of view, and so few cannot tell a gain"
    )
    assert f"{said} from chance. It takes 10 or more" in words
    assert re.search(r"mean IoU 0\.\d{3} 0\.\d{3} \+0\.\d{3} mean Dice", words)


def test_images_are_in_the_order_given_with_their_scores(given, text):
    words, scores = Elements(text).text, gallery.score(given["matrices"])
    shown = enumerate(given["pictures"], start=1)
    places = [words.index(f"{k}. {'abcdefghij'[i]} mean IoU {scores[i]:.3f}") for k, i in shown]
    assert places == sorted(places)


def test_whatever_a_name_holds_is_text():
    given = arguments(HOSTILE, ["test"] * 6)
    given["settings"]["data"]["root"] = HOSTILE[2]
    given["spec"].provenance["hardware"] = HOSTILE[0]
    plain, hostile = Elements(page(**arguments(splits=["test"] * 6))), Elements(page(**given))
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in plain.found]
    for (_, ours), (_, theirs) in zip(plain.found, hostile.found, strict=True):
        assert ours.keys() == theirs.keys()
        assert not [name for name in theirs if name.startswith("on")]
    for name in HOSTILE:
        assert f". {name} mean IoU" in hostile.text
        assert {"aria-label": f"{name}: next view"}.items() <= next(
            a for t, a in hostile.found if t == "button" and a["aria-label"].startswith(name)
        ).items()


def test_nothing_is_fetched_from_elsewhere(text):
    for tag, attributes in Elements(text).found:
        for name in ("src", "href", "xlink:href", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert not re.search(r"url\((?!#)", text)


def test_ids_are_unique(text):
    ids = [a["id"] for _, a in Elements(text).found if "id" in a]
    assert len(ids) == len(set(ids)) > 100


@pytest.mark.long
def test_the_same_bytes_whenever_and_wherever(text):
    program = "import test_html as t; print(t.page(**t.given.__wrapped__()), end='')"
    elsewhere = {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | elsewhere,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == text


def test_without_val_and_test_images_it_says_so():
    text = Elements(page(**arguments(splits=["train"] * 6))).text
    assert "No test images: split.test is 0" in text
    assert "No val images: split.val is 0" in text
    assert "worst first" not in text


def test_it_says_by_whose_confidence_objects_are_counted(given):
    own = Objects(intercept=0, slopes=(1,) * 5, threshold=0.25, spread=2)
    kept = own.model_copy(update={"threshold": 0.5, "spread": None})

    def said(**objects):
        calibration = Calibration(temperatures=(1, 1, 1), objects=objects, images=7)
        spec = given["spec"].model_copy(update={"calibration": calibration})
        words = " ".join(Elements(page(**given | {"spec": spec})).text.split())
        return words.partition("defines each figure.")[2].partition(". ")[0]

    by_val = "at which as many were counted in the 7 val images as had been drawn there"
    assert said(erythrocyte=own) == (
        f" Counted are those of at least the confidence (erythrocyte 0.25) {by_val}"
    )
    assert said(erythrocyte=kept, spirochaete=kept) == (
        " Counted as by the model that the training started from are those of at least its "
        "confidence (erythrocyte 0.50, spirochaete 0.50), since val holds too few"
    )


def test_fewer_than_ten_groups_have_no_intervals():
    """Of two groups 0.256 [0.255, 0.273] was printed once."""
    text = " ".join(Elements(page(**arguments())).text.split())
    assert "No 95 % intervals: 3 groups (fields of view) are too few; 10 are the least." in text
    assert "percentile bootstrap" not in text and "95 % interval " not in text


def test_classes_that_cannot_be_learnt_or_measured_are_named():
    given = arguments()
    for split in ("all", "train", "val", "test"):
        given["counts"]["images_with"][split]["spirochaete"] = 0
    given["counts"]["images_with"]["test"]["erythrocyte"] = 0
    text = Elements(page(**given)).text
    assert "spirochaete: no image has it, so it is neither learnt nor measured." in text
    assert "erythrocyte: no image of test has it." in text
    assert "has it" not in Elements(page(**arguments())).text


def test_one_group_has_no_intervals_and_an_absent_class_dashes():
    given = arguments(splits=["test", *["train"] * 5])
    given["matrices"][0, 2], given["matrices"][0, :, 2] = 0, 0
    given["scores"]["test"] = split_metrics(given["matrices"][:1], list(CLASSES))
    text = Elements(page(**given)).text
    test = given["scores"]["test"]
    recall = " ".join(f"{test[name]['recall']:.3f}" for name in ("background", "erythrocyte"))
    assert f"recall {recall} \u2013 overlap accuracy" in " ".join(text.split())
    assert " interval 0" not in text
    assert "nan" not in text.lower()


def test_flat_params_are_as_in_params_yaml():
    params = {"train": {"epochs": 3, "crop": None, "weights": [1, 2.5]}, "flip": True}
    assert dict(flat(params)) == {
        "train.epochs": "3",
        "train.crop": "null",
        "train.weights": "[1, 2.5]",
        "flip": "true",
    }


# In a browser


@pytest.fixture
def opened(browser, tmp_path):
    """The browser with a report of hostile names open, in daylight, at the width of a desk."""
    path = tmp_path / "report.html"
    path.write_text(page(**arguments(HOSTILE)), encoding="utf-8")
    media(browser, width=1200)
    browser.get_log("browser"), browser.get_log("performance")  # of pages before
    browser.get(path.as_uri())
    return browser


def test_it_opens_without_errors_and_requests(opened):
    assert opened.get_log("browser") == []
    events = [json.loads(e["message"])["message"] for e in opened.get_log("performance")]
    asked = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    urls = [e["request"]["url"] for e in asked]
    assert urls[0] == opened.current_url
    assert {url.split(":")[0] for url in urls} <= {"file", "data"}
    assert sum(url.startswith("file:") for url in urls) == 1
    loaded = "return [...document.images].every((i) => i.complete && i.naturalWidth == 60)"
    assert opened.execute_script(loaded)


def test_a_script_that_is_not_ours_does_not_run(opened):
    opened.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = true';"
        "document.body.append(s)"
    )
    assert opened.execute_script("return window.ran") is None
    assert "Content Security Policy" in opened.get_log("browser")[0]["message"]


def view(browser):
    return browser.execute_script("return document.querySelector('[name=view]:checked').value")


def test_clicks_and_keys_turn_the_pictures(opened):
    """By the switch and by the picture; each view looks different from the others."""
    from selenium.webdriver import ActionChains, Keys

    picture = opened.find_element("css selector", ".picture")
    seen = {}
    for name in VIEWS:
        opened.find_element("css selector", f"[value={name}]").click()
        assert view(opened) == name
        seen[name] = picture.screenshot_as_png
    assert len(set(seen.values())) == 4

    picture.click()
    assert view(opened) == "image"
    assert opened.find_element("id", "showing").get_attribute("textContent") == "Showing image"
    assert opened.switch_to.active_element == picture

    def press(key):
        ActionChains(opened).send_keys(key).perform()
        return view(opened)

    assert [press(Keys.ARROW_RIGHT) for _ in VIEWS] == ["truth", "prediction", "errors", "image"]
    assert press(Keys.ARROW_LEFT) == "errors"
    assert press(Keys.ENTER) == "image"
    assert press(Keys.SPACE) == "truth"
    opened.execute_script("document.querySelector('[name=view]:checked').focus()")
    assert press(Keys.ARROW_RIGHT) == "prediction"
    press(Keys.TAB)
    assert opened.switch_to.active_element == picture
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert opened.execute_script(outline) == "solid"


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_nothing_is_wider_than_the_page(opened, width):
    media(opened, width)
    assert opened.execute_script("return document.documentElement.scrollWidth") == width
    tables = opened.find_elements("css selector", ".wide")
    assert len(tables) == 6
    assert all(t.get_property("scrollWidth") == t.get_property("clientWidth") for t in tables)


def test_dark_and_light_are_both_legible(opened):
    pages = {}
    for scheme in ("light", "dark"):
        media(opened, 1200, scheme)
        for selector in ("body", ".note", ".interval", "figcaption", "nav a", ".chart text"):
            assert contrast(opened, selector) > 4.5, (scheme, selector)
        fill = "return getComputedStyle(document.querySelector('.chart text')).fill"
        pages[scheme] = opened.execute_script(fill)
    assert pages["light"] != pages["dark"]


def test_void_is_told_if_masks_have_it(given, text):
    assert "Void," not in text and "void, not measured" not in text
    table = given["table"]
    words = Elements(page(**given | {"table": table.assign(pixels_ignore=240)})).text
    assert "Void, 10.0\u202f% of all pixels, is left out here, as it is of every measure." in words
    assert words.count("void, not measured") == 2
    words = Elements(page(**given | {"table": table.assign(pixels_ignore=0)})).text
    assert "void, not measured" not in words


def test_a_split_of_void_alone_has_no_shares(given):
    counts = given["counts"]
    pixels = counts["pixels"] | {"val": dict.fromkeys(CLASSES, 0)}
    text = page(**given | {"counts": counts | {"pixels": pixels}})
    assert "nan" not in re.sub("<svg.*?</svg>", "", text, flags=re.DOTALL)
