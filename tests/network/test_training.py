"""The loop learns, repeats itself exactly, and stops when the loss is lost."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import LONG, REPOSITORY
from safetensors.torch import load_file
from toy import CHANNELS, digests, run, toy_dataset

from darkfield.classes import VOID
from darkfield.data.dataset import DarkfieldDataset, normalise
from darkfield.files import UserError
from darkfield.network.device import autocast, depthwise_in_float32, setup
from darkfield.network.training import enough_memory, epoch_order, epoch_seed


@pytest.fixture(scope="module")
def dataset():
    return toy_dataset()


def test_it_overfits_four_images(dataset, tmp_path):
    model, history = run(dataset, tmp_path, 40, batch_size=4, learning_rate=3e-3)
    assert [row["epoch"] for row in history] == list(range(1, 41))
    assert history[-1]["loss"] < history[0]["loss"] / 5
    x = normalise(torch.stack([dataset[i, 0][0] for i in range(4)]), **CHANNELS)
    truth = torch.stack([dataset[i, 0][1] for i in range(4)])
    assert {0, 1, 2} <= set(truth.unique().tolist())
    predicted = model(x).argmax(dim=1)  # in training mode, as the loss saw it
    for c in range(3):
        both = ((predicted == c) & (truth == c)).sum()
        either = ((predicted == c) | (truth == c)).sum()
        assert both / either > 0.6, c


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_same_seed_same_bytes(dataset, tmp_path, precision):
    for name in ("a", "b"):
        run(dataset, tmp_path / name, 2, precision=precision)
    run(dataset, tmp_path / "c", 2, precision=precision, seed=2)
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert a == b
    assert len(a) == 2
    assert not set(a.values()) & set(c.values())


@pytest.mark.long
def test_compiled_or_not_able_to_it_trains(dataset, tmp_path, monkeypatch):
    """Inductor compiles C++; without a compiler the model runs as it is."""
    _, plain = run(dataset, tmp_path / "a", 1)
    _, compiled = run(dataset, tmp_path / "b", 1, compile=True)
    assert compiled[0]["loss"] == pytest.approx(plain[0]["loss"], rel=1e-3)
    assert digests(tmp_path / "b").keys() == digests(tmp_path / "a").keys()
    assert load_file(tmp_path / "b/0001.safetensors").keys() == (
        load_file(tmp_path / "a/0001.safetensors").keys()
    )
    torch.compiler.reset()
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    _, fallen_back = run(dataset, tmp_path / "c", 1, compile=True)
    assert fallen_back == plain
    assert digests(tmp_path / "c") == digests(tmp_path / "a")


def test_the_last_checkpoint_is_the_model(dataset, tmp_path):
    model, _ = run(dataset, tmp_path, 1)
    saved = load_file(tmp_path / "0001.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(saved[k], v) for k, v in model.state_dict().items())


def test_class_weights_matter(dataset, tmp_path):
    _, weighted = run(dataset, tmp_path / "a", 1, class_weights=[1, 1, 3])
    _, plain = run(dataset, tmp_path / "b", 1, class_weights=None)
    assert weighted[0]["loss"] != plain[0]["loss"]


def test_order_is_a_function_of_seed_and_epoch_alone():
    def order(seed, epoch, samples=50):
        return epoch_order(seed, epoch, 50, True, samples)

    assert order(1, 2) == order(1, 2)
    assert sorted(order(1, 2)) == list(range(50))
    assert len({tuple(order(*key)) for key in [(1, 1), (1, 2), (2, 1), (2, 2)]}) == 4
    assert order(1, 2, 20) == order(1, 2)[:20]
    assert sorted(order(1, 2, 100)) == sorted([*range(50)] * 2)


def test_in_their_own_order_all_images_come_once_before_any_comes_again():
    def seen(images, samples, epochs):
        return [
            i
            for epoch in range(1, epochs + 1)
            for i in epoch_order(1, epoch, images, False, samples)
        ]

    assert seen(10, 10, 2) == [*range(10)] * 2
    assert seen(10, 4, 5) == [*range(10)] * 2
    assert seen(3, 7, 3) == [*range(3)] * 7


def test_an_epoch_has_a_seed_of_its_own_in_each_process():
    keys = [(s, e, r) for s in (1, 2) for e in (1, 2) for r in (0, 1)]
    assert len({epoch_seed(*key) for key in keys}) == len(keys)


def test_steps_per_epoch_schedule_and_average(dataset, tmp_path):
    options = {"steps_per_epoch": 5, "schedule": "cosine", "learning_rate": 1e-3}
    model, history = run(dataset, tmp_path, 4, ema=0.5, optimizer="adamw", **options)
    rates = [row["lr"] for row in history]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 1e-4 < rates[0] <= 1e-3
    saved = load_file(tmp_path / "0004.safetensors")
    raw = torch.load(tmp_path / "state.pt")["model"]
    assert saved.keys() == raw.keys()
    assert any(not torch.equal(saved[k], raw[k]) for k in raw)
    assert all(torch.allclose(saved[k], raw[k], atol=0.2) for k in raw if "num_batches" not in k)
    assert all(torch.equal(saved[k], value) for k, value in model.state_dict().items())


def test_dice_joins_the_loss(dataset, tmp_path):
    _, plain = run(dataset, tmp_path / "a", 1)
    _, both = run(dataset, tmp_path / "b", 1, dice_weight=1)
    assert plain[0]["loss"] + 0.1 < both[0]["loss"] < plain[0]["loss"] + 1.1


def test_sgd_learns(dataset, tmp_path):
    _, history = run(dataset, tmp_path, 6, optimizer="sgd", learning_rate=0.01)
    assert history[-1]["loss"] < 0.9 * history[0]["loss"]


def test_a_pupil_learns_what_its_teacher_sees(dataset, tmp_path):
    """Of a teacher that takes all for class 2, whatever the masks say."""

    def teach(images):
        assert images.dtype == torch.uint8
        return (
            torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1).expand(len(images), 3, *images.shape[2:])
        )

    options = {"batch_size": 4, "learning_rate": 3e-3}
    model, _ = run(dataset, tmp_path, 10, teach=teach, teaching=1, **options)
    x = normalise(torch.stack([dataset[i, 0][0] for i in range(4)]), **CHANNELS)
    assert (model(x).argmax(dim=1) == 2).float().mean() > 0.95


def test_without_shuffling_images_come_in_order(dataset, tmp_path):
    class Watched(DarkfieldDataset):
        def __getitem__(self, key):
            seen.append(key[0])
            return super().__getitem__(key)

    watched = Watched(
        *(dataset.names, dataset.images, dataset.masks),
        *(dataset.transform, dataset.target_transform),
    )
    seen = []
    run(watched, tmp_path / "a", 2, shuffle=False)
    assert seen == [0, *[0, 1, 2, 3] * 2]  # first of all, the size of an image is looked up
    seen = []
    run(watched, tmp_path / "b", 2, shuffle=True)
    assert sorted(seen[1:5]) == [0, 1, 2, 3]
    assert seen[1:] != [0, 1, 2, 3] * 2


def test_a_loss_that_is_lost_stops_with_epoch_step_and_advice(dataset, tmp_path):
    message = (
        r"the loss is (nan|inf) at epoch \d+, step \d+ \(images [a-d], [a-d]\): "
        r"lower train.learning_rate"
    )
    with pytest.raises(UserError, match=message):
        run(dataset, tmp_path, 5, learning_rate=1e30)


def test_images_of_classes_of_weight_zero_alone_do_not_end_in_nan(tmp_path):
    dataset = toy_dataset()
    dataset.masks = [np.zeros_like(mask) for mask in dataset.masks]
    _, history = run(dataset, tmp_path, 1, class_weights=[0, 1, 1])
    assert history[0]["loss"] == 0


def test_a_batch_too_small_for_batch_norm_is_reported_before_training(tmp_path):
    unet = {"model": {"name": "unet", "encoder_depth": 3, "decoder_channels": [8, 8, 8]}}
    said = r"smallest batch is 1 image of 8 x 8 pixels.*batch norm.*change train.batch_size"
    with pytest.raises(UserError, match=said):
        run(toy_dataset(3, (8, 8)), tmp_path / "a", 1, **unet)
    assert not list((tmp_path / "a").iterdir())
    run(toy_dataset(3, (8, 8)), tmp_path / "b", 1, steps_per_epoch=2, **unet)
    run(toy_dataset(3, (16, 16)), tmp_path / "c", 1, **unet)


@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces are Linux's")
@pytest.mark.parametrize(  # too small for a lock, and for a batch
    "room", ["4k", LONG("64k")]
)
def test_too_little_shared_memory_is_named(tmp_path, room):
    namespace = ["unshare", "--mount", "--map-root-user", "bash", "-c"]
    mount = f"mount -t tmpfs -o size={room} tmpfs /dev/shm"
    if subprocess.run([*namespace, mount], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    program = """
import sys
from pathlib import Path
from darkfield.engine.script import job
from toy import run, script, toy_dataset
with job(script(sys.argv[1] + "/train.log")):
    run(toy_dataset(size=(256, 256)), Path(sys.argv[1], "state"), 1, workers=2)
"""
    command = [*namespace, f'{mount} && exec "$@"', "bash"]
    done = subprocess.run(
        [*command, sys.executable, "-c", program, tmp_path],
        cwd=REPOSITORY / "tests",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    said = (
        "train.workers: 2 processes find too little shared memory in /dev/shm; "
        "set train.workers: 0, or enlarge it (docker run --shm-size=1g)"
    )
    # Not the last line: torch may add something about its own cleaning up.
    assert said in (tmp_path / "train.log").read_text()
    assert (tmp_path / "train.log").read_text().splitlines()[-1] == said


def test_out_of_memory_says_what_to_lower():
    with (
        pytest.raises(UserError, match=r"lower train.batch_size \(8\) or image_size \(64 x 32\)"),
        enough_memory(8, (64, 32)),
    ):
        torch.empty(1 << 60)
    with pytest.raises(UserError, match="out of memory"), enough_memory(8, (64, 32)):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_other_errors_that_mention_memory_stay_what_they_are():
    with pytest.raises(RuntimeError, match="a single memory location"), enough_memory(8, (64, 32)):
        torch.zeros(1).expand(4).add_(1)


def test_depthwise_convolutions_alone_compute_in_float32():
    convs = [torch.nn.Conv2d(4, 4, 3, groups=groups) for groups in (4, 1)]
    images = torch.randn(2, 4, 9, 9).bfloat16()
    exact = [conv(images.float()).bfloat16() for conv in convs]
    depthwise_in_float32(torch.nn.ModuleList(convs))
    with autocast(torch.device("cpu"), "bf16"):
        depthwise, full = (conv(images) for conv in convs)
    assert torch.equal(depthwise, exact[0])
    assert not torch.equal(full, exact[1])


def test_cuda_where_there_is_none():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match=r"train.device: 'cuda', but torch sees no CUDA device"):
        setup("cuda", "auto", 1)


def test_what_is_not_deterministic_is_refused():
    torch.use_deterministic_algorithms(False)
    setup("cpu", "fp32", 1)
    assert torch.get_deterministic_debug_mode() == 2
    assert not torch.utils.deterministic.fill_uninitialized_memory


@pytest.mark.parametrize(("device", "chosen"), [("cpu", []), ("cuda", [1])])
def test_a_launched_process_takes_its_gpu_only_if_it_computes_there(monkeypatch, device, chosen):
    seen = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.set_device", seen.append)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("LOCAL_RANK", "1")
    setup(device, "fp32", 1)
    assert seen == chosen


@pytest.mark.parametrize(("hardware", "precision"), [(True, "bf16"), (False, "fp32")])
def test_bf16_that_is_only_emulated_is_not_chosen(monkeypatch, hardware, precision):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(
        "torch.cuda.is_bf16_supported",
        lambda including_emulation=True: including_emulation or hardware,
    )
    assert setup("cuda", "auto", 1)[1] == precision


def test_auto_resolves():
    device, precision = setup("auto", "auto", 2)
    assert device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert precision in ("fp32", "bf16")
    assert torch.get_num_threads() == 2


def test_pictures_of_void_teach_nothing_and_stop_nothing(tmp_path):
    dataset = toy_dataset()
    dataset.masks = [np.full_like(dataset.masks[0], VOID), *dataset.masks[1:]]
    model, history = run(dataset, tmp_path, 2, batch_size=1, dice_weight=1)
    assert history[-1]["loss"] > 0
    assert all(weights.isfinite().all() for weights in model.state_dict().values())
    dataset.masks = [np.full_like(mask, VOID) for mask in dataset.masks]
    _, history = run(dataset, tmp_path / "void", 1, dice_weight=1)
    assert history[0]["loss"] == 0
