"""A stopped training continues to the same bytes and never uses the state of another."""

import pytest
import torch
from conftest import LONG
from toy import digests, run, toy_dataset

from darkfield.network.resume import checkpoint
from darkfield.network.states import state_folder


@pytest.fixture(scope="module")
def dataset():
    return toy_dataset()


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "fp32"},
        LONG({"precision": "bf16"}),
        {"optimizer": "adamw", "weight_decay": 0.1, "ema": 0.9, "steps_per_epoch": 3, "workers": 2},
    ],
    ids=str,
)
def test_resumed_is_byte_identical(dataset, tmp_path, options, caplog):
    _, whole = run(dataset, tmp_path / "whole", 4, **options)
    run(dataset, tmp_path / "parts", 2, **options)
    shown = []
    with caplog.at_level("INFO"):
        _, resumed = run(dataset, tmp_path / "parts", 4, show=shown.append, **options)
    assert "resumed at epoch 3" in caplog.text
    assert "epoch 2 of 4" not in caplog.text
    assert resumed == whole
    assert shown[1:] == [whole[2:3], whole[3:]]
    assert digests(tmp_path / "parts") == digests(tmp_path / "whole")


@pytest.mark.parametrize("encoder", ["efficientnet-b0", "mit_b0"])
def test_encoders_that_draw_random_numbers_resume_to_the_same_bytes(tmp_path, encoder):
    dataset = toy_dataset(size=(64, 64))
    options = {"model": {"name": "unet", "encoder": encoder}, "steps_per_epoch": 2}
    _, whole = run(dataset, tmp_path / "whole", 2, **options)
    run(dataset, tmp_path / "parts", 1, **options)
    _, resumed = run(dataset, tmp_path / "parts", 2, **options)
    assert resumed == whole
    assert digests(tmp_path / "parts") == digests(tmp_path / "whole")


@pytest.mark.parametrize("damage", ["truncated", "other", "checkpoint gone"])
def test_a_damaged_state_means_a_fresh_start(dataset, tmp_path, damage, caplog):
    run(dataset, tmp_path / "whole", 2)
    run(dataset, tmp_path / "parts", 1)
    state = tmp_path / "parts/state.pt"
    if damage == "truncated":
        state.write_bytes(state.read_bytes()[:-1000])
    elif damage == "other":
        saved = torch.load(state)
        saved["optimizer"]["state"] = {0: {}}
        saved["optimizer"]["param_groups"] = []
        torch.save(saved, state)
    else:
        checkpoint(state.parent, 1).unlink()
    run(dataset, tmp_path / "parts", 2)
    assert "unusable, starting again" in caplog.text
    assert digests(tmp_path / "parts") == digests(tmp_path / "whole")


def test_states_are_read_into_the_memory_of_the_cpu(dataset, tmp_path, monkeypatch):
    """Else every process would read them into the first GPU, or fail where there is none."""
    run(dataset, tmp_path, 1)
    asked = []
    load = torch.load
    monkeypatch.setattr(
        torch, "load", lambda *args, **options: asked.append(options) or load(*args, **options)
    )
    run(dataset, tmp_path, 2)
    assert [options["map_location"] for options in asked] == ["cpu"]


def test_a_state_belongs_to_params_and_bytes(tmp_path):
    file = tmp_path / "a"
    file.write_text("1")
    first = state_folder([{"epochs": 2}], [file])
    assert state_folder([{"epochs": 2}], [file]) == first
    assert state_folder([{"epochs": 3}], [file]) != first
    file.write_text("2")
    assert state_folder([{"epochs": 2}], [file]) != first
