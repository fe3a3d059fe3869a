"""One update of one job: reference, policy, training, probes, checkpoints, the new policy.

What every process has to decide alike (stop, abort, a checkpoint's turn) is decided by rank 0 and agreed on between
steps. Leaves out a micro-batch that halves when memory runs out: the job ends with a sentence.
"""

from __future__ import annotations

import math
import os
import resource
import time
from enum import IntEnum
from typing import Any

import torch
from accelerate.utils import gather
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import TrainingArguments

from . import checkpoint
from .checks import (
    COLUMNS,
    PairResult,
    check_probes,
    check_z,
    expect_finite,
    held_out_metrics,
    mean,
    pair_metrics,
)
from .job import Job, Superseded
from .loss import collate, first_tokens, summed, token_logprobs
from .model import Policy, context_of, load_policy, load_reference, save_policy
from .order import is_evaluated, learning_rate, micro_steps, total_steps
from .request import JobError, Pair, Probe, Request, check_sequences
from .trainer import ObjectiveTrainer, by_pair, collate_pairs, result_rows

# torch and DeepSpeed divide by it: large enough that no gradient is ever scaled.
NO_CLIPPING = 1e30


class Verdict(IntEnum):
    """What happens after a step; the highest of all processes counts."""

    GO = 0
    KEEP = 1  # write a checkpoint
    STOP = 2
    SUSPEND = 3  # a signal: write a checkpoint and end
    ABORT = 4
    SUPERSEDED = 5


class Interrupted(Exception):
    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.name)
        self.verdict = verdict


class Run:
    """One update of one job: loads, trains, saves.

    Making one starts the process group. `signals` is filled by the command's signal handler.
    """

    trainer: ObjectiveTrainer
    policy: Policy

    def __init__(self, job: Job, request: Request, pairs: list[Pair], probes: list[Probe] | None) -> None:
        self.job, self.request, self.pairs, self.probes = job, request, pairs, probes
        update = request.update
        self.objective = request.objective
        self.precision = request.precision or ("fp32" if uses_cpu() else "bf16")
        self.trained = [index for index, pair in enumerate(pairs) if not pair.held_out]
        self.held_out = [index for index, pair in enumerate(pairs) if pair.held_out]
        self.evaluation_at_start: dict[str, float] = {}
        self.total = total_steps(len(self.trained), update.batch_size, update.epochs, update.steps)
        self.shortest = min(self.trained, key=lambda index: pairs[index].length)
        self.signals: list[int] = []
        self.deepspeed = os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true" or "BREVITY_DEEPSPEED" in os.environ
        self.fsdp = os.environ.get("ACCELERATE_USE_FSDP") == "true"
        if self.fsdp and os.environ.get("FSDP_VERSION", "1") != "2":
            raise JobError("FSDP version 1 flattens parameters; set fsdp_version: 2 in accelerate's configuration")
        self.args = self._arguments()
        self.main = self.args.process_index == 0
        self.processes = self.args.world_size
        self.micros = self.args.gradient_accumulation_steps
        # accelerate has its own idea of threads and sets it while the process group starts.
        if request.threads is not None:
            torch.set_num_threads(request.threads)
        self.reference: list[tuple[float, ...] | None] = [self._known_reference(pair) for pair in pairs]
        self.logprobs_of_probes: dict[str, list[list[float]]] | None = None if probes is None else {}
        self.saved = checkpoint.newest(job.checkpoint)
        self.start = 0 if self.saved is None else self.saved[1]["step"]
        self.steps = self.start
        self.step_results: list[torch.Tensor] = []
        self.batch_results: list[PairResult] = []
        self.kept = time.monotonic()
        self.step_began = time.perf_counter()

    def _known_reference(self, pair: Pair) -> tuple[float, ...] | None:
        """Log-probabilities of chosen and rejected, for LD-DPO of their shared lengths too; None: to be computed."""
        if not self.objective.kind.reference:
            return math.nan, math.nan
        if not self.objective.needs_shared or pair.ref_logps is None:
            return pair.ref_logps
        return None if pair.ref_shared_logps is None else (*pair.ref_logps, *pair.ref_shared_logps)

    def _arguments(self) -> TrainingArguments:
        update = self.request.update
        cpu = uses_cpu()
        if self.precision == "bf16" and not cpu and not torch.cuda.is_bf16_supported():
            raise JobError("this GPU does not compute in bf16; set precision to fp32")
        # TrainingArguments(tf32=…) refuses devices without it; this setting has no effect there.
        torch.set_float32_matmul_precision("high" if self.precision == "tf32" else "highest")
        # FSDP's configuration may ask for the same, and the Trainer refuses both.
        fsdp_checkpoints = os.environ.get("FSDP_ACTIVATION_CHECKPOINTING", "false").lower() == "true"
        return TrainingArguments(
            output_dir=str(self.job.checkpoint),
            per_device_train_batch_size=update.micro_batch,
            gradient_accumulation_steps=micro_steps(update.batch_size, update.micro_batch, world_size()),
            max_steps=self.total,
            learning_rate=update.lr,
            weight_decay=update.weight_decay,
            max_grad_norm=update.clip if update.clip > 0 else NO_CLIPPING,
            gradient_checkpointing=update.activation_checkpointing and not fsdp_checkpoints,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            bf16=self.precision == "bf16",
            deepspeed=os.environ.get("BREVITY_DEEPSPEED"),
            ddp_find_unused_parameters=False,
            # A torch that is built with MPI prefers it on CPUs, and MPI needs its own launcher.
            ddp_backend="gloo" if cpu and world_size() > 1 else None,
            # Rank 0 alone writes, for as long as a slow disk takes.
            ddp_timeout=24 * 3600,
            use_cpu=cpu,
            seed=self.request.seed % 2**32,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=not cpu,
        )

    def execute(self) -> str:
        """The whole update. Returns the outcome: done, stopped or aborted.

        Raises Interrupted with SUSPEND if a signal ended it, its checkpoint written; JobError; Superseded.
        """
        update = self.request.update
        # A frozen base may be bfloat16: every product rounds it anyway. Trained weights are float32.
        dtype = torch.bfloat16 if self.precision == "bf16" and update.lora is not None else torch.float32
        try:
            if self.saved is not None and len(self.saved[1]["reference"]) == len(self.pairs):
                self.reference = [tuple(logps) for logps in self.saved[1]["reference"]]
            if not self.request.same and None in self.reference:
                self._compute_separate_reference(dtype)
            self.policy = load_policy(self.request.policy, update.lora, self.request.seed, dtype)
            model = self.policy.model
            vocabulary = model.get_input_embeddings().weight.shape[0]
            check_sequences(self.pairs, self.probes or [], vocabulary, context_of(model))
            self.args.max_steps = max(1, self.total - self.start)
            self.trainer = ObjectiveTrainer(self, model, self.args)
            self.trainer.train()
            outcome = "done"
        except Interrupted as interrupted:
            if interrupted.verdict not in (Verdict.STOP, Verdict.ABORT):
                raise
            outcome = "stopped" if interrupted.verdict == Verdict.STOP else "aborted"
        except torch.OutOfMemoryError as error:
            raise JobError(
                f"GPU memory ran out with update.micro_batch {update.micro_batch} and pairs of up to "
                f"{max(pair.length for pair in self.pairs)} tokens; lower it, turn on update.activation_checkpointing, "
                "use update.lora, or shard the model with FSDP"
            ) from error
        if outcome != "aborted":
            self._save()
        return outcome

    # Called at the Trainer's events

    def begin(self) -> None:
        """With the model in place and wrapped: reference, probes, checkpoint."""
        model = self._forward_model()
        if None in self.reference:
            self._compute_reference(model)
        self._measure_probes("start")
        if self.probes is not None and self.logprobs_of_probes is not None:
            check_probes(self.probes, self.logprobs_of_probes["start"], self.request)
        if self.saved is not None:
            optimizer = self.trainer.optimizer.optimizer  # inside accelerate's
            checkpoint.restore(self.saved[0], self.start, self.trainer.model, optimizer, self.fsdp)
            self._status(z_error=self.saved[1]["z_error"])
        if self.main:
            self.job.keep_metrics(self.start)
        self._status(state="training", done=self.start, total=self.total)
        self.kept = time.monotonic()
        if self.start == 0:
            self.evaluation_at_start = {f"start_{name}": value for name, value in self._evaluation(0).items()}
        self._obey(self._agree(step=None))

    def before_step(self, step: int) -> None:
        """Between gradient and optimizer: results of all processes, the first step's z, and whether loss is finite."""
        update = self.request.update
        rows = self.micros * math.ceil(update.batch_size / (self.micros * self.processes))
        local = torch.full((rows, COLUMNS), -1.0, dtype=torch.float64, device=self.args.device)
        results = torch.cat(self.step_results)
        local[: len(results)] = results
        self.step_results = []
        every = [row for row in gather(local).tolist() if row[0] >= 0]
        self.batch_results = [PairResult(int(row[0]), *row[1:]) for row in sorted(every)]
        expect_finite(step, "loss", mean(r.loss for r in self.batch_results))
        if step == 0 and self.request.same:
            file = self.job.folder / "pairs.jsonl"
            worst = check_z(self.batch_results, self.pairs, self.request, self.precision, file)
            self._status(z_error=worst)

    def after_step(self, step: int, grad_norm: float) -> None:
        """Metrics; then the control file, signals and the checkpoint's turn."""
        expect_finite(step - 1, "gradient", grad_norm)
        self.steps = step
        # Before the evaluation, whose time is not the step's.
        row = self._metrics(step, grad_norm) if self.main else {}
        evaluation = self._evaluation(step)
        if self.main:
            self.job.add_metrics(row | evaluation)
            held_out = f"held-out loss {evaluation['eval_loss']:.6f}, " if len(evaluation) > 0 else ""
            print(
                f"step {step} of {self.total}: loss {row['loss']:.6f}, {held_out}gradient norm {grad_norm:.6f}, "
                f"margin {row['rewards/margins']:.4f}, {row['tokens_per_second']:.0f} tokens/s",
                flush=True,
            )
        self._status(done=step)
        self._obey(self._agree(step))

    def add_results(self, rows: torch.Tensor) -> None:
        self.step_results.append(rows)

    def rate(self, step: int) -> float:
        update = self.request.update
        return learning_rate(step, self.total, update.lr, update.warmup, update.schedule)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.args.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    # What happens next

    def _agree(self, step: int | None) -> Verdict:
        """The same verdict on every process: rank 0 reads the folder, any process may have been signalled.

        step: None before the first step and while the reference is computed
        """
        last = step == self.total
        verdict = Verdict.SUSPEND if len(self.signals) > 0 and not last else Verdict.GO
        if self.main:
            word = self.job.control()
            due = time.monotonic() - self.kept >= self.request.update.checkpoint_seconds
            try:
                self.job.check_attempt(self.request.id)
            except Superseded as error:
                print(f"brevity_trainer: {error}", flush=True)
                verdict = Verdict.SUPERSEDED
            if word == "abort":
                verdict = max(verdict, Verdict.ABORT)
            elif word == "stop" and not last:
                verdict = max(verdict, Verdict.STOP)
            elif step is not None and due and not last:
                verdict = max(verdict, Verdict.KEEP)
        return Verdict(int(gather(torch.tensor([int(verdict)], device=self.args.device)).max()))

    def _obey(self, verdict: Verdict) -> None:
        if verdict in (Verdict.KEEP, Verdict.SUSPEND) and self.steps > self.start:
            self._keep()
        if verdict == Verdict.SUPERSEDED:
            raise Superseded("a later attempt or another job has replaced this one")
        if verdict > Verdict.KEEP:
            raise Interrupted(verdict)

    def _keep(self) -> None:
        if self.deepspeed:
            return  # its state is partitioned, and its own checkpoints are pickles
        reference = self.reference if self.objective.kind.reference else []
        facts = {"step": self.steps, "reference": reference, "z_error": self.job.z_error}
        optimizer = self.trainer.optimizer.optimizer
        checkpoint.write(self.job.checkpoint, self.trainer.model, optimizer, facts, self.main)
        self.kept = time.monotonic()

    # The reference

    def _compute_separate_reference(self, dtype: torch.dtype) -> None:
        if self.deepspeed:
            raise JobError(
                "DeepSpeed trains one model at a time; put ref_chosen_logps and ref_rejected_logps into pairs.jsonl, "
                "or use FSDP"
            )
        # Every process needs the weights: with efficient loading only the first has them before FSDP shares them out.
        efficient = os.environ.pop("FSDP_CPU_RAM_EFFICIENT_LOADING", None)
        model = load_reference(self.request.reference, dtype)
        if efficient is not None:
            os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = efficient
        if self.fsdp:
            mesh = init_device_mesh(self.args.device.type, (self.processes,))
            layers = next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
            for layer in layers:
                fully_shard(layer, mesh=mesh)
            fully_shard(model, mesh=mesh)
        else:
            model.to(self.args.device)
        self._compute_reference(model.eval())
        del model
        if self.args.device.type == "cuda":
            torch.cuda.empty_cache()

    def _compute_reference(self, model: torch.nn.Module) -> None:
        """For the pairs that have none. Stopping waits until it is whole, as half of it is of no use."""
        missing = [index for index, logps in enumerate(self.reference) if logps is None]
        missing.sort(key=lambda index: (-self.pairs[index].length, index))
        self._status(state="reference", done=0, total=len(missing))
        size = self.request.update.micro_batch
        groups = [missing[start : start + size] for start in range(0, len(missing), size)]
        for first in range(0, len(groups), self.processes):
            mine = first + self.args.process_index
            group = groups[mine] if mine < len(groups) else []
            logps = self._pair_logps(model, [self.pairs[i] for i in group or [self.shortest]])
            rows = torch.full((size, 1 + logps.shape[1]), -1.0, dtype=torch.float64, device=self.args.device)
            for row, index in enumerate(group):
                rows[row] = torch.cat([torch.tensor([float(index)], device=rows.device), logps[row]])
            for index, *values in gather(rows).tolist():
                if index >= 0:
                    self.reference[int(index)] = tuple(values)
            self._status(done=min(len(missing), (first + self.processes) * size))
            verdict = self._agree(step=None)
            if verdict != Verdict.STOP:
                self._obey(verdict)

    @torch.no_grad()
    def _pair_logps(self, model: torch.nn.Module, pairs: list[Pair]) -> torch.Tensor:
        """Of chosen and rejected, float64 [B, 2]; for LD-DPO those of their shared lengths too, [B, 4]."""
        batch = {name: tensor.to(self.args.device) for name, tensor in collate_pairs(pairs).items()}
        with self.autocast():
            logprobs, mask = token_logprobs(model, batch)
        logps = by_pair(summed(logprobs))
        if not self.objective.needs_shared:
            return logps
        lengths = torch.tensor([[len(ids) for ids in pair.responses] for pair in pairs], device=mask.device)
        return torch.cat([logps, by_pair(summed(logprobs * first_tokens(mask, lengths)))], dim=1)

    def _forward_model(self) -> torch.nn.Module:
        """Without DDP, whose forward pass synchronizes; with FSDP or DeepSpeed, whose weights are in pieces."""
        return self.trainer.model_wrapped if self.deepspeed else self.trainer.model

    # Held-out pairs

    def _evaluation(self, step: int) -> dict[str, float]:
        """Metrics of the held-out pairs after `step` steps; empty if it is not their turn. Every process has to call this."""
        update = self.request.update
        if len(self.held_out) == 0 or not is_evaluated(step, self.total, update.eval_steps):
            return {}
        ordered = sorted(self.held_out, key=lambda index: (-self.pairs[index].length, index))
        size = update.micro_batch
        groups = [ordered[start : start + size] for start in range(0, len(ordered), size)]
        every: list[list[float]] = []
        for first in range(0, len(groups), self.processes):
            mine = first + self.args.process_index
            rows = self._losses(groups[mine] if mine < len(groups) else [])
            filled = torch.full((size, COLUMNS), -1.0, dtype=torch.float64, device=self.args.device)
            filled[: len(rows)] = rows
            every += [row for row in gather(filled).tolist() if row[0] >= 0]
        return held_out_metrics([PairResult(int(row[0]), *row[1:]) for row in sorted(every)])

    @torch.no_grad()
    def _losses(self, group: list[int]) -> torch.Tensor:
        """Rows of PairResult [B, COLUMNS]; an empty group gives that of a filler, whose index is -1."""
        batch = {name: tensor.to(self.args.device) for name, tensor in self.trainer.batch((group, 1)).items()}
        _, columns = self.trainer.losses_of(self._forward_model(), batch)
        return result_rows(batch["indices"], columns)

    # Probes

    @torch.no_grad()
    def _measure_probes(self, when: str) -> None:
        """Log-probabilities of the probes' response tokens; every process computes all of them."""
        if self.probes is None or self.logprobs_of_probes is None:
            return
        model = self._forward_model()
        values = []
        for probe in self.probes:
            batch = collate([probe.prompt_ids], [probe.response_ids])
            with self.autocast():
                logprobs, mask = token_logprobs(model, {n: t.to(self.args.device) for n, t in batch.items()})
            values.append(logprobs[mask].tolist())
        self.logprobs_of_probes[when] = values

    # Results

    def _metrics(self, step: int, grad_norm: float) -> dict[str, float]:
        """A row of metrics.jsonl."""
        pairs = [self.pairs[result.index] for result in self.batch_results]
        tokens = sum(pair.tokens for pair in pairs)
        return {
            "step": step,
            "total_steps": self.total,
            "epoch": (step - 1) // math.ceil(len(self.trained) / self.request.update.batch_size) + 1,
            "grad_norm": grad_norm,
            "learning_rate": self.rate(step - 1),
            **pair_metrics(self.batch_results, pairs),
            "tokens": tokens,
            "tokens_per_second": tokens / (time.perf_counter() - self.step_began),
            "micro_batch": math.ceil(len(pairs) / (self.micros * self.processes)),
            "memory_mb": memory_mb(self.args.device),
            **(self.evaluation_at_start if step == 1 else {}),
        }

    def _save(self) -> None:
        self._status(state="saving")
        self._measure_probes("end")
        trainer = self.trainer
        if self.deepspeed:
            state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
        else:
            state = checkpoint.full_weights(trainer.model, trained_only=self.policy.adapter)
        if self.main:
            save_policy(self.policy, trainer.accelerator.unwrap_model(trainer.model), state, self.job.policy)

    def probe_results(self, outcome: str) -> dict[str, list[list[float]]] | None:
        return None if outcome == "aborted" else self.logprobs_of_probes

    def _status(self, **changes: Any) -> None:
        if self.main:
            self.job.status(**changes)


def uses_cpu() -> bool:
    return not torch.cuda.is_available()


def world_size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def memory_mb(device: torch.device) -> float:
    """The most that this process has used: of its GPU, or of the machine's memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def device_name(args: TrainingArguments) -> str:
    if args.device.type != "cuda":
        return args.device.type
    return f"cuda:{torch.cuda.get_device_name(args.device)} ×{args.world_size}"
