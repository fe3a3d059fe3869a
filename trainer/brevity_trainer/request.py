"""What an executor reads from the job folder: request.json, pairs.jsonl, probes.jsonl (docs/jobs.md, version 1).

Unknown keys are refused by name and every value is checked, so that a typing error never trains. Needs no torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = 1


class JobError(Exception):
    """A failure that its user can mend: one sentence, for done.json and standard error."""


@dataclass(frozen=True)
class Lora:
    rank: int
    alpha: float
    targets: list[str]


@dataclass(frozen=True)
class Update:
    """Brevity's update settings, src/core/config/schema.ts."""

    lr: float
    batch_size: int
    micro_batch: int
    epochs: int
    steps: int
    schedule: str
    warmup: float
    weight_decay: float
    decay: str
    clip: float
    adam_beta1: float
    adam_beta2: float
    adam_eps: float
    activation_checkpointing: bool
    lora: Lora | None
    checkpoint_seconds: float


@dataclass(frozen=True)
class Request:
    id: str
    round: int
    policy: Path
    reference: Path
    same: bool
    beta: float
    alpha: float
    label_smoothing: float
    update: Update
    seed: int
    precision: str | None
    threads: int | None
    probe_tolerance: float | None


@dataclass(frozen=True)
class Pair:
    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    """Summed log-probabilities of chosen and rejected under the reference policy; None: to be computed."""
    ref_logps: tuple[float, float] | None

    @property
    def responses(self) -> tuple[list[int], list[int]]:
        return self.chosen_ids, self.rejected_ids

    @property
    def length(self) -> int:
        """Positions of the longer of the two sequences."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))

    @property
    def tokens(self) -> int:
        return 2 * len(self.prompt_ids) + len(self.chosen_ids) + len(self.rejected_ids)


@dataclass(frozen=True)
class Probe:
    prompt_ids: list[int]
    response_ids: list[int]
    server_logprobs: list[float] | None


# Checks of single values: what is expected, and whether a value is that.
Check = tuple[str, Callable[[Any], bool]]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number(low: float, high: float = math.inf, above: bool = False) -> Check:
    expected = f"a number {'above' if above else 'of at least'} {low:g}"
    expected += f" and at most {high:g}" if high < math.inf else ""
    return expected, lambda v: _is_number(v) and (v > low if above else v >= low) and v <= high


def _whole(low: int, high: int = 2**53) -> Check:
    expected = f"a whole number of at least {low}" + (f" and at most {high}" if high < 2**53 else "")
    # JSON written by JavaScript has no way to tell 1 from 1.0, and neither do its readers.
    return expected, lambda v: _is_number(v) and v == int(v) and low <= v <= high


def _one_of(*names: str) -> Check:
    return "one of " + ", ".join(names), lambda v: v in names


def _or_null(check: Check) -> Check:
    return f"{check[0]}, or null", lambda v: v is None or check[1](v)


_text: Check = ("a text that is not empty", lambda v: isinstance(v, str) and v != "")
_truth: Check = ("true or false", lambda v: isinstance(v, bool))
_object: Check = ("an object", lambda v: isinstance(v, dict))
_texts: Check = ("a list of names", lambda v: isinstance(v, list) and len(v) > 0 and all(_text[1](x) for x in v))
_ids: Check = (
    "a list of token ids",
    lambda v: isinstance(v, list) and all(type(x) is int and 0 <= x < 2**31 for x in v),
)
_numbers: Check = ("a list of numbers", lambda v: isinstance(v, list) and all(_is_number(x) for x in v))

OPTIONAL = {"precision", "threads", "backend", "probe_tolerance"}
REQUEST: dict[str, Check] = {
    "version": _whole(1),
    "id": _text,
    "round": _whole(0),
    "policy": _text,
    "reference": _text,
    "same": _truth,
    "objective": _object,
    "update": _object,
    "seed": _whole(0),
    "precision": _or_null(_one_of("bf16", "tf32", "fp32")),
    "threads": _or_null(_whole(1, 256)),
    "backend": _or_null(_text),  # of `brevity job`
    "probe_tolerance": _or_null(_number(0)),
}
OBJECTIVE: dict[str, Check] = {
    "name": _one_of("lr-dpo"),
    "beta": _number(0, 100, above=True),
    "alpha": _number(0, 100),
    "label_smoothing": _number(0, 0.5),
}
UPDATE: dict[str, Check] = {
    "lr": _number(0, 1, above=True),
    "batch_size": _whole(1),
    "micro_batch": _whole(1),
    "epochs": _whole(1),
    "steps": _whole(0),
    "schedule": _one_of("constant", "linear", "cosine"),
    "warmup": _number(0, 1),
    "weight_decay": _number(0, 10),
    "decay": _one_of("all", "matrices"),
    "clip": _number(0),
    "adam_beta1": _number(0, 1),
    "adam_beta2": _number(0, 1),
    "adam_eps": _number(0, 1, above=True),
    "activation_checkpointing": _truth,
    "lora": _or_null(_object),
    "checkpoint_seconds": _number(0),
}
LORA: dict[str, Check] = {"rank": _whole(1, 65536), "alpha": _number(0, 65536, above=True), "targets": _texts}


def _checked(value: Any, checks: dict[str, Check], where: str, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JobError(f"{where} holds {_shown(value)}; expected an object")
    for key in value:
        if key not in checks:
            raise JobError(
                f"{where} has the unknown key {prefix}{key}; update brevity_trainer on the node, or remove it"
            )
    for key, (expected, accepts) in checks.items():
        if key not in value and key not in OPTIONAL:
            raise JobError(f"{where} lacks {prefix}{key}; expected {expected}")
        if key in value and not accepts(value[key]):
            raise JobError(f"{where}: {prefix}{key} is {_shown(value[key])}; expected {expected}")
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else text[:57] + "..."


def _parse(text: str, where: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise JobError(f"{where} is not JSON: it may be damaged or incomplete ({error}); write it again") from None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise JobError(f"there is no {file}; expected the folder of an update job") from None
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(f"cannot read {file}: {error}") from None


def _rows(file: Path) -> list[tuple[str, Any]]:
    """The rows of a JSON-lines file with where each is from."""
    lines = _read(file).split("\n")
    return [
        (f"{file} line {n}", _parse(line, f"{file} line {n}")) for n, line in enumerate(lines, 1) if line.strip() != ""
    ]


def read_request(folder: Path) -> Request:
    file = folder / "request.json"
    raw = _parse(_read(file), str(file))
    version = raw.get("version") if isinstance(raw, dict) else None
    # A later version may have other keys: its number is the better explanation.
    if _is_number(version) and version > VERSION:
        raise JobError(f"{file} is version {version} and this executor reads version {VERSION}; update it on the node")
    request = _checked(raw, REQUEST, str(file))
    objective = _checked(request["objective"], OBJECTIVE, str(file), "objective.")
    update = dict(_checked(request["update"], UPDATE, str(file), "update."))
    for key in ("batch_size", "micro_batch", "epochs", "steps"):
        update[key] = int(update[key])
    if update["lora"] is not None:
        lora = _checked(update["lora"], LORA, str(file), "update.lora.")
        update["lora"] = Lora(int(lora["rank"]), lora["alpha"], lora["targets"])
    threads = request.get("threads")
    return Request(
        id=request["id"],
        round=int(request["round"]),
        policy=Path(request["policy"]),
        reference=Path(request["reference"]),
        same=request["same"],
        beta=objective["beta"],
        alpha=objective["alpha"],
        label_smoothing=objective["label_smoothing"],
        update=Update(**update),
        seed=int(request["seed"]),
        precision=request.get("precision"),
        threads=None if threads is None else int(threads),
        probe_tolerance=request.get("probe_tolerance"),
    )


def read_pairs(folder: Path) -> list[Pair]:
    """The pairs to train on. Keys that are not listed here are for people and ignored."""
    required = {"prompt_ids": _ids, "chosen_ids": _ids, "rejected_ids": _ids}
    known = {"ref_chosen_logps": _or_null(_number(-math.inf)), "ref_rejected_logps": _or_null(_number(-math.inf))}
    pairs = []
    for where, row in _rows(folder / "pairs.jsonl"):
        if not isinstance(row, dict):
            raise JobError(f"{where} holds {_shown(row)}; expected an object")
        row = {key: value for key, value in row.items() if key in required or value is not None}
        _checked({key: row[key] for key in required if key in row}, required, where)
        references = {key: row[key] for key in known if key in row}
        if len(references) > 0:
            _checked(references, known, where)
        if any(len(row[key]) == 0 for key in required):
            raise JobError(f"{where} has an empty prompt or response; expected at least one token of each")
        pairs.append(
            Pair(
                row["prompt_ids"],
                row["chosen_ids"],
                row["rejected_ids"],
                (row["ref_chosen_logps"], row["ref_rejected_logps"]) if len(references) == 2 else None,
            )
        )
    if len(pairs) == 0:
        raise JobError(f"{folder / 'pairs.jsonl'} has no pairs to train on; expected one row per pair")
    return pairs


def read_probes(folder: Path) -> list[Probe] | None:
    file = folder / "probes.jsonl"
    if not file.exists():
        return None
    probes = []
    for where, row in _rows(file):
        checks = {"prompt_ids": _ids, "response_ids": _ids}
        if isinstance(row, dict) and row.get("server_logprobs") is not None:
            checks["server_logprobs"] = _numbers
        keys = ("prompt_ids", "response_ids", "server_logprobs")
        row = {key: row.get(key) for key in keys if key in checks} if isinstance(row, dict) else row
        _checked(row, checks, where)
        server = row.get("server_logprobs")
        if len(row["prompt_ids"]) == 0 or len(row["response_ids"]) == 0:
            raise JobError(f"{where} has an empty prompt or response; expected at least one token of each")
        if server is not None and len(server) != len(row["response_ids"]):
            raise JobError(
                f"{where} has {len(server)} server_logprobs for {len(row['response_ids'])} response_ids; "
                "expected one per token"
            )
        probes.append(Probe(row["prompt_ids"], row["response_ids"], server))
    return probes


def check_sequences(pairs: list[Pair], probes: list[Probe], vocabulary: int, context: int | None) -> None:
    """Refuses pairs and probes that do not fit the model."""
    sequences = [(f"pair {n}", pair.prompt_ids, ids) for n, pair in enumerate(pairs, 1) for ids in pair.responses]
    sequences += [(f"probe {n}", probe.prompt_ids, probe.response_ids) for n, probe in enumerate(probes, 1)]
    for name, prompt, response in sequences:
        length, largest = len(prompt) + len(response), max(max(prompt), max(response))
        if context is not None and length > context:
            raise JobError(f"{name} of the job has {length} tokens and the model's context is {context}")
        if largest >= vocabulary:
            raise JobError(
                f"{name} of the job has token id {largest} and the model's vocabulary ends at {vocabulary - 1}"
            )
