"""The workflows of GitHub and pre-commit call what is there."""

import re

import yaml
from conftest import REPOSITORY


def test_make_targets_of_the_workflows_exist():
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z.-]+):", makefile, re.M))
    (path,) = (REPOSITORY / ".github/workflows").iterdir()
    steps = [s for job in yaml.safe_load(path.read_text())["jobs"].values() for s in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands
    assert all(re.fullmatch(r"make ([a-z-]+)", c)[1] in targets for c in commands)


def test_the_oldest_python_of_the_workflows_is_the_oldest_supported():
    (path,) = (REPOSITORY / ".github/workflows").iterdir()
    versions = yaml.safe_load(path.read_text())["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={versions[0]}"' in (REPOSITORY / "pyproject.toml").read_text()


def test_hooks_run_what_make_check_runs():
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"][0][
        "hooks"
    ]
    check = re.search(r"^check:.*?\n\n", (REPOSITORY / "Makefile").read_text(), re.M | re.S)[0]
    for hook in hooks:
        assert hook["entry"].removeprefix(".venv/bin/").split(" --")[0] in check
