"""Several processes do what one does: the same gradients, curve and resumption."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from conftest import LONG, REPOSITORY
from replicas import train
from toy import digests

from darkfield.classes import VOID
from darkfield.files import UserError
from darkfield.network.build import build
from darkfield.network.distributed import launch, leave_reason, replicate, share
from darkfield.network.loss import cross_entropy, dice
from darkfield.recipe import Model

PLAIN = {"precision": "fp32", "threads": 1}
ALL = {"scenes": 5, "dice_weight": 1, "ema": 0.9, "schedule": "cosine"}  # and a batch of one


def replicas(folder, processes=2, **options):
    """Train in several processes; what the run said on the screen and in its log."""
    program = REPOSITORY / "tests/replicas.py"
    command = [sys.executable, program, str(processes), folder, json.dumps(PLAIN | options)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr, Path(f"{folder}.log").read_text()


def losses(folder):
    return [row["loss"] for row in torch.load(folder / "state.pt")["history"]]


def gradients(model, options, samples, class_weights):
    """Of a float64 model for this process's share of a batch, and what its batch norms keep."""
    torch.manual_seed(1)
    model = build(Model(name=model, **options), 3).double().train()
    images, masks = torch.randn(samples, 3, 32, 32).double(), torch.randint(3, (samples, 32, 32))
    masks[0, :9] = VOID
    mine = share(range(samples))
    trained = replicate(model)
    logits = trained(images[mine])
    weight = torch.tensor([0.2, 0.9, 1.0]) if class_weights else None
    loss = cross_entropy(logits, masks[mine], weight) + dice(logits, masks[mine])
    loss.backward()
    return {
        "loss": loss.detach(),
        **{name: p.grad for name, p in model.named_parameters()},
        **{name: b.double() for name, b in model.named_buffers()},
    }


def replica(rank, folder, *arguments):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(gradients(*arguments), folder / f"{rank}.pt")
    dist.barrier()


@pytest.mark.parametrize(
    ("model", "options", "samples", "class_weights"),
    [
        ("segnet", {}, 5, True),
        LONG("segnet", {}, 1, False),  # of which one process has nothing
        # batch norms of timm's own
        LONG("unet", {"encoder": "tu-tf_efficientnet_lite0"}, 3, True),
    ],
)
def test_gradients_are_those_of_the_whole_batch(tmp_path, model, options, samples, class_weights):
    arguments = (model, options, samples, class_weights)
    whole = gradients(*arguments)
    torch.multiprocessing.spawn(replica, (tmp_path, *arguments), nprocs=2)
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt")
        assert shared.keys() == whole.keys()
        for name, expected in whole.items():
            difference = (shared[name] - expected).norm()  # the loss itself is float32
            assert difference <= 1e-5 * expected.norm() + 1e-7, name


@pytest.mark.long
def test_losses_agree_with_those_of_one_process(tmp_path):
    """In float64: in float32 Adam makes rounding grow, in one process as well."""
    for name, options in (("plain", {}), ("all", ALL)):
        _, history = train(tmp_path / f"{name} one", epochs=3, double=True, **PLAIN, **options)
        code, said, _ = replicas(tmp_path / f"{name} two", epochs=3, double=True, **options)
        assert code == 0, said
        one = [row["loss"] for row in history]
        print(name, one, losses(tmp_path / f"{name} two"))
        assert losses(tmp_path / f"{name} two") == pytest.approx(one, abs=1e-5)


@pytest.mark.long
def test_a_process_that_dies_is_restarted_to_the_same_bytes(tmp_path):
    """So is a whole training that is resumed."""
    options = ALL | {"precision": "bf16", "schedule": "constant"}  # the same for 2 epochs and 4
    assert replicas(tmp_path / "whole", epochs=4, **options)[0] == 0
    code, said, log = replicas(tmp_path / "died", epochs=4, dies=8, **options)
    assert code == 0, said
    assert "resumed at epoch" in log
    assert replicas(tmp_path / "parts", epochs=2, **options)[0] == 0
    assert "resumed at epoch 3" in replicas(tmp_path / "parts", epochs=4, **options)[2]
    whole = digests(tmp_path / "whole")
    assert len(whole) == 4
    assert digests(tmp_path / "died") == digests(tmp_path / "parts") == whole


@pytest.mark.long
def test_an_empty_share_that_the_network_does_not_take_is_reported_before_training(tmp_path):
    options = {"model": {"name": "unet", "encoder": "mit_b0"}, "scenes": 3}
    code, said, log = replicas(tmp_path / "run", epochs=1, **options)
    assert code == 1
    assert "the smallest batch has fewer images (1) than there are processes" in log
    assert "Traceback" not in said + log
    assert replicas(tmp_path / "full", epochs=1, steps_per_epoch=2, **options)[0] == 0


@pytest.mark.parametrize(
    ("processes", "words"),
    [(3, "3 cannot be shared evenly among 2 nodes"), (2, "2 nodes, but this is no job of Slurm")],
)
def test_nodes_that_cannot_be_used_are_refused(processes, words, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(UserError, match=words):
        launch(["train.py"], processes, torch.device("cpu"), nodes=2)


def test_a_reason_is_there_whole_or_not_at_all_and_the_first_stays(tmp_path):
    path, reason, seen = tmp_path / "reason", "x" * 30_000_000, []

    def look():
        while not path.exists():
            pass
        seen.append(path.stat().st_size)

    looking = threading.Thread(target=look)
    looking.start()
    leave_reason(reason, path)
    looking.join()
    assert seen == [len(reason)]
    leave_reason("another", path)
    assert path.stat().st_size == len(reason)


@pytest.mark.long
def test_a_lost_loss_is_reported_once_and_not_tried_again(tmp_path):
    code, said, log = replicas(tmp_path / "run", epochs=5, learning_rate=1e30)
    assert code == 1
    assert "Traceback" not in said + log
    assert log.count("the loss is") == 1
    assert "lower train.learning_rate" in log.splitlines()[-1]
