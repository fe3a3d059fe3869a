"""Policies: loading Hugging Face folders and PEFT adapters, the adapter's start, saving. Reads safetensors only."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from .job import replace_file
from .request import JobError, Lora

TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
TOKENIZER_FILES += ["chat_template.jinja", "vocab.json", "merges.txt", "tokenizer.model"]


class Policy:
    """A model with the folders that it came from.

    adapter: the model is a PeftModel whose adapter alone is trained
    """

    def __init__(self, model: torch.nn.Module, folder: Path, base: Path, adapter: bool) -> None:
        self.model = model
        self.folder = folder
        self.base = base
        self.adapter = adapter


def load_policy(folder: Path, lora: Lora | None, seed: int, dtype: torch.dtype) -> Policy:
    """The policy that is trained.

    An adapter folder is continued if LoRA is asked for, with the rank that it has, and merged for full fine-tuning.
    dtype: of the weights that LoRA does not train; all others are float32
    """
    adapter = is_adapter(folder)
    base = adapter_base(folder) if adapter else folder
    model = _load(base, dtype if lora is not None else torch.float32)
    if lora is None:
        # PEFT has frozen the weights that it merged.
        model = _merged(model, folder).requires_grad_(True) if adapter else model
        return Policy(model, folder, base, adapter=False)
    if adapter:
        return Policy(_with_adapter(model, folder, trained=True), folder, base, adapter=True)
    return Policy(_with_lora(model, lora, seed), folder, base, adapter=True)


def load_reference(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    adapter = is_adapter(folder)
    model = _load(adapter_base(folder) if adapter else folder, dtype)
    return (_merged(model, folder) if adapter else model).requires_grad_(False)


def is_adapter(folder: Path) -> bool:
    return (folder / "adapter_config.json").exists()


def adapter_base(folder: Path) -> Path:
    """The base's path is absolute, or relative to the adapter's folder or, as PEFT has it, to the working directory."""
    file = folder / "adapter_config.json"
    config = _read_json(file)
    if config.get("peft_type") != "LORA" or config.get("modules_to_save"):
        raise JobError(f"{file} is not a plain LoRA adapter; expected peft_type LORA and no modules_to_save")
    named = config.get("base_model_name_or_path")
    for base in [folder / str(named), Path(str(named))]:
        if named and base.is_dir():
            return base.resolve()
    raise JobError(
        f"{file} names the base model {named}, which is not a folder on this machine; "
        "put its path into base_model_name_or_path"
    )


def context_of(model: torch.nn.Module) -> int | None:
    config = model.config
    return getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)


def _load(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    if not (folder / "config.json").is_file():
        what = "has no config.json" if folder.is_dir() else "is not a folder on this machine"
        raise JobError(f"the model {folder} {what}; expected a Hugging Face model folder or a PEFT adapter")
    _expect_safetensors(folder, "model", "pytorch_model.bin")
    try:
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
        kinds = config.architectures or []
        if any("SequenceClassification" in kind for kind in kinds):
            raise JobError(f"{folder} is a {kinds[0]}, which is not a causal language model; expected a policy")
        # Dropout would make log-probabilities random; folders of GPT-2 ask for it.
        for key in [key for key in config.to_dict() if "dropout" in key or key.endswith("pdrop")]:
            setattr(config, key, 0.0)
        model, info = AutoModelForCausalLM.from_pretrained(
            str(folder),
            config=config,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (ValueError, OSError, KeyError) as error:
        raise JobError(f"transformers cannot load {folder}: {_one_line(error)}") from error
    except SafetensorError as error:
        raise JobError(f"the weights of {folder} are damaged: {_one_line(error)}") from error
    if len(info["missing_keys"]) > 0:
        # transformers has made them up.
        raise JobError(f"the weights of {folder} lack {sorted(info['missing_keys'])[0]}; they may be incomplete")
    return model


def _expect_safetensors(folder: Path, name: str, pickled: str) -> None:
    if any((folder / f"{name}.safetensors{suffix}").exists() for suffix in ("", ".index.json")):
        return
    if any((folder / f"{pickled}{suffix}").exists() for suffix in ("", ".index.json")):
        raise JobError(
            f"the weights of {folder} are a pickle ({pickled}), which can run code when it is read; "
            "convert them to safetensors"
        )
    raise JobError(f"{folder} has no weights; expected {name}.safetensors")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "..."


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise JobError(
            "this job needs PEFT, which trains and reads LoRA adapters, and this Python does not have it "
            f"({error}); install it with `pip install peft`"
        ) from None
    return peft


def _merged(model: PreTrainedModel, folder: Path) -> torch.nn.Module:
    return _with_adapter(model, folder, trained=False).merge_and_unload()


def _with_adapter(model: PreTrainedModel, folder: Path, trained: bool) -> torch.nn.Module:
    # PEFT would read a pickle.
    _expect_safetensors(folder, "adapter_model", "adapter_model.bin")
    return _peft().PeftModel.from_pretrained(model, str(folder), is_trainable=trained)


def _with_lora(model: PreTrainedModel, lora: Lora, seed: int) -> torch.nn.Module:
    """Adapters for every linear layer whose last name is among the targets: A as in Brevity's engine, B zero."""
    layers = {name: m for name, m in model.named_modules() if hasattr(m, "weight") and m.weight.dim() == 2}
    # Embeddings are looked up, not multiplied, and the output layer is not adapted.
    layers = {n: m for n, m in layers.items() if not isinstance(m, torch.nn.Embedding) and "." in n}
    names = sorted({name.rsplit(".", 1)[-1] for name in layers})
    for target in lora.targets:
        if target not in names:
            raise JobError(
                f"update.lora.targets names {target}, which is not a linear layer of this model; "
                f"it has {', '.join(names)}"
            )
    peft = _peft()
    # GPT-2's Conv1D holds [in, out].
    conv = any(type(m).__name__ == "Conv1D" for m in layers.values())
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=list(lora.targets),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        fan_in_fan_out=conv,
    )
    adapted = peft.get_peft_model(model, config)
    count = 0
    with torch.no_grad():
        for target in lora.targets:
            for name in layers:
                if name.rsplit(".", 1)[-1] != target:
                    continue
                a = adapted.get_submodule(f"base_model.model.{name}").lora_A["default"].weight  # (rank, in)
                a.copy_(lora_start(a.shape[1], lora.rank, seed + count).T)
                count += 1
    return adapted


def lora_start(inputs: int, rank: int, seed: int) -> torch.Tensor:
    """A of an adapter, [inputs, rank]: uniform in ±1/√inputs, the values of tf.randomUniform with this seed."""
    bound = 1 / math.sqrt(inputs)
    draws = alea(str(seed))
    values = [-bound + (bound - -bound) * next(draws) for _ in range(inputs * rank)]
    return torch.tensor(values, dtype=torch.float64).float().reshape(inputs, rank)


def alea(seed: str) -> Iterator[float]:
    """Baagøe's Alea generator as the seedrandom package of TensorFlow.js has it: uniform in [0, 1)."""
    n = float(0xEFC8249D)

    def mash(data: str) -> float:
        nonlocal n
        for character in data:
            n += ord(character)
            h = 0.02519603282416938 * n
            n = float(int(h) & 0xFFFFFFFF)
            h = (h - n) * n
            n = float(int(h) & 0xFFFFFFFF)
            n += (h - n) * 0x100000000
        return (int(n) & 0xFFFFFFFF) * 2.3283064365386963e-10

    state = [mash(" ") for _ in range(3)]
    for i in range(3):
        state[i] -= mash(seed)
        if state[i] < 0:
            state[i] += 1
    s0, s1, s2 = state
    c = 1
    while True:
        t = 2091639 * s0 + c * 2.3283064365386963e-10
        c = int(t)
        s0, s1, s2 = s1, s2, t - c
        yield s2


def save_policy(policy: Policy, unwrapped: Any, state: dict[str, torch.Tensor], target: Path) -> None:
    """Writes the new policy beside and renames it: a model in float32 with its tokenizer, or a PEFT adapter.

    unwrapped: the model without DDP or FSDP; state: its full weights on the CPU, those of the adapter alone for LoRA
    """
    beside = target.with_name("policy.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    if policy.adapter:
        unwrapped.save_pretrained(str(beside), state_dict=state, save_embedding_layers=False)
        (beside / "README.md").unlink(missing_ok=True)  # a model card without content
        file = beside / "adapter_config.json"
        config = _read_json(file) | {"base_model_name_or_path": str(policy.base.resolve())}
        replace_file(file, json.dumps(config, indent=2, sort_keys=True) + "\n")
    else:
        unwrapped.save_pretrained(str(beside), state_dict=state)
        # As it came: dropout was switched off in memory, and transformers would add its defaults.
        config = _read_json(policy.base / "config.json")
        # transformers before 4.56 reads torch_dtype alone: the key stays the one that the folder came with.
        config["torch_dtype" if "torch_dtype" in config else "dtype"] = "float32"
        replace_file(beside / "config.json", json.dumps(config, indent=2) + "\n")
        _copy(["generation_config.json"], [policy.base], beside)
    _copy(TOKENIZER_FILES, [policy.folder, policy.base], beside)
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)


def _copy(files: list[str], sources: list[Path], target: Path) -> None:
    """From the first of the folders that holds the first file."""
    source = next((folder for folder in sources if (folder / files[0]).exists()), None)
    for file in files:
        if source is not None and (source / file).exists():
            shutil.copyfile(source / file, target / file)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError(f"cannot read {file}: {_one_line(error)}") from None
    if not isinstance(value, dict):
        raise JobError(f"{file} does not hold an object; it may be damaged")
    return value
