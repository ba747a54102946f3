"""One training in several processes, each with its share of every batch.

Torchrun's launcher starts them, and restarts all if one dies; DistributedDataParallel averages
their gradients. Sums over the batch, in the loss and in batch norm, are over all processes, so the
steps equal those of one process, up to rounding.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.overrides import TorchFunctionMode

from darkfield.errors import problems_of
from darkfield.files import UserError, scratch

RESTARTS = 3
REASON = "DARKFIELD_REASON"  # the file in which a process says why it failed
T = TypeVar("T")
log = logging.getLogger("darkfield")


def rank() -> int:
    """The number of this process among those that train together, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def first() -> bool:
    """Whether this process is the only one, or the first: only that one writes files."""
    return rank() == 0


def share(batch: Sequence[T]) -> Sequence[T]:
    """This process's share of a batch: every n-th sample, possibly none."""
    return batch[dist.get_rank() :: dist.get_world_size()] if dist.is_initialized() else batch


def total(x: Tensor) -> Tensor:
    """The sum of x over all processes, with its gradient."""
    if not dist.is_initialized():
        return x
    summed: Tensor = Total.apply(x)
    return summed


class Total(torch.autograd.Function):
    """Each process's contribution is part of every process's loss, so gradients are summed, too."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        x = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return total(gradient)


def replicate(model: nn.Module) -> nn.Module:
    """The model, made to average its gradients with those of the other processes."""
    return Replica(model) if dist.is_initialized() else model


class Replica(DistributedDataParallel):
    """A model in several processes, whose batch norms, from any library, see one whole batch."""

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        with GlobalBatchNorm():
            return super().forward(*inputs, **kwargs)  # type: ignore[no-untyped-call]  # torch's


class GlobalBatchNorm(TorchFunctionMode):
    """Puts `batch_norm` below in the place of torch's.

    torch.nn.SyncBatchNorm does not run on a CPU, and would drop the activation inside timm's batch
    norms.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return (batch_norm if func is F.batch_norm else func)(*args, **(kwargs or {}))


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor,
    bias: Tensor,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """F.batch_norm of x (B, C, H, W), its statistics over the batches of all processes."""
    if not training:
        return F.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    dims, shape = (0, 2, 3), (1, -1, 1, 1)
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    count = total(wide.new_tensor(x.numel() // x.shape[1]))
    average = total(wide.sum(dims)) / count
    centred = wide - average.view(shape)
    variance = total(centred.square().sum(dims)) / count
    if running_mean is not None and running_var is not None:
        running_mean.lerp_(average.detach(), momentum)
        running_var.lerp_(variance.detach() * count / (count - 1), momentum)
    scale = weight * (variance + eps).rsqrt()
    return (centred * scale.view(shape) + bias.view(shape)).to(x.dtype)


def launch(command: Sequence[str], processes: int, device: torch.device, nodes: int = 1) -> None:
    """Run a Python script, with its arguments, in several processes.

    They run on this machine or, in equal numbers, on the `nodes` of the Slurm job that this process
    is in. If one dies, torchrun restarts all, which continue after the last finished epoch.

    Raises UserError for a user's mistake that a process reports, if processes cannot be shared out
    evenly or are more than GPUs, if several nodes are asked for outside Slurm, and if processes
    fail for good.
    """
    each, rest = divmod(processes, nodes)
    if rest:
        raise UserError(
            f"train.processes: {processes} cannot be shared evenly among {nodes} nodes; change it, "
            "or the resource nodes of the rule train"
        )
    if nodes > 1 and "SLURM_JOB_ID" not in os.environ:
        raise UserError(
            f"the rule train asks for {nodes} nodes, but this is no job of Slurm; use "
            "`--workflow-profile slurm`, or remove the resource nodes"
        )
    if device.type == "cuda" and each > (gpus := torch.cuda.device_count()):
        raise UserError(f"train.processes: {each} on a node, but torch sees {gpus} CUDA devices")
    # Otherwise restarted processes may find the addresses of dead ones, and wait for them.
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    if nodes > 1:
        launch_on_nodes(command, each, nodes)
    else:
        launch_here(command, each)


def launch_on_nodes(command: Sequence[str], each: int, nodes: int) -> None:
    """`launch` with `each` processes on every node: srun starts a torchrun there."""
    host = socket.gethostname()
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    with scratch(Path(".snakemake")) as folder:  # the nodes share this file system
        os.environ[REASON] = f"{folder.resolve()}/reason"
        srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
        torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}"]
        torchrun += [f"--nproc-per-node={each}", f"--max-restarts={RESTARTS}"]
        torchrun += ["--rdzv-backend=c10d", f"--rdzv-endpoint={host}:{port}", f"--rdzv-id={port}"]
        # As soon as one torchrun has given up, the others do not wait for it.
        agents = subprocess.Popen([*srun, "--kill-on-bad-exit=1", *torchrun, *command])
        try:
            failed = agents.wait() != 0
        finally:
            agents.terminate()  # if this process is interrupted
            agents.wait()
        if Path(os.environ[REASON]).exists():
            raise UserError(*Path(os.environ[REASON]).read_text().split("\n"))
        if failed:
            raise UserError(
                f"the training failed on {nodes} nodes (srun exited with {agents.returncode}); "
                "what it said is in Slurm's log of the job"
            )


def launch_here(command: Sequence[str], processes: int) -> None:
    """`launch` on this machine alone."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    with tempfile.TemporaryDirectory() as folder:
        os.environ[REASON] = f"{folder}/reason"
        config = LaunchConfig(  # what `torchrun --standalone` sets
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=Path(folder).name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=RESTARTS,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            elastic_launch(config, sys.executable)(*command)
        except SignalException:
            if not Path(os.environ[REASON]).exists():
                raise KeyboardInterrupt from None
            raise UserError(*Path(os.environ[REASON]).read_text().split("\n")) from None
        except ChildFailedError as error:
            _, failure = error.get_first_failure()
            raise UserError(
                f"a training process failed {RESTARTS + 1} times "
                f"(exit code {failure.exitcode}); what it said, if anything, is above"
            ) from error


def launched() -> bool:
    """Whether this process is one of those that `launch` runs."""
    return dist.is_torchelastic_launched()


@contextmanager
def process(logfile: str) -> Iterator[logging.Logger]:
    """Run a script's body as one of the processes of `launch`, appending to the same log.

    A failure that would recur ends them all; its reason is left for `launch`, which is stopped.
    """
    # Die at once, even while waiting for another; `launch` gets the signal too and passes it on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    level = logging.INFO if os.environ["RANK"] == "0" else logging.ERROR
    logging.basicConfig(filename=logfile, level=level, format="%(asctime)s %(message)s")
    logging.captureWarnings(True)
    dist.init_process_group()  # gloo for tensors of the CPU, nccl for those of CUDA
    try:
        yield log
        dist.destroy_process_group()
    except Exception as error:
        if isinstance(error, UserError | OSError):
            leave_reason("\n".join(problems_of(error)), Path(os.environ[REASON]))
            os.kill(os.getppid(), signal.SIGTERM)
        else:
            with Path(logfile).open("a") as f:
                traceback.print_exc(file=f)
        os._exit(1)  # at once, without waiting for the others


def leave_reason(reason: str, path: Path) -> None:
    """Write why training failed, unless another process has: whole, or not at all.

    As soon as one has stopped `launch`, that stops the others, which may still be writing.
    """
    own = path.with_name(f"{path.name}-{os.getpid()}")
    own.write_text(reason)
    with suppress(FileExistsError):
        os.link(own, path)
    own.unlink()


def end_with(parent: int) -> None:
    """End this process when its parent is gone and so cannot terminate it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
