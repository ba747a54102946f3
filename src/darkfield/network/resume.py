"""What a training needs to continue after a kill, kept where no engine deletes it as an output."""

import copy
import io
import logging
from pathlib import Path
from typing import Any

import torch

from darkfield.files import atomic

log = logging.getLogger("darkfield")


def checkpoint(folder: Path, epoch: int) -> Path:
    """Where a training keeps the weights of an epoch."""
    return folder / f"{epoch:04}.safetensors"


def save_state(folder: Path, modules: dict[str, Any], history: list[dict[str, float]]) -> None:
    """Write the states of `modules` (model, optimizer) and the history, atomically."""
    states = {name: module.state_dict() for name, module in modules.items()}
    buffer = io.BytesIO()  # when torch writes files itself, it hides the disk's errors
    torch.save({"history": history, **states}, buffer)
    with atomic(folder / "state.pt") as part:
        part.write_bytes(buffer.getbuffer())


def load_state(folder: Path, modules: dict[str, Any]) -> list[dict[str, float]]:
    """Restore `modules` as a killed training left them; returns its history, empty if none.

    A state that cannot be read, or whose checkpoints are gone, is dropped with a warning.
    """
    path = folder / "state.pt"
    if not path.exists():
        return []
    initial = {name: copy.deepcopy(module.state_dict()) for name, module in modules.items()}
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        history: list[dict[str, float]] = state["history"]
        if not all(checkpoint(folder, int(row["epoch"])).exists() for row in history):
            raise FileNotFoundError("checkpoints are missing")
        for name, module in modules.items():
            module.load_state_dict(state[name])
    except Exception as error:  # a damaged file may make torch raise anything
        log.warning("%s: unusable, starting again (%s)", path, " ".join(str(error).split()))
        for name, module in modules.items():
            module.load_state_dict(initial[name])
        return []
    log.info("resumed at epoch %d", len(history) + 1)
    return history
