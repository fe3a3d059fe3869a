"""Every objective on transformers.Trainer, by its public hooks.

The Trainer brings DDP, FSDP2 and DeepSpeed (through accelerate), mixed precision, gradient accumulation and clipping.
This module brings what has to equal Brevity's engine: the order of pairs, the loss and its mean over all processes, the
decay rule and the learning rates.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from .loss import PairLogps, PairLosses, collate, first_tokens, pair_losses, summed, token_logprobs, token_logprobs_and_squares
from .order import split_batch, steps_from
from .request import Pair

if TYPE_CHECKING:
    from .run import Run


class MicroBatches(Dataset):
    """This process's micro-batches of the steps from `start`: lists of pair indices, empty for a filler."""

    def __init__(self, run: Run, start: int) -> None:
        update = run.request.update
        lengths = [pair.length for pair in run.pairs]
        self.items: list[tuple[list[int], int]] = []
        for places in steps_from(start, run.total, len(run.trained), update.batch_size, run.request.seed):
            batch = [run.trained[place] for place in places]
            mine = split_batch(batch, lengths, run.micros, run.processes)
            self.items += [(group, len(batch)) for group in mine[run.args.process_index]]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, item: int) -> tuple[list[int], int]:
        return self.items[item]


class ObjectiveTrainer(Trainer):
    """transformers.Trainer with Brevity's loss, batches, optimizer groups and schedule. Public hooks only."""

    def __init__(self, run: Run, model: torch.nn.Module, args: TrainingArguments) -> None:
        self.run = run
        super().__init__(model=model, args=args, callbacks=[JobCallback(run)])
        self.remove_callback(PrinterCallback)
        # The loss is divided by the micro-batches of a step, as compute_loss expects.
        self.model_accepts_loss_kwargs = False

    def get_train_dataloader(self) -> DataLoader:
        # Not prepared by accelerate: each process has its own micro-batches already.
        return DataLoader(MicroBatches(self.run, self.run.start), batch_size=None, shuffle=False, collate_fn=self.batch)

    def batch(self, item: tuple[list[int], int]) -> dict[str, torch.Tensor]:
        """Tensors of a micro-batch: [2B, T] chosen then rejected, and what the loss needs of each pair [B, …]."""
        group, batch_pairs = item
        # A collective needs every process: the shortest pair fills in, with weight 0.
        indices = group if len(group) > 0 else [self.run.shortest]
        pairs = [self.run.pairs[index] for index in indices]
        tensors = collate_pairs(pairs)
        tensors["lengths"] = torch.tensor([[len(p.chosen_ids), len(p.rejected_ids)] for p in pairs])
        reference = torch.tensor([self.run.reference[index] for index in indices], dtype=torch.float64)
        tensors["ref_logps"] = reference[:, :2]
        if self.run.objective.needs_shared:
            tensors["ref_shared"] = reference[:, 2:]
        if self.run.objective.kind.wins:
            tensors["wins"] = torch.tensor([pair.win_probabilities for pair in pairs], dtype=torch.float64)
        tensors["weights"] = torch.tensor([pair.weight for pair in pairs], dtype=torch.float64)
        tensors["indices"] = torch.tensor(indices if len(group) > 0 else [-1])
        tensors["shares"] = torch.full((len(pairs),), 1 / batch_pairs if len(group) > 0 else 0.0, dtype=torch.float64)
        return tensors

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW (arXiv 1711.05101); `decay: matrices` leaves out norms and biases: parameters of less than two axes."""
        update = self.run.request.update
        named = [(n, p) for n, p in (model or self.model).named_parameters() if p.requires_grad]
        decays = [p for _, p in named if update.decay == "all" or p.dim() >= 2]
        others = [p for _, p in named if not (update.decay == "all" or p.dim() >= 2)]
        groups = [(decays, update.weight_decay), (others, 0.0)]
        self.optimizer = torch.optim.AdamW(
            [{"params": parameters, "weight_decay": decay} for parameters, decay in groups if len(parameters) > 0],
            lr=update.lr,
            betas=(update.adam_beta1, update.adam_beta2),
            eps=update.adam_eps,
        )
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        rate = self.run.rate
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, lambda step: rate(self.run.start + step) / self.run.request.update.lr
        )
        return self.lr_scheduler

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """This micro-batch's share of the mean over the step's pairs, scaled so that averages make it exact.

        Gradients are averaged over processes and the loss over micro-batches: the share is multiplied by both.
        """
        losses, columns = self.losses_of(model, inputs)
        self.run.add_results(result_rows(inputs["indices"], columns))
        share = (losses.loss * inputs["shares"]).sum()
        return share * self.args.gradient_accumulation_steps * self.accelerator.num_processes

    def losses_of(
        self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]
    ) -> tuple[PairLosses, tuple[torch.Tensor, ...]]:
        """Of a micro-batch of `batch`; also the columns of PairResult."""
        objective = self.run.objective
        squares = None
        with self.run.autocast():
            if objective.needs_confidence:
                logprobs, squares, mask = token_logprobs_and_squares(model, inputs)
            else:
                logprobs, mask = token_logprobs(model, inputs)
        lengths = inputs["lengths"]
        pairs = PairLogps(
            logps=by_pair(summed(logprobs)),
            lengths=lengths,
            ref_logps=inputs["ref_logps"],
            weights=inputs["weights"],
            shared=by_pair(summed(logprobs * first_tokens(mask, lengths))) if objective.needs_shared else None,
            ref_shared=inputs.get("ref_shared"),
            confidence=None if squares is None else by_pair(summed(logprobs.detach() - squares)) / lengths,
            wins=inputs.get("wins"),
        )
        losses = pair_losses(pairs, objective)
        return losses, (pairs.logps, pairs.ref_logps, losses.z, losses.loss, losses.weight, losses.rewards)


def result_rows(indices: torch.Tensor, columns: Sequence[torch.Tensor]) -> torch.Tensor:
    """[B, COLUMNS]: per pair its index (-1: a filler), and the columns of PairResult."""
    columns = [c if c.dim() == 2 else c[:, None] for c in (indices.double(), *columns)]
    return torch.cat([c.detach().double() for c in columns], dim=1)


def by_pair(sides: torch.Tensor) -> torch.Tensor:
    """[2B], chosen then rejected, to [B, 2]."""
    return sides.reshape(2, -1).T


def collate_pairs(pairs: Sequence[Pair]) -> dict[str, torch.Tensor]:
    prompts = [pair.prompt_ids for pair in pairs]
    return collate(prompts * 2, [pair.chosen_ids for pair in pairs] + [pair.rejected_ids for pair in pairs])


class JobCallback(TrainerCallback):
    """Calls the run at the Trainer's events."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.run.begin()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.run.step_began = time.perf_counter()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.run.before_step(self.run.start + state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        # The Trainer logs its own summary after the last step as well.
        if logs is not None and "grad_norm" in logs:
            self.run.after_step(self.run.start + state.global_step, logs["grad_norm"])
