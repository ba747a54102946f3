"""Every command that README.md, docs/ and the Makefile name works, or a table says why not.

RUN holds what is run here, as it is written, in a small copy of the project; TESTED, what another
test runs; NOT_RUN, what cannot be run, and why. Whoever documents a command adds it to one of the
three, whoever drops one removes it there: the fast tests say which.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from conftest import REPOSITORY
from project import commit, git, noise, repository, run


class Step(NamedTuple):
    """A documented command, and what shows that it worked."""

    command: str
    makes: str = ""  # a file that is removed before, and there after
    says: str = ""  # a regular expression that its output matches
    swap: Mapping[str, str] = MappingProxyType({})  # parts that are others here, beside WORDS


# What the pages leave to the reader.
WORDS = {
    **{"PICTURES": "new/images", "OUT": "out", "RULE": "metrics", "synthetic-10min": "small"},
    **{"models/NAME": "models/synthetic", "apply NAME": "apply mine", "use NAME": "use small"},
}

# Each list runs from top to bottom in a copy of a project whose chain has run.
RUN = {
    "snakemake": [
        Step("snakemake --dry-run", says="Nothing to be done"),
        Step("snakemake --cores 4", makes="results/report.html"),
        Step("snakemake RULE", makes="results/metrics.json"),
        Step("snakemake --unlock"),
        Step("source .venv/bin/activate"),
        Step("python -m darkfield.report.summary", says="Test images, native resolution"),
        Step("make repro", makes="results/report.html", says="Test images, native resolution"),
        Step("snakemake --config train='{processes: 4}'", makes="results/train/history.csv"),
        Step(
            "snakemake --config train='{processes: 2, threads: 1, precision: fp32, epochs: 3}' "
            "-- results/train/history.csv",
            makes="results/train/history.csv",
        ),
        Step("darkfield use finetune"),
        Step("darkfield use best"),
        Step("darkfield use NAME"),
        Step("snakemake --dry-run", says="synthesize: +param synthesize.images changed"),
    ],
    "models": [
        Step("darkfield doctor", says="params +segnet, 2 epochs"),
        Step("darkfield predict PICTURES --out OUT", makes="out/counts.csv"),
        Step(
            "darkfield predict PICTURES --out OUT --instances --geojson --rois",
            makes="out/geojson/05.geojson",
        ),
        Step("darkfield predict PICTURES --out OUT --model results/model", makes="out/05.png"),
        Step(
            "darkfield predict PICTURES --out OUT --um-per-pixel 0.1 --probabilities",
            makes="out/probabilities/05.tif",
        ),
        Step("snakemake predict --cores 8", makes="results/predictions/index.html"),
        Step("darkfield export --out OUT", makes="out/MODEL_CARD.md"),
        Step("bioimageio test OUT/darkfield.bioimageio.zip", says="passed"),
        Step("snakemake export", makes="results/export/model.onnx"),
        Step("make compare PRESETS=synthetic-10min", makes="results/compare/table.csv"),
        Step("mkdir models/NAME", swap={"NAME": "mine"}),
        Step("cp results/model/* models/NAME", "models/mine/model.json", swap={"NAME": "mine"}),
        Step("mkdir models/synthetic"),
        Step(
            "cp results/compare/synthetic-10min/results/model/* models/synthetic",
            makes="models/synthetic/model.json",
        ),
        Step("snakemake results/models/NAME/metrics.json", "results/models/synthetic/metrics.json"),
        Step("snakemake results/models/synthetic/metrics.json", says="Nothing to be done"),
    ],
    "dvc": [
        Step("dvc status", says="up to date"),
        Step("dvc dag", says="html_report"),
        Step("dvc repro", says="up to date"),
        Step(
            "dvc exp run -S train.learning_rate=0.003",
            says="Running stage 'train'",
            swap={"run": "run --name mine"},
        ),
        Step("dvc params diff", says="train.learning_rate"),
        Step("dvc metrics diff", says="test.miou"),
        Step("dvc plots diff", makes="dvc_plots/index.html"),
        Step("dvc plots diff --json", says="training loss"),
        Step("dvc plots diff --html-template page.html", makes="dvc_plots/index.html"),
        Step("dvc exp show", says="mine"),
        Step("dvc plots show", makes="dvc_plots/index.html"),
        Step("dvc metrics show", says="test.miou"),
        Step("make experiments", says="mine"),
        Step("dvc exp apply NAME"),
        Step("git add -A"),
        Step('git commit -m "learning rate 0.003"', says="files? changed"),
        Step("dvc add data/mine", makes="data/mine.dvc"),
        Step("dvc remote add -d store s3://bucket/darkfield", swap={"s3://": "../"}),
        Step("dvc push", says="pushed"),
        Step("dvc config --local studio.offline false"),
        Step("git add .dvc/config"),
        Step('git commit -m "One cache for the group"'),
        Step("git clone", swap={"clone": "clone . ../clone"}),
        Step("dvc pull calibrate", says="added", swap={"dvc": "cd ../clone; dvc"}),
        Step("dvc pull", says="added", swap={"dvc": "cd ../clone; dvc"}),
        Step("dvc cache dir /mnt/group/darkfield-cache", swap={"/mnt": ".."}),
        Step("dvc config cache.shared group"),
        Step("dvc config cache.type reflink,hardlink,copy"),
        Step("dvc commit"),
        Step("dvc checkout --relink", says="Relinked"),
        Step("dvc checkout", makes="results/model/model.json"),
        Step("git checkout"),
    ],
    "make": [
        Step("make help", says="make|run +run the chain"),
        Step("make check"),
        Step("make format"),
        Step("make dvc.yaml", makes="dvc.yaml"),
        Step("make docs/settings.md", makes="docs/settings.md"),
        Step("make fuzz", swap={"fuzz": "fuzz SECONDS=1"}),
        # Collected, not run: this is one of them.
        Step("make test", says="tests collected", swap={"test": "test PYTEST=--collect-only"}),
        Step("make test-all", says="tests collected", swap={"all": "all PYTEST=--collect-only"}),
        Step("make test-gpu", says="passed|skipped"),
        Step("make bench-gpu", says="images_per_s|torch sees no CUDA device"),
        Step("python -m pytest tests/objects -k scenes -s", says="passed"),
        Step("python docs/corrections.py", makes="docs/corrections.png"),
        Step("python docs/example.py", makes="docs/example.png"),
        Step("python docs/synthetic_sheet.py", makes="docs/synthetic.png"),
    ],
    "bench": [
        Step(
            "make bench",
            makes="results/bench.json",
            swap={
                "make": "sed -i 's/ROUNDS = 7/ROUNDS = 1/; s/(5)/(1)/; s/20, 200, 2000/20,/; "
                "s/pictures: int = 24/pictures: int = 8/' bench/__main__.py; make"
            },
        ),
        Step(
            "make scale",
            says="A million pictures: ",
            swap={"make": "sed -i 's/100, 1000, 10_000/20, 22, 24/' bench/scale.py; make"},
        ),
    ],
}
PREPARED = Step("make run", makes="results/report.html", says="Test images, native resolution")

FOLDS = "test_compare.py::test_cross_validation_tests_every_image_once_and_ranks_the_labels"
SITE = "test_site.py::test_links_lead_somewhere_and_nothing_comes_from_another_host"
SEEDS = "test_compare.py::test_seeds_train_each_preset_again_on_one_split"
PRESETS = "test_compare.py::test_presets_make_a_table_and_plots"
SLURM = "test_cluster.py::test_a_chain_that_loses_a_job_and_a_node_makes_the_same_bytes"
LEAK = "data/test_known_images.py::test_a_random_split_says_that_it_leaks_and_its_folds_do_not"
FILM = "test_predict.py::test_every_nth_frame_of_a_film_is_labelled_as_if_it_were_a_picture"
FEW = "test_few_pictures.py::test_each_row_is_measured_once"
BUCKET = "test_data.py::test_pictures_in_a_bucket"
STORE = "test_engines.py::test_a_clone_that_has_pulled_has_nothing_to_do"
SCALE = "report/test_as_trained.py::test_rescaled_pictures_pass_as_large_as_in_training"
INSTALLED = "test_packaging.py::test_the_installed_command_labels_a_picture_in_an_empty_folder"
INSTALLED_CHAIN = "test_packaging.py::test_the_installed_chain_is_planned_in_an_empty_folder"
MASKS = "data/annotations/test_convert.py::test_the_command"
CORRECT = "report/test_corrections.py::test_predictions_become_masks_again"
RANK = "report/test_ranking.py::test_of_two_copies_one_is_ranked_behind_all_that_differ"
TESTED = {
    "darkfield adopt OUT --into data/mine": "report/test_adopted.py::test_the_command",
    "darkfield correct": CORRECT,
    "darkfield rank": RANK,
    "darkfield rank OUT": RANK,
    "darkfield correct OUT": "report/test_corrected.py"
    "::test_a_user_paints_a_pixel_accepts_a_picture_and_leaves",
    "darkfield correct OUT --to labelme": CORRECT,
    "darkfield masks OUT/labelme --out ROOT": CORRECT,
    "darkfield predict PICTURES --out OUT --um-per-pixel 0.1 --rescale": SCALE,
    "dvc import-url remote://bucket/pictures data/mine": BUCKET,
    "dvc remote add --default store s3://BUCKET/dvc": STORE,
    "dvc remote add bucket s3://BUCKET": BUCKET,
    "dvc remote modify bucket endpointurl https://s3.example.org": BUCKET,
    "dvc update data/mine.dvc": BUCKET,
    'make compare PRESETS="best unet" SEEDS=1,2,3': SEEDS,
    'make compare PRESETS="best-10min no-dice ..." SEEDS=1,2,3': SEEDS,
    'make compare PRESETS="best-10min no-imagenet ..."': PRESETS,
    'make compare PRESETS="notebook-val segnet-10min unet-10min best-10min"': PRESETS,
    "make compare PRESETS=notebook-fields SEEDS=1,2,3": SEEDS,
    "make compare PRESETS=notebook-random SEEDS=1,2,3": SEEDS,
    "python docs/few_pictures.py choice models/synthetic": FEW,
    "python docs/few_pictures.py look results/folds/1/model": FEW,
    "python docs/few_pictures.py scenes models/darkfield": FEW,
    "python docs/notebook_claim.py": "test_notebook_claim.py::test_the_table_and_the_figure",
    "darkfield predict film.mp4 --every 25 --out OUT": FILM,
    "darkfield masks": MASKS,
    "darkfield masks SOURCE --out ROOT": MASKS,
    "darkfield masks SOURCE --out ROOT --label RBC=erythrocyte --label 'spiro*=spirochaete'": MASKS,
    "pip install .": INSTALLED,
    'python -c "from darkfield.shipped import ROOT; print(ROOT)"': INSTALLED_CHAIN,
    "snakemake --snakefile ROOT/Snakefile --cores 4": INSTALLED_CHAIN,
    "make data": "test_data.py::test_make_data_imports_the_pinned_commit",
    "make site": SITE,
    "make test-cluster": SLURM,
    "python -m darkfield.compare --folds lite0 lite0-8-views lite2 shipped wide taught": FOLDS,
    "python -m darkfield.compare --folds notebook-val best": FOLDS,
    "python -m darkfield.compare --folds notebook-val shipped": FOLDS,
    "snakemake --workflow-profile slurm": SLURM,
    "snakemake crate": "publish/test_crate.py::test_the_rule_s_crate_is_what_the_profile_asks_for",
    "snakemake cross_validation": LEAK,
    "snakemake label_review": FOLDS,
}

NOT_RUN = {
    "dvc studio login": "asks a server",
    "make package": "asks the package registry for twine",
    'pip install "darkfield @ git+https://github.com/OWNER/darkfield"': "asks a server",
    "make lock": "asks the package registry for the newest versions",
    "pip install 'darkfield[export]'": "asks the package registry",
    "pip install 'darkfield[napari]'": "asks the package registry",
    "pip install 'darkfield[microscopes]'": "asks the package registry",
    "pip install 'darkfield[slurm]'": "asks the package registry",
    "pip install 'dvc[s3]'": "asks the package registry",
    "python docs/report_shot.py": "needs a browser",
    "python docs/editor_shot.py": "needs a screen",
}

PROGRAMS = "snakemake|dvc|make|darkfield|python|git|pip|source|cp|mkdir|bioimageio"
COMMAND = re.compile(rf"(?:{PROGRAMS}) +\S|(?:snakemake|make)$")
APART = re.compile(r"""\s*(?:;|&&)\s*(?=(?:[^'"]|'[^']*'|"[^"]*")*$)""")
BLOCK = re.compile(r"^```\w*\n([\s\S]*?)^```|((?:^ {4}.*\n|^\n(?= {4}))+)", re.M)


def commands_in(text: str) -> list[str]:
    """The commands of a page: lines of its code blocks, and what stands in backticks."""
    lines = []
    for fenced, indented in BLOCK.findall(text):
        block = re.sub(r"\\\n\s*", "", fenced or indented).splitlines()
        block = [line.strip() for line in block if line.strip()]
        if COMMAND.match(block[0]):  # else it is what a command prints
            lines += [re.sub(r"(^|\s+)#\s.*", "", line) for line in block]
    lines += filter(COMMAND.match, re.findall(r"`([^`\n]+)`", BLOCK.sub("", text)))
    return [command for line in lines for command in APART.split(line) if command]


def documented() -> dict[str, str]:
    """Each command, and a file that names it."""
    found = {}
    for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))):
        for command in commands_in(path.read_text()):
            found.setdefault(command, str(path.relative_to(REPOSITORY)))
    for target in re.findall(r"^([\w./-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.M):
        found.setdefault(f"make {target}", "Makefile")
    return found


def covered() -> set[str]:
    steps = [step.command for steps in RUN.values() for step in (PREPARED, *steps)]
    return {*steps, *TESTED, *NOT_RUN}


def test_commands_are_found_in_blocks_and_in_backticks():
    text = r"""
Text with `make this`, a `dvc.lock`, `git` and `pip install 'a[b]'`.

    dvc status; dvc dag                  # two

    git commit -m "a; b && c" && dvc push

It prints:

    mean   0.849
    make   no command

```bash
python -m darkfield \
  --long
docker run it
```
"""
    found = ["dvc status", "dvc dag", 'git commit -m "a; b && c"', "dvc push"]
    found += ["python -m darkfield --long", "docker run it", "make this", "pip install 'a[b]'"]
    assert commands_in(text) == found


def test_every_documented_command_is_run():
    """A command without its arguments, as text names it, is run where one with them is."""
    known = covered()
    missing = [
        f"{file}: `{command}` is run by no test: add it to a table of {Path(__file__).name}"
        for command, file in documented().items()
        if not any(f"{entry} ".startswith(f"{command} ") for entry in known)
    ]
    assert not missing, "\n".join(missing)


def test_the_tables_name_documented_commands_and_tests_that_exist():
    gone = [f"no page names `{command}` any more" for command in covered() - documented().keys()]
    for place in TESTED.values():
        file, name = place.split("::")
        path = REPOSITORY / "tests" / file
        if not (path.exists() and f"def {name}(" in path.read_text()):
            gone.append(f"there is no tests/{place} any more")
    assert not gone, "\n".join(gone)


def carry_out(step: Step, folder: Path) -> str:
    """Run a step; what is wrong with it, if anything."""
    command = step.command
    for old, new in (*step.swap.items(), *WORDS.items()):
        command = command.replace(old, new)
    command = re.sub(r"\bmake\b", "make --assume-old=.venv/installed", command)
    made = folder / step.makes
    if step.makes:
        made.unlink(missing_ok=True)
    done = run(folder, "bash", "-euc", command)
    if done.returncode == 0 and made.exists() and re.search(step.says, done.stdout):
        return ""
    wrong = f"exit code {done.returncode}; should have made {step.makes!r}, said {step.says!r}"
    return f"`{step.command}`, run as `{command}`: {wrong}\n{done.stdout}"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A small project with all that git has of this one, whose chain `make run` has run."""
    folder = repository(
        tmp_path_factory.mktemp("documented") / "project", pictures={"folder": "new/images"}
    )
    for name in git(REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard").split():
        to = folder / name
        if not (to.exists() or re.match(r"data/|results/|\.snakemake/|dvc\.lock", name)):
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, to)
    (folder / "presets/small.yaml").write_text("train: {epochs: 1}\n")
    (folder / "page.html").write_text("{plot_divs}")
    (folder / ".venv").symlink_to(sys.prefix)
    noise(folder / "new")
    noise(folder / "data/mine")
    commit(folder)
    assert not (wrong := carry_out(PREPARED, folder)), wrong
    commit(folder)
    return folder


@pytest.mark.long
@pytest.mark.parametrize("name", RUN)
def test_documented_commands_work(prepared, tmp_path, name):
    folder = shutil.copytree(prepared, tmp_path / "project", symlinks=True)
    wrong = [text for step in RUN[name] if (text := carry_out(step, folder))]
    assert not wrong, "\n".join(wrong)
