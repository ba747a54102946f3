"""What tests share: the real images where there are any."""

import os
from pathlib import Path

import pytest

# Read when torch starts: threads that spin while they wait starve the tests' other processes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the 286 real images and masks; the test is skipped where there is none."""
    root = Path(os.environ.get("DARKFIELD_DATA", REPOSITORY.parent / "shared/data/darkfield"))
    if not (root / "images").is_dir():
        pytest.skip("no real images: set DARKFIELD_DATA or put them at ../shared/data/darkfield")
    return root
