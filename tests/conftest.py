"""What tests share: the real images where there are any, a finished run, a model, a bucket."""

import fcntl
import os
import re
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

# Read when torch starts: threads that spin while they wait starve the tests' other processes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

REPOSITORY = Path(__file__).parent.parent
LONG = partial(pytest.param, marks=pytest.mark.long)  # a case that make test leaves out
SCREEN = "screen"  # all bytes that were written to a terminal


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the 286 real images and masks; the test is skipped where there is none."""
    root = Path(os.environ.get("DARKFIELD_DATA", REPOSITORY.parent / "shared/data/darkfield"))
    if not (root / "images").is_dir():
        pytest.skip("no real images: set DARKFIELD_DATA or put them at ../shared/data/darkfield")
    return root


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A repository whose chain Snakemake has run; committed. To be copied, not changed.

    It ran in a terminal; what that showed is in the file SCREEN beside it. It takes half a minute,
    so that all processes of a test run share one.
    """
    from project import commit, in_terminal, repository

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, whole = shared / "finished/project", shared / "finished/whole"
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder.parent, ignore_errors=True)  # of another process, where it failed
            folder.parent.mkdir()
            repository(folder)
            status, written = in_terminal(folder, "snakemake", "--cores", "2")
            assert status == 0, written.decode()
            (folder.parent / SCREEN).write_bytes(written)
            commit(folder)
            whole.touch()
    return folder


@pytest.fixture(scope="session", params=["native", [32, 48]], ids=["native", "resized"])
def model(request, tmp_path_factory) -> Path:
    """A model folder: a SegNet that was never trained, on native pictures and on resized ones."""
    from toy import model_folder

    return model_folder(tmp_path_factory.mktemp("model"), request.param)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Debian's Chromium without a window; it can reach nothing but files."""
    from browser import started

    chromium, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (chromium and driver):
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    browser = started(chromium, driver, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def s3_server():
    """The address of a real S3 server on loopback."""
    command = ["moto_server", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        address = None
        while not address:
            address = re.search(r"http://127.0.0.1:\d+", server.stderr.readline())
        # What it logs is read to the end: a server whose pipe is full waits for ever.
        threading.Thread(target=server.stderr.read).start()
        yield address[0]
        server.terminate()


@pytest.fixture
def s3(s3_server, monkeypatch) -> str:
    """That address; the server has an empty bucket named darkfield, the environment its keys."""
    import boto3

    for name, value in {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3", endpoint_url=s3_server).create_bucket(Bucket="darkfield")
    bucket.objects.delete()
    return s3_server
