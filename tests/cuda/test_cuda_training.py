"""Training on a GPU: what the CPU computes, to the same bytes each time, for nothing waiting."""

import copy

import pytest
import torch
import torch.distributed as dist
from torch.nn import functional as F
from toy import CHANNELS, digests, run, toy_dataset

from darkfield.classes import VOID
from darkfield.data.augment import augmentation
from darkfield.data.dataset import image_view, normalise
from darkfield.files import UserError
from darkfield.network.build import build
from darkfield.network.device import sent, setup
from darkfield.network.loss import cross_entropy, dice, distillation
from darkfield.network.segnet import compared, max_unpool, scattered
from darkfield.network.training import UNREAD, enough_memory
from darkfield.recipe import Augment, Model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")

CUDA = torch.device("cuda")
BEST = {
    "model": {"name": "unet", "encoder": "tu-tf_efficientnet_lite0"},
    "optimizer": "adamw",
    **{"weight_decay": 0.01, "dice_weight": 1, "ema": 0.9},
}
WINDOW = {"scale": (0.7, 1.5), "foreground": 0.5, "flip": True, "turn": True}
ALL = WINDOW | dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.2)
ALL |= {"stray_light": 0.5, "blur": 1.5, "noise": 0.1}


@pytest.fixture(autouse=True)
def deterministic():
    setup("cuda", "fp32", 2)


@pytest.fixture
def dataset():
    """Small scenes, of which windows are cut and changed in all ways."""
    dataset = toy_dataset(size=(64, 80))
    dataset.transform, dataset.transforms = image_view, augmentation(Augment(**ALL), (64, 64))
    return dataset


@pytest.mark.parametrize("size", [(64, 64), (7, 9), (2, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_unpooling_is_the_cpus(size, dtype):
    torch.manual_seed(0)
    x = torch.randn(2, 8, *size).to(dtype, memory_format=torch.channels_last)
    pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    gradient = torch.randn_like(x)
    results = []
    for device, unpool in [("cpu", scattered), ("cuda", compared), ("cuda", max_unpool)]:
        leaf = pooled.detach().to(device).requires_grad_()
        out = unpool(leaf, indices.to(device), size)
        out.backward(gradient.to(device))
        assert out.is_contiguous(memory_format=torch.channels_last)
        results.append((out.cpu(), leaf.grad.cpu()))
    for result in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(result, results[0], strict=True))


def test_losses_are_the_cpus():
    torch.manual_seed(0)
    logits, masks = torch.randn(2, 3, 33, 47), torch.randint(3, (2, 33, 47), dtype=torch.uint8)
    masks[0, :4] = VOID
    taught, weight = torch.rand(2, 3, 33, 47).softmax(dim=1), torch.tensor([1.0, 1.0, 3.0])
    for loss in (
        lambda x: cross_entropy(x, masks.to(x.device), weight.to(x.device)),
        lambda x: dice(x, masks.to(x.device)),
        lambda x: distillation(x, taught.to(x.device)),
    ):
        leaves = [logits.detach().to(device).requires_grad_() for device in ("cpu", "cuda")]
        values = [loss(leaf) for leaf in leaves]
        for value in values:
            value.backward()
        assert values[1].item() == pytest.approx(values[0].item(), rel=1e-5)
        assert torch.allclose(leaves[1].grad.cpu(), leaves[0].grad, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("segnet", {}),
        ("segnet", {"notebook_head": True}),
        ("segnet_vgg16", {}),
        ("unet", {"encoder": "tu-tf_efficientnet_lite0"}),
        ("unetplusplus", {"encoder": "resnet18"}),
        ("manet", {"encoder": "resnet18"}),
    ],
)
def test_gradients_are_the_cpus(name, options):
    """In float64, in which rounding leaves no doubt."""
    torch.manual_seed(0)
    network = build(Model(name=name, **options), 3).double().train()
    images, masks = torch.randn(2, 3, 64, 64).double(), torch.randint(3, (2, 64, 64))
    found = []
    for device in ("cpu", "cuda"):
        there = copy.deepcopy(network).to(device, memory_format=torch.channels_last)
        logits = there(images.to(device))
        (cross_entropy(logits, masks.to(device)) + dice(logits, masks.to(device))).backward()
        found.append({key: p.grad.cpu() for key, p in there.named_parameters()})
    for key, expected in found[0].items():
        # atol: of a bias before batch norm, the gradient is zero but for rounding. The loss is
        # computed in float32, as always.
        assert torch.allclose(found[1][key], expected, rtol=1e-3, atol=1e-6), key


def test_fp32_is_float32():
    """Not TF32, whose products have an error of 1e-3."""
    torch.manual_seed(0)
    x, kernel = torch.randn(1, 64, 32, 32), torch.randn(64, 64, 3, 3)
    exact = F.conv2d(x.double(), kernel.double())
    found = F.conv2d(x.to(CUDA), kernel.to(CUDA)).cpu()
    assert (found - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("room", [0, 2**30])
def test_augmented_there_pictures_are_the_cpus(dataset, room):
    dataset.transforms = augmentation(Augment(**WINDOW), (64, 64))
    moved = dataset.on(CUDA, room)
    for seed in range(8):
        image, mask = moved[seed % 4, seed]
        expected, drawn = dataset[seed % 4, seed]
        assert image.is_cuda and torch.equal(mask, drawn)
        # Resizing is of integers on the CPU, of floats on the GPU.
        assert (image.cpu().int() - expected.int()).abs().max() <= 1


def test_an_augmented_picture_depends_on_its_seed_alone(dataset):
    moved, sent_each_time = dataset.on(CUDA, 2**30), dataset.on(CUDA, 0)
    for seed in range(16):
        a = moved[seed % 4, seed]
        state = torch.cuda.get_rng_state()
        b = sent_each_time[seed % 4, seed]
        assert torch.equal(state, torch.cuda.get_rng_state())
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("options", [{"model": {"dropout": 0.1}}, BEST], ids=["segnet", "best"])
def test_the_same_bytes_at_once_again_and_resumed(dataset, tmp_path, options, precision, workers):
    options = options | {"device": "cuda", "precision": precision, "workers": workers}
    _, history = run(dataset, tmp_path / "whole", 2, **options)
    _, again = run(dataset, tmp_path / "again", 2, **options)
    run(dataset, tmp_path / "parts", 1, **options)
    _, resumed = run(dataset, tmp_path / "parts", 2, **options)
    assert again == resumed == history
    whole, again, parts = (digests(tmp_path / name) for name in ("whole", "again", "parts"))
    assert again == parts == whole


def test_the_first_losses_are_the_cpus(tmp_path):
    _, here = run(toy_dataset(), tmp_path / "a", 1)
    _, there = run(toy_dataset(), tmp_path / "b", 1, device="cuda")
    assert there[0]["loss"] == pytest.approx(here[0]["loss"], rel=0.01)


def test_it_overfits_four_images(tmp_path):
    dataset = toy_dataset()
    options = {"batch_size": 4, "learning_rate": 3e-3, "device": "cuda", "precision": "bf16"}
    model, history = run(dataset, tmp_path, 40, **options)
    assert history[-1]["loss"] < history[0]["loss"] / 5
    x = normalise(torch.stack([dataset[i, 0][0] for i in range(4)]).to(CUDA), **CHANNELS)
    predicted = model(x).argmax(dim=1).cpu()
    truth = torch.stack([dataset[i, 0][1] for i in range(4)])
    assert (predicted == truth).float().mean() > 0.9


def test_a_loss_that_is_lost_is_named_though_read_late(tmp_path):
    """And every step's loss counts: an epoch has one more step than are left unread."""
    dataset = toy_dataset()
    options = {"device": "cuda", "steps_per_epoch": UNREAD + 1}
    said = r"the loss is (nan|inf) at epoch 1, step [234] \(images [a-d], [a-d]\)"
    with pytest.raises(UserError, match=said):
        run(dataset, tmp_path / "lost", 1, learning_rate=1e30, **options)
    _, (row,) = run(dataset, tmp_path / "kept", 1, learning_rate=1e-9, **options)
    _, (here,) = run(dataset, tmp_path / "cpu", 1, learning_rate=1e-9, steps_per_epoch=UNREAD + 1)
    assert row["loss"] == pytest.approx(here["loss"], rel=1e-4)


def test_a_teacher_teaches_on_the_gpu(tmp_path):
    def teach(images):
        assert images.is_cuda and images.dtype == torch.uint8
        return torch.ones(len(images), 3, *images.shape[2:], device=CUDA) / 3

    _, history = run(toy_dataset(), tmp_path, 1, device="cuda", teach=teach, teaching=0.5)
    assert 0 < history[0]["loss"] < 2


def test_batches_are_sent_without_waiting():
    tensor = torch.arange(6, dtype=torch.uint8).view(2, 3)
    assert torch.equal(sent(tensor, CUDA).cpu(), tensor)
    assert torch.equal(sent(tensor.to(CUDA), CUDA).cpu(), tensor)
    torch.cuda.set_sync_debug_mode("error")
    try:
        sent(tensor, CUDA)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_augmenting_waits_for_nothing(dataset):
    moved = dataset.on(CUDA, 2**30)
    moved[0, 0]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for seed in range(16):
            moved[seed % 4, seed]
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_lack_of_the_gpus_memory_says_what_to_lower():
    with pytest.raises(UserError, match=r"lower train.batch_size"), enough_memory(8, (64, 32)):
        torch.empty(1 << 45, device=CUDA)


def nccl(rank, folder):
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    run(toy_dataset(), folder / "two", 1, device="cuda")
    dist.destroy_process_group()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="torch sees one CUDA device, not two")
def test_two_processes_train_as_one(tmp_path):
    torch.multiprocessing.spawn(nccl, (tmp_path,), nprocs=2)
    _, (one,) = run(toy_dataset(), tmp_path / "one", 1, device="cuda")
    (row,) = torch.load(tmp_path / "two/state.pt")["history"]
    assert row["loss"] == pytest.approx(one["loss"], rel=1e-3)
