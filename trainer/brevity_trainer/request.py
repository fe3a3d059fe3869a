"""What an executor reads from the job folder: request.json, pairs.jsonl, probes.jsonl (docs/jobs.md).

Unknown keys are refused by name and every value is checked, so that a typing error never trains. Needs no torch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of request.json and pairs.jsonl. Version 1 knows LR-DPO only, and its executors ignore a pair's weight. Version 2 knows
# no held-out pairs, and its executors would train on them.
REQUEST_VERSION = 3


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
    """Steps between evaluations of the held-out pairs; 0: about ten times an update."""
    eval_steps: int = 0


@dataclass(frozen=True)
class ObjectiveKind:
    """What an objective is, as src/core/objectives/index.ts has it. loss.py computes it."""

    # Settings beside β and nll_weight that it uses; another that is not neutral is refused.
    uses: tuple[str, ...] = ()
    # Compares with a reference policy; without one none is loaded.
    reference: bool = True
    # Needs both win probabilities of every pair.
    wins: bool = False


OBJECTIVES = {
    "lr-dpo": ObjectiveKind(("alpha", "label_smoothing")),
    "dpo": ObjectiveKind(("label_smoothing",)),
    "dpo-norm": ObjectiveKind(("alpha", "label_smoothing")),
    "simpo": ObjectiveKind(("alpha", "gamma_ratio", "label_smoothing"), reference=False),
    "sppo": ObjectiveKind(wins=True),
    "wpo": ObjectiveKind(("alpha", "label_smoothing")),
    "ld-dpo": ObjectiveKind(("alpha", "ld_scale", "label_smoothing")),
    "ipo": ObjectiveKind(),
    "hinge": ObjectiveKind(),
    "robust": ObjectiveKind(("alpha", "label_smoothing")),
    "apo-zero": ObjectiveKind(),
    "apo-down": ObjectiveKind(),
}
# Values at which a setting changes nothing.
NEUTRAL = {"alpha": 0, "label_smoothing": 0, "gamma_ratio": 0, "ld_scale": 1, "nll_weight": 0}
ADDED_IN_2 = ("gamma_ratio", "ld_scale", "nll_weight")


@dataclass(frozen=True)
class Objective:
    """An objective and its settings; docs/objectives.md has the loss of each."""

    beta: float
    alpha: float
    label_smoothing: float = 0.0
    name: str = "lr-dpo"
    gamma_ratio: float = 0.0
    ld_scale: float = 1.0
    nll_weight: float = 0.0

    @property
    def kind(self) -> ObjectiveKind:
        return OBJECTIVES[self.name]

    @property
    def needs_shared(self) -> bool:
        """LD-DPO: log-probabilities summed over the first min(|y_w|, |y_l|) tokens as well."""
        return self.name == "ld-dpo"

    @property
    def needs_confidence(self) -> bool:
        """WPO: how likely the policy is to sample each response."""
        return self.name == "wpo"


@dataclass(frozen=True)
class Request:
    version: int
    id: str
    round: int
    policy: Path
    reference: Path
    same: bool
    objective: Objective
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
    """The same over the first min(|y_w|, |y_l|) tokens of each."""
    ref_shared_logps: tuple[float, float] | None = None
    """How much the pair counts."""
    weight: float = 1.0
    """The probability that chosen and rejected each beat another of the policy's responses."""
    win_probabilities: tuple[float, float] | None = None
    """Never trained on: only evaluated."""
    held_out: bool = False

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

_share: Check = ("a number of at least 0 and below 0.5", lambda v: _is_number(v) and 0 <= v < 0.5)

OPTIONAL = {"precision", "threads", "backend", "probe_tolerance", "eval_steps", *ADDED_IN_2}
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
    "name": _one_of(*OBJECTIVES),
    "beta": _number(0, 100, above=True),
    "alpha": _number(0, 100),
    "label_smoothing": _share,
    "gamma_ratio": _number(0, 100),
    "ld_scale": _number(0, 1),
    "nll_weight": _number(0, 100),
}
# Older executors read requests of version 1, and know no other.
OBJECTIVE_1: dict[str, Check] = {**OBJECTIVE, "name": ("one of lr-dpo in version 1", lambda v: v == "lr-dpo")}
OBJECTIVE_1 |= {key: (f"{NEUTRAL[key]} in version 1", lambda v, key=key: v == NEUTRAL[key]) for key in ADDED_IN_2}
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
    "eval_steps": _whole(0),
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
    if _is_number(version) and version > REQUEST_VERSION:
        raise JobError(
            f"{file} is version {version} and this executor reads version {REQUEST_VERSION}; update it on the node"
        )
    request = _checked(raw, REQUEST, str(file))
    objective = _read_objective(request["objective"], version, str(file))
    update = dict(_checked(request["update"], UPDATE, str(file), "update."))
    for key in ("batch_size", "micro_batch", "epochs", "steps", "eval_steps"):
        update[key] = int(update.get(key, 0))
    if version < 3 and update["eval_steps"] != 0:
        raise JobError(f"{file}: update.eval_steps needs version 3; expected 0 in version {version}")
    if update["lora"] is not None:
        lora = _checked(update["lora"], LORA, str(file), "update.lora.")
        update["lora"] = Lora(int(lora["rank"]), lora["alpha"], lora["targets"])
    threads = request.get("threads")
    return Request(
        version=int(version),
        id=request["id"],
        round=int(request["round"]),
        policy=Path(request["policy"]),
        reference=Path(request["reference"]),
        same=request["same"],
        objective=objective,
        update=Update(**update),
        seed=int(request["seed"]),
        precision=request.get("precision"),
        threads=None if threads is None else int(threads),
        probe_tolerance=request.get("probe_tolerance"),
    )


def _read_objective(raw: Any, version: int, file: str) -> Objective:
    objective = Objective(**_checked(raw, OBJECTIVE_1 if version == 1 else OBJECTIVE, file, "objective."))
    for key in ("alpha", "gamma_ratio", "ld_scale", "label_smoothing"):
        value = getattr(objective, key)
        if key not in objective.kind.uses and value != NEUTRAL[key]:
            raise JobError(
                f"{file}: objective.{key} is {value:g}, and objective {objective.name} does not use it; "
                f"expected {NEUTRAL[key]}"
            )
    return objective


def check_release(folder: Path, version: str) -> None:
    """Refuses a job of another release of Brevity, whose updates may differ (src/core/version.ts has the rule).

    launch.json is the launcher's: without one, as in standalone use, there is nothing to compare with.
    """
    try:
        begun_by = json.loads((folder / "launch.json").read_text(encoding="utf-8")).get("brevity")
    except (OSError, ValueError, AttributeError):
        return
    if isinstance(begun_by, str) and _release(begun_by) != _release(version):
        raise JobError(
            f"the job is of Brevity {begun_by} and this Python has brevity_trainer {version}, whose updates may differ; "
            f"install the folder trainer of Brevity {begun_by} on the node, then retry"
        )


def _release(version: str) -> str:
    match = re.match(r"(\d+)\.(\d+)\.", version)
    if match is None:
        return version
    major, minor = match.groups()
    return f"0.{minor}" if major == "0" else major


def read_pairs(folder: Path, request: Request | None = None) -> list[Pair]:
    """The pairs to train on, and those held out. Keys that are not listed here are for people and ignored.

    request: whose objective the pairs must suit
    """
    required = {"prompt_ids": _ids, "chosen_ids": _ids, "rejected_ids": _ids}
    logps = _number(-math.inf)
    known = {"ref_chosen_logps": logps, "ref_rejected_logps": logps}
    known |= {"ref_chosen_shared_logps": logps, "ref_rejected_shared_logps": logps}
    known |= {"weight": _number(0), "chosen_win_probability": _number(0, 1), "rejected_win_probability": _number(0, 1)}
    known |= {"held_out": _truth}
    pairs = []
    for where, row in _rows(folder / "pairs.jsonl"):
        if not isinstance(row, dict):
            raise JobError(f"{where} holds {_shown(row)}; expected an object")
        row = {key: value for key, value in row.items() if key in required or value is not None}
        _checked({key: row[key] for key in required if key in row}, required, where)
        given = {key: check for key, check in known.items() if key in row}
        _checked({key: row[key] for key in given}, given, where)
        if any(len(row[key]) == 0 for key in required):
            raise JobError(f"{where} has an empty prompt or response; expected at least one token of each")
        if request is not None:
            _check_columns(row, request, where)
        pairs.append(
            Pair(
                row["prompt_ids"],
                row["chosen_ids"],
                row["rejected_ids"],
                _both(row, "ref_{}_logps"),
                _both(row, "ref_{}_shared_logps"),
                row.get("weight", 1.0),
                _both(row, "{}_win_probability"),
                row.get("held_out", False),
            )
        )
    if len(pairs) > 0 and all(pair.held_out for pair in pairs):
        raise JobError(f"{folder / 'pairs.jsonl'} has only held-out pairs; expected at least one to train on")
    if len(pairs) == 0:
        raise JobError(f"{folder / 'pairs.jsonl'} has no pairs to train on; expected one row per pair")
    return pairs


def _both(row: dict[str, Any], name: str) -> tuple[float, float] | None:
    """The values of chosen and rejected; None unless both are there."""
    values = [row.get(name.format(side)) for side in ("chosen", "rejected")]
    return None if None in values else (values[0], values[1])


def _check_columns(row: dict[str, Any], request: Request, where: str) -> None:
    name = request.objective.name
    for key in ("chosen_win_probability", "rejected_win_probability"):
        if request.objective.kind.wins and key not in row:
            raise JobError(f"{where} lacks {key}, which objective {name} needs; expected a number from 0 to 1")
    if request.version == 1 and "weight" in row:
        raise JobError(f"{where} has a weight, which version 1 ignores; expected a request of version 2 or later")
    if request.version < 3 and row.get("held_out", False):
        raise JobError(
            f"{where} is held out, and executors of version {request.version} would train on it; expected a request of "
            "version 3"
        )


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
