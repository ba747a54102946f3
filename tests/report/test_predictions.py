"""The gallery of predictions: the least sure first; a real browser opens, sorts and turns it."""

import json

import numpy as np
import pandas as pd
import pytest
from browser import contrast, media
from pages import SPEC
from PIL import Image

from darkfield.data.listing import Made
from darkfield.files import write_csv
from darkfield.report import predictions
from darkfield.report.predictions import least_sure_first, page, unsureness, write_index

# "odd" has a warning, "b" is the least sure by its intervals, "a" and "c" are alike.
PLAIN = ("a", "b", "c", "odd")
HOSTILE = (
    'it\'s "quoted" & <b>bold<',
    "below</script><script>window.ran=true<",  # a folder "below<"
    "100% #1? a+b",
    "data:text;x",
    "café 細菌 \u202e",
    "deep/{{ 7 * 7 }}",
)
WARNING = "unlike the pictures that the model knows"


def tables(names=PLAIN, sure=True):
    """Counts and objects of images: three objects each, at x = 10, 20, 30 and y = 5."""
    n = len(names)
    counts = pd.DataFrame(
        {
            "image": names,
            "erythrocytes": np.arange(n) + 1,
            "spirochaetes": 1,
            "coverage_background": 0.75,
            "coverage_erythrocyte": 0.2,
            "coverage_spirochaete": np.linspace(0.05, 0.01, n),
        }
    )
    objects = pd.DataFrame(
        {
            "image": np.repeat(names, 3),
            "class": ["erythrocyte", "erythrocyte", "spirochaete"] * n,
            "label": [1, 2, 1] * n,
            "x": [10.0, 20.0, 30.0] * n,
            "y": 5.0,
            "area_px": 12,
            "diameter_px": [4.0, 4.0, np.nan] * n,
            "length_px": [np.nan, np.nan, 8.0] * n,
            "counted": [True, False, True] * n,
        }
    )
    if sure:
        counts = counts.assign(
            erythrocytes_low=counts["erythrocytes"],
            erythrocytes_high=counts["erythrocytes"] + [1, 1, 1, 1, *[0] * (n - 4)],
            spirochaetes_low=[0, 0, 0, 0, *[1] * (n - 4)],
            spirochaetes_high=[1, 4, *[1] * (n - 2)],
            warning=["", "", "", WARNING, *[""] * (n - 4)],
        )
        objects["confidence"] = [0.9, 0.8, 0.55] * n
    return counts, objects


def content(text):
    """What the page's script is given."""
    return json.loads(text.split('id="data">')[1].split("</script>")[0])


def order(counts, objects):
    return least_sure_first(counts, objects, SPEC)["image"].tolist()


def test_warnings_come_first_then_wide_intervals_then_names():
    counts, objects = tables()
    assert unsureness(counts, objects, SPEC) == pytest.approx([0.5, 4 / 2, 0.5, 0.5])
    assert order(counts, objects) == ["odd", "b", "a", "c"]
    assert order(counts[::-1], objects) == ["odd", "b", "a", "c"]


def test_without_intervals_the_confidence_of_objects_tells_and_without_both_the_name():
    counts, objects = tables()
    counts = counts[[c for c in counts if not c.endswith(("_low", "_high"))]]
    objects["confidence"] = [0.9, 0.8, 0.7, 0.5, 0.5, np.nan, 0.99, 0.99, 0.99, 1, 1, 1]
    p = np.array([0.9, 0.8, 0.7])
    told = unsureness(counts, objects, SPEC)
    assert told == pytest.approx([(p * (1 - p)).sum(), 0.5, 3 * 0.99 * 0.01, 0])
    assert order(counts, objects) == ["odd", "b", "a", "c"]
    none = objects[objects["image"] != "b"]
    assert order(counts.drop(columns="warning"), none) == ["a", "c", "b", "odd"]
    assert order(*tables(names=("d", "b", "c", "a"), sure=False)) == ["a", "b", "c", "d"]


def test_an_image_without_an_interval_has_its_objects():
    counts, objects = tables()
    counts.loc[0, [c for c in counts if c.endswith(("_low", "_high"))]] = np.nan
    assert unsureness(counts, objects, SPEC)[0] == pytest.approx(0.09 + 0.16 + 0.2475)


def test_the_page_says_what_the_tables_say():
    counts, objects = tables()
    objects["area_um2"] = objects["area_px"] * 0.25
    text = page(counts, objects, SPEC, dict.fromkeys(PLAIN, ""), folder="labels")
    data = content(text)
    assert "4 pictures, the least sure first" in text
    assert data["um_per_pixel"] == 0.5
    for other in (np.nan, 7):  # the page has one scale for all pictures, or none
        mixed = objects.assign(area_um2=objects["area_um2"].where(objects.index > 0, other))
        assert content(page(counts, mixed, SPEC, dict.fromkeys(PLAIN, "")))["um_per_pixel"] is None
    first = data["pictures"][0]
    assert first["counts"] == [[1, 1, 2], [1, 0, 1]] and first["coverage"] == [0.2, 0.05]
    assert first["overlay"] == "labels/overlays/a.jpg" and first["label"] == "labels/a.png"
    assert first["objects"] == [  # the least sure first
        [2, 1, 30, 5, 8, 0.55, 1],
        [1, 2, 20, 5, 4, 0.8, 0],
        [1, 1, 10, 5, 4, 0.9, 1],
    ]
    assert [p["warning"] for p in data["pictures"]] == ["", "", "", WARNING]
    assert page(counts, objects, SPEC, dict.fromkeys(PLAIN, ""), folder="labels") == text


def test_tables_of_models_that_do_not_say_how_sure_they_are():
    counts, objects = tables(sure=False)
    text = page(counts, objects, SPEC, dict.fromkeys(PLAIN, ""))
    data = content(text)
    assert "4 pictures, by name" in text and "does not say how sure it is" in text
    assert not data["warned"] and not data["confident"]
    assert data["pictures"][0]["counts"] == [[1, None, None], [1, None, None]]
    assert content(page(counts[:0], objects[:0], SPEC, {}))["pictures"] == []


def write(out, labels, counts, objects, problems=()):
    """The tables, and labels and overlays of 60 x 40 pixels; then index.html."""
    for name in counts["image"]:
        made = Made(labels, name)
        for path, colour in ((made.label, 0), (made.overlay, "#204060")):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("P" if colour == 0 else "RGB", (60, 40), colour).save(path)
    write_csv(out / "counts.csv", counts)
    write_csv(out / "objects.csv", objects)
    write_index(out, labels, SPEC, problems)
    return (out / "index.html").read_text(encoding="utf-8")


def test_the_file_is_the_same_each_time_and_takes_what_is_there(tmp_path, monkeypatch):
    labels = tmp_path / "labels"
    text = write(tmp_path, labels, *tables())
    assert text == write(tmp_path, labels, *tables())
    data = content(text)
    assert [p["name"] for p in data["pictures"]] == ["odd", "b", "a", "c"]
    assert all(p["thumbnail"].startswith("data:image/webp;base64,") for p in data["pictures"])
    (labels / "overlays/b.jpg").write_bytes(b"broken")
    (labels / "overlays/c.jpg").unlink()
    monkeypatch.setattr(predictions, "PICTURES", 3)
    write_index(tmp_path, labels, SPEC, ["new/<bad>.png: cannot be read"])
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert [bool(p["thumbnail"]) for p in content(text)["pictures"]] == [True, False, True]
    assert "The first 3 are here; the tables have all." in text
    assert "1 picture without labels" in text and "new/&lt;bad&gt;.png: cannot be read" in text


# In a browser


@pytest.fixture
def opened(browser, tmp_path):
    """The browser with a gallery open, plain names first, then hostile ones, in daylight."""
    write(tmp_path, tmp_path, *tables(PLAIN + HOSTILE))
    media(browser, width=1400)
    browser.get_log("browser"), browser.get_log("performance")  # of pages before
    browser.get((tmp_path / "index.html").as_uri())
    settled(browser)
    return browser


def settled(browser):
    """Wait until the large picture is there."""
    from selenium.webdriver.support.ui import WebDriverWait

    there = "return document.querySelector('#frame svg').hasAttribute('viewBox')"
    WebDriverWait(browser, 20, 0.05).until(lambda b: b.execute_script(there))


def texts(browser, selector):
    found = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
    return browser.execute_script(found, selector)


def name(browser):
    return texts(browser, "#name")[0]


def names(browser):
    return texts(browser, "#rows td:nth-child(2)")


def press(browser, *keys):
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*keys).perform()
    return name(browser)


def header(browser, title):
    buttons = browser.find_elements("css selector", "th button")
    return dict(zip(texts(browser, "th"), buttons, strict=True))[title]


def test_it_opens_without_errors_and_asks_for_its_pictures_alone(opened):
    assert opened.get_log("browser") == []
    events = [json.loads(e["message"])["message"] for e in opened.get_log("performance")]
    asked = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    urls = [e["request"]["url"] for e in asked]
    assert urls[0] == opened.current_url
    files = [url.removesuffix("index.html") for url in urls if url.startswith("file:")]
    assert {url.split(":")[0] for url in urls} == {"file", "data"}
    # The picture that is shown, and the next one.
    assert [url.removeprefix(files[0]) for url in files[1:]] == [
        "overlays/odd.jpg",
        "overlays/b.jpg",
    ]
    assert names(opened)[:4] == ["odd", "b", "a", "c"] and name(opened) == "odd"
    assert texts(opened, "#warning") == [WARNING]
    assert texts(opened, "#counts span:not([class])") == [
        "erythrocyte 4 4\u20135",
        "spirochaete 1 0\u20131",
    ]


def test_a_script_that_is_not_ours_does_not_run(opened):
    opened.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = true';"
        "document.body.append(s)"
    )
    assert opened.execute_script("return window.ran") is None
    assert "Content Security Policy" in opened.get_log("browser")[0]["message"]


def test_whatever_a_name_holds_is_text_and_its_picture_is_found(opened):
    from selenium.webdriver import Keys

    assert set(names(opened)) == {*PLAIN, *HOSTILE}
    for _ in PLAIN + HOSTILE:
        press(opened, Keys.ARROW_DOWN)
        settled(opened)
        opened.find_element("id", "labels").click()
        settled(opened)
    assert opened.execute_script("return window.ran") is None
    assert opened.get_log("browser") == []  # which would have files that are not there


def test_a_click_on_a_header_sorts_by_its_column(opened):
    from selenium.webdriver import Keys

    by_name = ["a", "b", "c", "odd"]
    header(opened, "erythrocyte").click()
    assert names(opened)[:4] == by_name and name(opened) == "a"
    state = "return [...document.querySelectorAll('th')].map((h) => h.ariaSort)"
    assert opened.execute_script(state)[3:5] == ["ascending", "none"]
    opened.switch_to.active_element.send_keys(Keys.ENTER)
    assert names(opened)[-4:] == by_name[::-1] and name(opened) == HOSTILE[-1]
    assert opened.execute_script(state)[3:5] == ["descending", "none"]
    header(opened, "area of spirochaete").click()
    assert names(opened)[-4:] == by_name[::-1]
    for _ in range(2):  # what has none stays below
        header(opened, "warning").click()
        assert names(opened)[0] == "odd"
    header(opened, "picture").click()
    assert [n for n in names(opened) if n in PLAIN] == by_name
    header(opened, "#").click()
    assert names(opened)[:4] == ["odd", "b", "a", "c"]


def test_keys_turn_to_other_pictures_in_the_order_shown_but_not_in_the_filter(opened):
    from selenium.webdriver import Keys

    last = names(opened)[-1]
    assert press(opened, Keys.ARROW_DOWN) == "b"
    assert press(opened, Keys.ARROW_RIGHT) == "a"
    assert press(opened, Keys.ARROW_LEFT) == press(opened, Keys.ARROW_UP, Keys.ARROW_DOWN) == "b"
    assert press(opened, Keys.END) == press(opened, Keys.ARROW_DOWN) == last
    assert press(opened, Keys.HOME) == press(opened, Keys.ARROW_UP) == "odd"
    row = opened.find_element("css selector", "#rows tr[aria-rowindex='4']")
    opened.execute_script("arguments[0].click()", row)  # wherever a busy browser has scrolled to
    assert name(opened) == "a" and texts(opened, "#place") == ["3 of 10"]
    chosen = texts(opened, "tr[aria-selected=true] td:nth-child(2)")
    assert chosen == ["a"]

    field = opened.find_element("id", "filter")
    field.send_keys("UNLIKE")
    assert names(opened) == ["odd"]
    field.clear()
    field.send_keys("x")
    field.send_keys(Keys.HOME, "te", Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert names(opened) == [name(opened)] == ["data:text;x"]
    field.send_keys("nothing")
    assert names(opened) == [] and texts(opened, "#place") == ["No picture"]
    assert not opened.find_element("id", "detail").is_displayed()


def rings(browser, kind):
    """The centres and radii of the circles of a kind, seen on the screen, as shares of the width
    of the picture."""
    return browser.execute_script(
        "const frame = document.querySelector('#frame').getBoundingClientRect();"
        "return [...document.querySelectorAll(`circle.above.${arguments[0]}`)].map((circle) => {"
        "const box = circle.getBoundingClientRect(); return ["
        "(box.x + box.width / 2 - frame.x) / frame.width,"
        "(box.y + box.height / 2 - frame.y) / frame.width]; })",
        kind,
    )


def test_an_object_is_marked_where_it_is(opened):
    from selenium.webdriver import ActionChains

    listed = ["spirochaete 18 px55\u202f%", "erythrocyte 24 px80\u202f%not counted"]
    assert texts(opened, "#objects li")[:2] == listed
    assert texts(opened, "#number") == ["3 objects, the least sure first"]
    assert rings(opened, "uncounted") == [pytest.approx([20.5 / 60, 5.5 / 60], abs=0.003)]
    assert rings(opened, "mark") == []
    first, *_, last = opened.find_elements("css selector", "#objects button")
    at = {first: pytest.approx([30.5 / 60, 5.5 / 60], abs=0.003)}
    at[last] = pytest.approx([10.5 / 60, 5.5 / 60], abs=0.003)
    ActionChains(opened).move_to_element(first).perform()
    assert rings(opened, "mark") == [at[first]]
    last.click()
    assert rings(opened, "mark") == [at[last]]
    ActionChains(opened).move_to_element(opened.find_element("id", "name")).perform()
    opened.execute_script("document.activeElement.blur()")
    assert rings(opened, "mark") == [at[last]]  # a click is kept
    for button in ("labels", "actual"):  # whatever is shown, at whatever size
        opened.find_element("id", button).click()
        settled(opened)
        assert rings(opened, "mark") == [at[last]]
    media(opened, width=700)
    assert rings(opened, "mark") == [at[last]]


def test_a_click_on_the_picture_finds_the_object(opened):
    from selenium.webdriver import ActionChains

    frame = opened.find_element("id", "frame")
    scale = frame.size["width"] / 60
    across, down = 30.5 * scale, 5.5 * scale
    middle = frame.size["width"] / 2, frame.size["height"] / 2
    offset = round(across - middle[0]), round(down - middle[1])
    ActionChains(opened).move_to_element_with_offset(frame, *offset).click().perform()
    assert texts(opened, "#objects [aria-pressed=true] > :first-child") == ["spirochaete 1"]
    ActionChains(opened).move_to_element_with_offset(frame, 0, 60).click().perform()
    assert texts(opened, "#objects [aria-pressed=true] > :first-child") == ["spirochaete 1"]


def test_of_many_rows_only_those_in_view_exist(browser, tmp_path):
    counts, objects = tables([f"{k:04}" for k in range(1000)])
    text = page(counts, objects, SPEC, dict.fromkeys(counts["image"], ""))
    (tmp_path / "index.html").write_text(text, encoding="utf-8")
    media(browser, width=1400)
    browser.get((tmp_path / "index.html").as_uri())
    from selenium.webdriver import Keys

    assert len(names(browser)) < 30
    assert press(browser, Keys.END) == "0999"
    assert press(browser, Keys.ARROW_UP) == "0998"
    assert "0998" in names(browser) and len(names(browser)) < 30
    seen = (
        "const row = document.querySelector('tr[aria-selected=true]').getBoundingClientRect();"
        "const list = document.querySelector('#list').getBoundingClientRect();"
        "return row.top >= list.top && row.bottom <= list.bottom + 1"
    )
    assert browser.execute_script(seen)


@pytest.mark.parametrize("width", [360, 1000, 1400])
def test_nothing_is_wider_than_the_page(opened, width):
    media(opened, width)
    assert opened.execute_script("return document.documentElement.scrollWidth") == width


def test_dark_and_light_are_both_legible(opened):
    papers = set()
    for scheme in ("light", "dark"):
        media(opened, 1400, scheme)
        for selector in ("body", ".note", ".interval", "#place", "th button", "header a", ".size"):
            assert contrast(opened, selector) > 4.5, (scheme, selector)
        papers.add(opened.find_element("tag name", "body").value_of_css_property("background"))
    assert len(papers) == 2
