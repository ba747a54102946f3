"""Where a model comes from: what its model.json records besides the params."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from packaging.version import Version

from darkfield.files import sha256


def versions(*libraries: str) -> dict[str, str]:
    """The versions of Python, of our main libraries, and of the packages `libraries`.

    Of darkfield the release alone: an installation in a clone keeps the number of the commit that
    it was made at, whatever is checked out later.
    """
    names = ("numpy", "torch", "torchvision", *libraries)
    release = Version(version("darkfield")).base_version
    return {
        "darkfield": release,
        **{name: version(name) for name in names},
        "python": platform.python_version(),
    }


def provenance(
    manifest: Path, split: Path, code: str, versions: dict[str, str], device: torch.device
) -> dict[str, Any]:
    """SHA-256 of data, split and `code`; `versions` of the libraries; the hardware.

    `manifest` lists the SHA-256 of every image and mask, so its own stands for all of them.
    """
    return {
        "data": sha256(Path(manifest)),
        "split": sha256(Path(split)),
        "code": code,
        "versions": versions,
        "hardware": hardware(device),
    }


def hardware(device: torch.device) -> str:
    """The GPU's name, or the CPU's architecture and instructions, which determine rounding."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    amx = torch.cpu.get_capabilities().get("amx_tile")
    matrix = ["AMX"] if amx else []  # bf16 products, where available
    return " ".join([platform.machine(), torch.backends.cpu.get_cpu_capability(), *matrix])
