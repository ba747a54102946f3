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


@pytest.fixture(scope="session", params=["native", [32, 48]], ids=["native", "resized"])
def model(request, tmp_path_factory) -> Path:
    """A model folder: a SegNet that was never trained, on native pictures and on resized ones."""
    import torch

    from darkfield.files import write_json
    from darkfield.models import build
    from darkfield.training import save_weights

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(1)
    save_weights(build("segnet", 3), folder / "model.safetensors")
    spec = {
        "model": {"name": "segnet"},
        "classes": {"background": 0, "erythrocyte": 1, "spirochaete": 2},
        "image_size": request.param,
        "mean": [0.2, 0.2, 0.3],
        "std": [0.2, 0.2, 0.2],
        "predict": {"tile": [32, 32], "overlap": 0.25, "tta": False},
    }
    write_json(folder / "model.json", spec)
    return folder
