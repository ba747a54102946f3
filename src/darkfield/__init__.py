"""Segment red blood cells and spirochaetes in darkfield microscopy: a reproducible pipeline.

`darkfield.Predictor` labels pictures with a trained model; all else is for the workflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darkfield.network.predictor import Predictor

__all__ = ["Predictor"]


def __getattr__(name: str) -> Any:
    if name == "Predictor":  # late, for what needs no torch
        return import_module("darkfield.network.predictor").Predictor
    raise AttributeError(f"module 'darkfield' has no attribute {name!r}")
