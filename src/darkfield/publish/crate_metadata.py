"""What an RO-Crate says of a run: its ro-crate-metadata.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, Entity
from rocrate.rocrate import ROCrate

from darkfield.files import sha256
from darkfield.network.spec import ModelSpec
from darkfield.publish.card import NO_DEVICE, summary, title
from darkfield.schema import section
from darkfield.sections import Publish
from darkfield.values import name_and_orcid

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
DIGEST = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}  # RO-Crate 1.1 has no term
SPDX = "https://spdx.org/licenses/"
FORMATS = {  # not `mimetypes`, whose answers depend on the machine
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".yaml": "application/yaml",
    "": "text/plain",
}
FOLDERS = {
    "workflow": "The rules of the chain, their scripts, and the captions of Snakemake's report.",
    "profiles": "How Snakemake is called, in the working folder and on a cluster.",
    "src": "The Python packages that rules and scripts import.",
}
TYPES = {"boolean": "Boolean", "integer": "Integer", "number": "Float"}
NO_PARAMETERS = ("pictures", "publish")  # sections of params.yaml that are not about the run
UNDATED = "When it ran is left out: a run's files hold nothing in which two equal runs differ."


@dataclass(frozen=True)
class Run:
    """What there is to describe.

    `settings` is params.yaml, `metrics` metrics.json. `results` are files by their names in the
    crate, each with what it is; `manifest` is the name of that with the SHA-256 of all pictures.
    `pictures` is the name of their folder in the crate, or None if they are not in it.
    """

    spec: ModelSpec
    settings: Mapping[str, Any]
    publish: Publish
    metrics: Mapping[str, Any]
    results: Mapping[str, tuple[Path, str]]
    manifest: str
    pictures: str | None


def describe(run: Run) -> ROCrate:
    """The crate of a run, described; it holds no files."""
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(DIGEST)
    own, mit = (licence(crate, name) for name in (str(run.publish.licence), "MIT"))
    people = [person(crate, author) for author in run.publish.authors]
    action = context(crate, "#run", "CreateAction")
    action["name"] = f"Training and measurement of {title(run.spec)}"
    action["description"] = f"`snakemake`, on {hardware(run.spec)}. {UNDATED}"
    action["instrument"] = workflow(crate, run.spec, mit)
    action["agent"] = people
    values = [parameter(crate, *of) for of in parameters(run.settings)]
    action["instrument"]["input"] = [of_value["exampleOfWork"] for of_value in values]
    files = [file(crate, name, *of, license=own) for name, of in run.results.items()]
    scores = [
        context(crate, f"#metric-{quote(name)}", "PropertyValue", name=name, value=number)
        for name, number in numbers(run.metrics)
    ]
    settings = file(crate, "params.yaml", None, "The settings.")
    action["object"] = [settings, pictures(crate, run, own), *values]
    action["result"] = [*files, *scores]
    root = crate.root_dataset
    root["name"] = f"{title(run.spec)}, trained on {Path(run.settings['data']['root']).name}"
    caveats = [f"{line.rstrip('.')}." for line in run.spec.caveats]
    root["description"] = " ".join([summary(run.spec), *caveats, NO_DEVICE])
    root["datePublished"] = run.publish.date
    root["author"], root["license"], root["mentions"] = people, own, action
    readme = file(crate, "README.md", None, "What to do with the crate, and the model card.")
    readme["about"] = root
    root["conformsTo"] = [
        context(crate, url, "CreativeWork", name=name, version=url.rpartition("/")[2])
        for url, name in PROFILES.items()
    ]
    return crate


def context(crate: ROCrate, identifier: str, kind: str, **properties: Any) -> Entity:
    """Add an entity that is no file."""
    return crate.add(ContextEntity(crate, identifier, {"@type": kind, **properties}))


def licence(crate: ROCrate, name: str) -> Entity:
    """Add a licence, given its identifier in SPDX."""
    about = f"The licence that SPDX lists as {name}."
    return context(crate, f"{SPDX}{name}", "CreativeWork", name=name, description=about)


def person(crate: ROCrate, author: str) -> Entity:
    """Add an author; see darkfield.values.name_and_orcid."""
    name, orcid = name_and_orcid(author)
    return context(
        crate, f"https://orcid.org/{orcid}" if orcid else f"#{quote(name)}", "Person", name=name
    )


def workflow(crate: ROCrate, spec: ModelSpec, licence: Entity) -> Entity:
    """Add the Snakefile, the folders that it needs, and the software that ran."""
    versions: dict[str, str] = spec.provenance.get("versions", {})
    properties = {
        "name": "darkfield",
        "description": "From a folder of pictures and masks to a trained and measured network.",
        "version": versions.get("darkfield", "unknown"),
        "license": licence,
        "encodingFormat": FORMATS[""],
    }
    main = crate.add_workflow(
        dest_path="Snakefile", properties=properties, main=True, lang="snakemake"
    )
    main["softwareRequirements"] = [
        context(
            crate,
            f"pkg:{'generic' if name == 'python' else 'pypi'}/{name}@{version}",
            "SoftwareApplication",
            name=name,
            softwareVersion=version,
        )
        for name, version in versions.items()
        if name != "darkfield"
    ]
    for name, about in FOLDERS.items():
        of_folder = {"name": name, "description": about, "license": licence}
        crate.add_dataset(dest_path=name, properties=of_folder)
    file(crate, "LICENSE", None, "The licence of the code.", license=licence)
    return main


def hardware(spec: ModelSpec) -> str:
    return str(spec.provenance.get("hardware", "hardware that model.json does not name"))


def file(crate: ROCrate, name: str, source: Path | None, about: str, **properties: Any) -> Entity:
    """Add a file; one without a source is made with the crate."""
    if source:
        properties |= {"contentSize": str(source.stat().st_size), "sha256": sha256(source)}
    encoding = FORMATS.get(Path(name).suffix, "application/octet-stream")
    properties |= {"name": Path(name).name, "description": about, "encodingFormat": encoding}
    return crate.add_file(dest_path=name, properties=properties)


def pictures(crate: ROCrate, run: Run, licence: Entity) -> Entity:
    """Add the pictures and masks: their folder, or else that there is one outside the crate."""
    root = run.settings["data"]["root"]
    properties = {
        "name": f"Pictures and masks, {Path(root).name}",
        "alternateName": root,
        "subjectOf": crate.get(quote(run.manifest)),
    }
    if run.pictures is None:
        properties["description"] = f"Not in this crate; {run.manifest} has the SHA-256 of each."
        return context(crate, "#pictures", "CreativeWork", **properties)
    properties["description"] = "Each picture in images/, its mask of the same name in masks/."
    return crate.add_dataset(dest_path=run.pictures, properties=properties | {"license": licence})


def parameters(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The name of each setting (section.key or key), its value, and its JSON schema."""
    for name, value in settings.items():
        of_name = section(name)
        if name in NO_PARAMETERS:
            continue
        if "properties" not in of_name:
            yield name, value, of_name
        for key, of_key in of_name.get("properties", {}).items():
            yield f"{name}.{key}", value[key], of_key


def parameter(crate: ROCrate, name: str, value: Any, schema: Mapping[str, Any]) -> Entity:
    """Add a setting that the workflow has, and its value in this run, which is returned.

    What can be of several types is text: JSON, unless it is text anyway. To JSON-LD null would be
    nothing, and a list a set.
    """
    kind = TYPES.get(schema.get("type", ""), "Text")
    formal = context(crate, f"#parameter-{name}", "FormalParameter", name=name)
    formal["description"], formal["additionalType"] = schema["description"], kind
    if kind == "Text" and not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False)
    found = context(crate, f"#setting-{name}", "PropertyValue", name=name, value=value)
    found["exampleOfWork"], formal["workExample"] = formal, found
    return found


def numbers(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in nested mappings, by their keys: {"test": {"miou": 0.8}} has test.miou."""
    for key, item in metrics.items():
        if isinstance(item, Mapping):
            yield from numbers(item, f"{prefix}{key}.")
        elif isinstance(item, int | float):
            yield f"{prefix}{key}", item
