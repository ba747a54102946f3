"""A run's crate is what the profile asks for, by the validator of RO-Crate itself, offline."""

import hashlib
import io
import json
import shutil
import zipfile
from importlib.resources import files as resources
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY
from project import set_params, snakemake

from darkfield.files import UserError, read_json, write_json
from darkfield.publish.crate import RESULTS, SHOWING, inside, write_crate

for library in ("rocrate", "rocrate_validator"):
    pytest.importorskip(library, reason=f"no {library}: pip install 'darkfield[dev]'")

PUBLISH = {
    "authors": ["Ada Author (0000-0002-1825-0097)", "Bo"],
    "licence": "CC-BY-4.0",
    "date": "2026-11-26",
    "pictures": False,
}
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
BIOSCHEMAS = "https://bioschemas.org"
# What the profile recommends and a crate of ours leaves out.
LEFT_OUT = {
    "The Action SHOULD have an endTime in ISO 8601 format",
    "The Application SHOULD have a url",
    "The Main Workflow SHOULD comply with Bioschemas ComputationalWorkflow profile version 1.0 or "
    "later",
    "The `publisher` property of a `Root Data Entity` SHOULD be an `Organization`",
    "The author SHOULD have a Contextual Entity which specifies the organizational `affiliation`.",
    "The author SHOULD have an organizational affiliation.",
    # Of the classes themselves, by an error of the validator's shape.
    "The SoftwareApplication id SHOULD be an absolute URI",
}


@pytest.fixture(scope="module")
def packed(finished, tmp_path_factory) -> Path:
    """A project whose run is packed, by the rule."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("crate") / "project")
    set_params(folder, publish=PUBLISH)
    done = snakemake(folder, "--cores", "1", "crate")
    assert done.returncode == 0, done.stdout
    assert "1 job finished" in done.stdout
    return folder


@pytest.fixture
def run(packed, monkeypatch):
    """What `write_crate` takes, of that run, whose folder is the working folder."""
    monkeypatch.chdir(packed)
    evaluation = Path("results/evaluation")
    files = {key: [evaluation / f"{key}.csv"] for key in ("epochs", "images", "confusion")}
    files |= {key: [evaluation / f"{key}.json"] for key in ("scores", "object_scores")}
    files |= {key: [] for key in RESULTS if key.startswith("plot_")}
    files |= {
        "manifest": [Path("data/flattened_masks.csv")],
        "split": [Path("data/split.csv")],
        "stats": [Path("results/channel_stats.json")],
        "counts": [Path("results/class_counts.json")],
        "history": [Path("results/train/history.csv")],
        "objects": [evaluation / "objects.csv"],
        "weights": [Path("results/model/model.safetensors")],
        "spec": [Path("results/model/model.json")],
        "metrics": [Path("results/metrics.json")],
        "validation": [Path("results/validation.md")],
        "overlays": [Path("results/overlays")],
        "report": [Path("results/report.html")],
    }
    return {
        "chain": REPOSITORY,
        "settings": yaml.safe_load(Path("params.yaml").read_text()),
        "files": files,
        "pictures": Path("data/synthetic"),
        "drawn": False,
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """The validator's cache, with the context of RO-Crate 1.1, so that it asks no one.

    rocrate holds that of 1.3, in which the terms of Bioschemas stand for other addresses.
    """
    from requests import Request, Response
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    context = json.loads((resources("rocrate") / "data/ro-crate.jsonld").read_text())["@context"]
    context |= {
        name: f"{BIOSCHEMAS}/{name}" for name in ("ComputationalWorkflow", "FormalParameter")
    }
    context["input"] = f"{BIOSCHEMAS}/ComputationalWorkflow#input"
    accept = {"Accept": "application/ld+json, application/json, */*;q=0.1"}  # as the validator asks
    response = Response()
    response.status_code, response.url = 200, CONTEXT
    response.request = Request("GET", CONTEXT, headers=accept).prepare()
    response.headers["Content-Type"] = "application/ld+json"
    response._content = json.dumps({"@context": context}).encode()
    response.raw = HTTPResponse(io.BytesIO(response.content), response.headers, 200)
    path = tmp_path_factory.mktemp("cache") / "http"
    CachedSession(str(path), backend="sqlite", expire_after=-1).cache.save_response(response)
    return path


def problems(crate, cache):
    """What the validator says of a crate, by how much it matters."""
    from rocrate_validator.models import Severity
    from rocrate_validator.services import ValidationSettings, validate

    settings = ValidationSettings(
        rocrate_uri=str(crate),
        profile_identifier="workflow-run-crate-0.5",
        requirement_severity=Severity.RECOMMENDED,
        cache_path=cache,
        offline=True,
    )
    issues = validate(settings).get_issues()
    return [
        {issue.message for issue in issues if issue.severity == severity}
        for severity in (Severity.REQUIRED, Severity.RECOMMENDED)
    ]


def described(crate):
    """The entities of a crate by @id."""
    with zipfile.ZipFile(crate) as archive:
        graph = json.loads(archive.read("ro-crate-metadata.json"))["@graph"]
    return {entity["@id"]: entity for entity in graph}


def names(crate):
    with zipfile.ZipFile(crate) as archive:
        return set(archive.namelist())


def test_the_rule_s_crate_is_what_the_profile_asks_for(packed, cache):
    required, recommended = problems(packed / "results/run.crate.zip", cache)
    assert not required
    assert recommended == LEFT_OUT


@pytest.mark.long
def test_a_crate_without_pictures_is_too(run, tmp_path, cache):
    write_crate(tmp_path / "a.zip", **run)
    required, recommended = problems(tmp_path / "a.zip", cache)
    assert not required
    assert recommended == LEFT_OUT


def test_it_holds_the_run_and_the_bytes_that_it_names(packed):
    crate = packed / "results/run.crate.zip"
    entities = described(crate)
    expected = """
        Snakefile workflow/rules/network.smk workflow/scripts/train.py src/darkfield/cli.py LICENSE
        profiles/default/profile.yaml params.yaml README.md ro-crate-metadata.json
        data/flattened_masks.csv data/split.csv results/metrics.json results/validation.md
        results/model/model.safetensors results/model/model.json results/train/history.csv
        results/plots/loss.png results/plots/agreement/spirochaete.png
        data/synthetic/images/001.png data/synthetic/masks/001.png results/report.html
    """
    assert set(expected.split()) <= names(crate)
    assert any(name.startswith("results/overlays/test/") for name in names(crate))
    assert not any("pycache" in name or "/." in name for name in names(crate))
    with zipfile.ZipFile(crate) as archive:
        digests = {name: e["sha256"] for name, e in entities.items() if "sha256" in e}
        assert {"results/model/model.safetensors", "data/flattened_masks.csv"} <= digests.keys()
        for name, digest in digests.items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest, name
            assert archive.read(name) == (packed / name).read_bytes(), name
        settings = yaml.safe_load(archive.read("params.yaml"))
        readme = archive.read("README.md").decode()
    assert settings == yaml.safe_load((packed / "params.yaml").read_text())
    assert "| results/plots/loss.png | " in readme
    assert "# darkfield SegNet" in readme


def test_it_says_what_ran_on_what_by_whom_and_what_came_of_it(packed):
    entities = described(packed / "results/run.crate.zip")
    root, run, workflow = (entities[name] for name in ("./", "#run", "Snakefile"))
    assert root["datePublished"] == "2026-11-26"
    assert root["license"]["@id"] == "https://spdx.org/licenses/CC-BY-4.0"
    people = [entities[person["@id"]] for person in run["agent"]]
    assert [person["name"] for person in people] == ["Ada Author", "Bo"]
    assert people[0]["@id"] == "https://orcid.org/0000-0002-1825-0097"
    assert run["instrument"] == root["mainEntity"] == {"@id": "Snakefile"}
    assert workflow["license"]["@id"] == "https://spdx.org/licenses/MIT"
    spec = read_json(packed / "results/model/model.json")
    software = [entities[item["@id"]] for item in workflow["softwareRequirements"]]
    versions = {item["name"]: item["softwareVersion"] for item in software}
    assert versions | {"darkfield": workflow["version"]} == spec["provenance"]["versions"]
    taken = {item["@id"] for item in run["object"]}
    made = {item["@id"] for item in run["result"]}
    assert {"params.yaml", "data/synthetic/", "#setting-train.epochs"} <= taken
    assert {"results/model/model.safetensors", "results/plots/loss.png"} <= made
    assert entities["#setting-train.epochs"]["value"] == 2
    assert entities["#parameter-train.epochs"]["additionalType"] == "Integer"
    assert entities["#setting-image_size"]["value"] == "[40, 48]"
    assert entities["#setting-train.crop"]["value"] == "null"
    assert not any("#setting-publish" in name or "#setting-pictures" in name for name in taken)
    scores = read_json(packed / "results/metrics.json")
    assert entities["#metric-test.miou"]["value"] == scores["test"]["miou"]
    f1 = entities["#metric-objects.erythrocyte.f1"]["value"]
    assert f1 == scores["objects"]["erythrocyte"]["f1"]


def test_what_the_scores_are_worth_is_said_first(run, tmp_path):
    spec = read_json("results/model/model.json") | {"caveats": ["Test pictures were trained on"]}
    write_json(tmp_path / "model.json", spec)
    write_crate(
        tmp_path / "a.zip", **run | {"files": run["files"] | {"spec": [tmp_path / "model.json"]}}
    )
    assert (
        "spirochaete. Test pictures were trained on. This"
        in described(tmp_path / "a.zip")["./"]["description"]
    )


def test_pictures_of_the_user_stay_out_and_what_shows_them(run, tmp_path):
    write_crate(tmp_path / "a.zip", **run)
    shown = ("data/synthetic/", "results/overlays/", "results/report.html")
    assert not [name for name in names(tmp_path / "a.zip") if name.startswith(shown)]
    entities = described(tmp_path / "a.zip")
    assert not [name for name in entities if name.startswith(shown)]
    assert "Not in this crate" in entities["#pictures"]["description"]
    assert entities["#pictures"]["subjectOf"] == {"@id": "data/flattened_masks.csv"}
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        rows = archive.read("README.md").decode().partition("\n# ")[2]
        assert not [name for name in shown if f"| {name.rstrip('/')} " in rows]


def test_pictures_of_the_user_are_in_it_if_they_say_so(run, tmp_path):
    elsewhere = shutil.copytree("data/synthetic", tmp_path / "my pictures")
    publish = PUBLISH | {"pictures": True}
    settings = run["settings"] | {"publish": publish}
    settings["data"] = settings["data"] | {"root": str(elsewhere)}
    write_crate(tmp_path / "a.zip", **run | {"settings": settings, "pictures": elsewhere})
    assert {"data/my pictures/images/001.png", "results/report.html"} <= names(tmp_path / "a.zip")
    dataset = described(tmp_path / "a.zip")["data/my%20pictures/"]
    assert dataset["alternateName"] == str(elsewhere)


def test_pictures_above_the_working_folder_are_inside_the_crate(run):
    assert inside(Path("../pics")) == inside(Path("..", "pics").absolute()) == "data/pics"
    assert inside(Path("data/../data/mine")) == "data/mine"


def test_what_shows_pictures_is_known(run):
    assert set(SHOWING) <= RESULTS.keys() == run["files"].keys()


def test_the_same_run_is_the_same_bytes(run, packed, tmp_path):
    for name in ("a.zip", "b.zip"):
        write_crate(tmp_path / name, **run)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_what_only_the_user_knows_is_asked_for_at_once(run, tmp_path):
    publish = PUBLISH | {"authors": [], "licence": None, "date": None}
    with pytest.raises(UserError) as error:
        write_crate(
            tmp_path / "a.zip", **run | {"settings": run["settings"] | {"publish": publish}}
        )
    assert str(error.value).splitlines() == [
        f"params.yaml: publish.{key}: a crate must say it" for key in ("authors", "licence", "date")
    ]


def test_rules_from_elsewhere_are_refused(run, tmp_path):
    with pytest.raises(UserError, match="no Snakefile, which a crate holds"):
        write_crate(tmp_path / "a.zip", **run | {"chain": tmp_path})


@pytest.mark.long
def test_unpacked_it_repeats_the_run(packed, tmp_path):
    with zipfile.ZipFile(packed / "results/run.crate.zip") as archive:
        archive.extractall(tmp_path / "project")
        made = [name for name in archive.namelist() if name.startswith(("results/", "data/"))]
        before = {name: archive.read(name) for name in made if not name.endswith("/")}
    shutil.rmtree(tmp_path / "project/results")
    done = snakemake(tmp_path / "project", "--cores", "2")
    assert done.returncode == 0, done.stdout
    for name, content in before.items():
        assert (tmp_path / "project" / name).read_bytes() == content, name
