"""The state of an unfinished update: trained weights and both moments of AdamW, in safetensors; the rest in JSON.

Every process takes part, since FSDP's are gathered. Rank 0 holds all of it in its memory while it writes: 12 bytes for
each trained parameter (84 GB for a model of 7 billion), so that LoRA or a long `checkpoint_seconds` suits large models.
torch.distributed.checkpoint would write shards without gathering, but its metadata is a pickle.
There is no random state to keep: nothing is dropped out, and the order of pairs follows from the seed.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from .job import replace_file, sync_folder
from .request import JobError

MOMENTS = ("exp_avg", "exp_avg_sq")


def full_weights(model: torch.nn.Module, trained_only: bool) -> dict[str, torch.Tensor]:
    """The whole model's weights by name, on the CPU; under FSDP on rank 0 alone. Every process has to call this."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=trained_only)
    return get_model_state_dict(model, options=options)


def write(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, facts: dict[str, Any], main: bool
) -> None:
    """Replaces the checkpoint: `step-N` is complete once it has that name. Every process has to call this.

    facts: JSON values, among them `step`, the steps taken
    """
    weights = full_weights(model, trained_only=True)
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    optimizer_state = get_optimizer_state_dict(model, optimizer, options=options)
    if not main:
        return
    state = optimizer_state["state"]
    target = folder / f"step-{facts['step']}"
    beside = folder / "writing.tmp"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    names = [name for name in weights if name in state]
    _save(beside / "weights.safetensors", {name: weights[name] for name in names})
    for moment in MOMENTS:
        _save(beside / f"{moment}.safetensors", {name: state[name][moment] for name in names})
    replace_file(beside / "state.json", json.dumps(facts) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)
    sync_folder(folder)
    for old in _complete(folder):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)


def _save(file: Path, tensors: dict[str, torch.Tensor]) -> None:
    # save_file refuses tensors that share memory or are views.
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, str(file))
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def newest(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest complete checkpoint and its facts."""
    found = max(_complete(folder), key=lambda path: int(path.name.removeprefix("step-")), default=None)
    if found is None:
        return None
    try:
        facts = json.loads((found / "state.json").read_text(encoding="utf-8"))
        if not isinstance(facts.get("step"), int):
            raise ValueError("it lacks step")
    except (OSError, ValueError, AttributeError) as error:
        raise JobError(f"the checkpoint {found} is damaged ({error}); delete it to start the update again") from None
    return found, facts


def restore(path: Path, step: int, model: torch.nn.Module, optimizer: torch.optim.Optimizer, sharded: bool) -> None:
    """Puts weights and moments into the model and the optimizer. Every process has to call this."""
    main = not sharded or torch.distributed.get_rank() == 0
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    try:
        weights = load_file(path / "weights.safetensors") if main else {}
        moments = {moment: load_file(path / f"{moment}.safetensors") if main else {} for moment in MOMENTS}
    except (OSError, SafetensorError) as error:
        raise JobError(f"the checkpoint {path} is damaged ({error}); delete it to start the update again") from None
    for name, parameter in parameters.items() if main else []:
        tensors = [weights.get(name), *(moments[moment].get(name) for moment in MOMENTS)]
        if any(t is None or t.shape != parameter.shape for t in tensors):
            raise JobError(f"the checkpoint {path} does not fit the policy: {name} differs; delete it to start again")
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=sharded, strict=False)
    # torch adds tied names to what it is given.
    set_model_state_dict(model, dict(weights), options=options)
    offloaded = StateDictOptions(full_state_dict=True, cpu_offload=sharded)
    optimizer_state = get_optimizer_state_dict(model, optimizer, options=offloaded)
    if main:
        optimizer_state["state"] = {
            name: {"step": torch.tensor(float(step)), **{moment: moments[moment][name] for moment in MOMENTS}}
            for name in weights
        }
    set_optimizer_state_dict(model, optimizer, optimizer_state, options=options)


def _complete(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.name.removeprefix("step-").isdecimal() and path.is_dir()]
