"""Where torch computes, and how precisely: device, precision, threads, determinism."""

import os
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from darkfield.files import UserError
from darkfield.network.distributed import launched


def setup(device: str, precision: str, threads: int) -> tuple[torch.device, str]:
    """Make torch deterministic; resolve `auto` to a device and to "bf16" or "fp32".

    `threads` are those of the CPU: sums depend on how they are split, so their number is a param.
    Raises UserError if CUDA is requested but absent.
    """
    # cuBLAS is deterministic only with a fixed workspace, read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    # Like use_deterministic_algorithms(True), which also imports the compiler for 2 seconds.
    torch.set_deterministic_debug_mode("error")
    # Filling uninitialised memory protects against reading it, which no operation here does.
    deterministic = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set at run time
    torch.backends.cudnn.allow_tf32 = False  # fp32 means float32; for speed there is bf16
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("train.device: 'cuda', but torch sees no CUDA device; use auto or cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and launched():  # one GPU per process
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    if precision == "auto":
        precision = "bf16" if has_bf16(device) else "fp32"
    return torch.device(device), precision


def has_bf16(device: str) -> bool:
    """Whether "cuda" or "cpu" has instructions for bf16; emulated, it is slower than fp32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device, without waiting for what a GPU still computes."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a forward pass has this precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def depthwise_in_float32(model: nn.Module) -> None:
    """Let depthwise convolutions compute in float32, whatever the precision around them.

    For training on a CPU: their gradients in bf16 take 2 to 15 times as long (docs/performance.md).
    """
    for module in depthwise(model):
        forward = partial(in_float32, module.forward)
        module.forward = forward  # type: ignore[method-assign]  # of this layer alone


def in_float32(forward: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    with torch.autocast(images.device.type, enabled=False):
        return forward(images.float()).to(images.dtype)


def depthwise(model: nn.Module) -> list[nn.Conv2d]:
    """The convolutions of a model that filter each channel by itself."""
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    return [layer for layer in convolutions if layer.groups == layer.in_channels > 1]


def layout(model: nn.Module, device: torch.device) -> torch.memory_format:
    """The memory format that is fast for a model and its images on a device.

    That is channels_last, unless cuDNN has to convolve depthwise: then it takes 2.4 times as long.
    """
    slow = device.type == "cuda" and depthwise(model)
    return torch.contiguous_format if slow else torch.channels_last
