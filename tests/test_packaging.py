"""What builds of the package leave behind is ignored by git."""

import shutil
import sys

import pytest
from conftest import REPOSITORY
from project import commit, git, run


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "pip", "wheel", ".", "--no-build-isolation", "--no-deps", "--wheel-dir", "dist"),
        ("-m", "pip", "install", ".", "--no-build-isolation", "--no-deps", "--target", "../there"),
    ],
    ids=["wheel", "install"],
)
def test_a_build_leaves_nothing_that_git_shows(tmp_path, command):
    folder = tmp_path / "project"
    shutil.copytree(
        REPOSITORY / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pyc*")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(REPOSITORY / name, folder)
    git(folder, "init", "--quiet")
    commit(folder)
    done = run(folder, sys.executable, *command)
    assert done.returncode == 0, done.stdout
    assert (folder / "build").is_dir()
    assert git(folder, "status", "--short") == ""
