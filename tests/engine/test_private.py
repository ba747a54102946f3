"""What Snakemake is made to do behind its public interface."""

import os
import re
import subprocess

from darkfield.engine import private

SNAKEFILE = """
import hashlib
from darkfield.engine import private

private.hash_once()
by_default = hashlib.file_digest


def file_digest(file, algorithm):
    print("hashed", getattr(file, "name", ""), flush=True)
    return by_default(file, algorithm)


hashlib.file_digest = file_digest


rule third:
    input: "a", "d"
    output: "e"
    shell: "echo more >> a; touch {output}"


rule second:
    input: "source", "a"
    output: "d"
    shell: "cp a {output}"


rule first:
    input: "source"
    output: "a", "b", "c"
    shell: "tee {output} < {input} > /dev/null"
"""


def test_an_input_is_hashed_once_for_all_outputs_and_again_if_it_changed(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "source").write_text("text")
    command = ["snakemake", "--cores", "1", "--max-checksum-file-size", "1GB"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    hashed = re.findall("^hashed (.*)", done.stdout, re.M)
    assert hashed.count("source") == 1  # read by two jobs, one with three outputs
    assert hashed.count("a") == 2  # the third job changes it


def test_to_read_a_snakefile_leaves_the_environment_as_it_was(tmp_path):
    """A chain that is read after another in the same process must not take it for its own run."""
    (tmp_path / "Snakefile").write_text(
        "import os\nos.environ['TOLD'] = 'something'\nconfig = {}\n"
    )
    before = dict(os.environ)
    private.load_rules(tmp_path / "Snakefile")
    assert dict(os.environ) == before
