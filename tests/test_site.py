"""The site of docs/: built without a warning, whole, and open to a browser without a network."""

import json
import pkgutil
import re
import shutil
import sys
from urllib.parse import unquote, urlsplit

import pytest
from browser import media
from conftest import REPOSITORY
from project import project, run
from selenium.webdriver.support.wait import WebDriverWait

import darkfield

SOURCES = ("docs", "config", "presets", "models/darkfield")
FILES = ("Makefile", "README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "requirements.lock")
MADE = shutil.ignore_patterns("api")


def site_of(folder):
    """What `make site` says in a project, and how it ends."""
    return run(folder, "make", "--silent", "--assume-old=.venv/installed", "site")


def is_dark(browser):
    """Whether the page's background is dark; None as long as it has none."""
    script = "return getComputedStyle(document.body).backgroundColor"
    paper = re.match(r"rgb\((\d+)", browser.execute_script(script))
    return int(paper[1]) < 128 if paper else None


@pytest.fixture(scope="module")
def built(finished, tmp_path_factory):
    """A project with a run and its site."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("site") / "project")
    for name in SOURCES:
        shutil.copytree(REPOSITORY / name, folder / name, ignore=MADE)
    for name in FILES:
        shutil.copy(REPOSITORY / name, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    done = site_of(folder)
    assert done.returncode == 0, done.stdout
    assert "site/index.html" in done.stdout
    return folder


def test_the_contents_name_every_page():
    docs = REPOSITORY / "docs"
    sources = {*docs.glob("*.md"), *docs.glob("site/*.md"), *docs.glob("site/*.rst")}
    names = {path.relative_to(docs).with_suffix("").as_posix() for path in sources}
    assert names - {"index"} <= set(re.findall(r"[\w/-]+", (docs / "index.md").read_text()))


@pytest.mark.parametrize(
    ("root", "says"),
    [
        (None, "missing, which the site shows: make run"),
        ("data/mine", "of data/mine; the site shows a run on data/synthetic: set data.root"),
    ],
)
def test_without_a_run_on_synthetic_scenes_one_line_says_so(tmp_path, root, says):
    folder = project(tmp_path / "project")
    if root:
        (folder / "results").mkdir()
        report = f"<title>segnet on {root}: darkfield report</title>"
        (folder / "results/report.html").write_text(report)
    done = run(folder, sys.executable, REPOSITORY / "docs/site_example.py")
    assert done.returncode == 1
    assert done.stdout == f"results/report.html is {says}\n"
    assert not (folder / "build").exists()


@pytest.mark.long
def test_every_module_has_its_section(built):
    modules = {m.name for m in pkgutil.walk_packages(darkfield.__path__, "darkfield.")}
    index = (built / "site/py-modindex.html").read_text()
    assert set(re.findall(r"api/[\w.]+\.html#module-([\w.]+)", index)) == modules | {"darkfield"}


@pytest.mark.long
def test_links_lead_somewhere_and_nothing_comes_from_another_host(built):
    texts = {path: path.read_text() for path in sorted((built / "site").rglob("*.html"))}
    ids = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    for path, text in texts.items():
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]+)"', text)
        loaded += re.findall(r'<link (?![^>]*rel="(?:canonical|author)")[^>]*href="([^"]+)"', text)
        assert not [place for place in loaded if urlsplit(place).scheme not in ("", "data")]
        for place in re.findall(r'(?:href|src)="([^"]+)"', text):
            link = urlsplit(place)
            if link.scheme or link.netloc:
                continue
            to = (path.parent / unquote(link.path)).resolve() if link.path else path
            assert to.exists(), f"{path}: {place}"
            if link.fragment and to in ids and "example" not in to.parts:
                assert unquote(link.fragment) in ids[to], f"{path}: {place}"


@pytest.mark.long
def test_a_link_that_leads_nowhere_stops_the_build(built):
    masks = built / "docs/masks.md"
    text = masks.read_text()
    masks.write_text(f"{text}\n[lost](outputs.md#no-such-section)\n")
    done = site_of(built)
    masks.write_text(text)
    assert done.returncode != 0
    assert "docs/masks.md" in done.stdout
    assert "no-such-section" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_open_from_disk_without_a_request_or_an_error(built, browser, scheme):
    home = (built / "site").as_uri()
    media(browser, 1300, scheme)
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    for name in ("index.html", "settings.html", "api/darkfield.network.html"):
        browser.get(f"{home}/{name}")
        WebDriverWait(browser, 30).until(lambda b: is_dark(b) is (scheme == "dark"))
        wide = "return document.documentElement.scrollWidth - innerWidth"
        assert browser.execute_script(wide) <= 0
    browser.get(f"{home}/search.html?q=snakedeploy")
    WebDriverWait(browser, 30).until(
        lambda b: b.find_elements("css selector", "#search-results a[href^='site/workflows.html']")
    )
    for text, title in (("The report", "darkfield report"), ("The gallery", "pictures")):
        browser.get(f"{home}/site/example.html")
        browser.find_element("link text", text).click()
        assert title in browser.find_element("tag name", "body").text
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [
        message["params"]["request"]["url"]
        for message in sent
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert addresses
    assert {urlsplit(address).scheme for address in addresses} <= {"file", "data", "blob"}
