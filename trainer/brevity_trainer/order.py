"""Which pairs make each optimizer step, how a step is split over processes, and the learning rates.

Brevity's own engine makes the same choices: src/core/{seeds,schedule}.ts. The tests
compare this module with values computed there. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

MASK = 0xFFFFFFFF
UPDATE = 5  # SeedPurpose 'update' of src/core/seeds.ts


def _mix(value: int) -> int:
    """murmur3's finaliser on 32 bits."""
    h = value & MASK
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


def derive_seed(run_seed: int, purpose: int, *numbers: int) -> int:
    """A well-mixed 32-bit seed from a run's seed and what is drawn."""
    h = 0x9E3779B9
    for number in (run_seed, purpose, *numbers):
        h = _mix(h ^ _mix((number & MASK) ^ 0x85EBCA6B))
        h = (h * 5 + 0xE6546B64) & MASK
    return _mix(h)


class Random:
    """Mulberry32: a small generator with a 32-bit seed."""

    def __init__(self, seed: int) -> None:
        self._state = seed & MASK

    def _bits(self) -> int:
        self._state = (self._state + 0x6D2B79F5) & MASK
        t = self._state
        t = ((t ^ (t >> 15)) * (t | 1)) & MASK
        t ^= (t + (((t ^ (t >> 7)) * (t | 61)) & MASK)) & MASK
        return t ^ (t >> 14)

    def uniform(self) -> float:
        """Uniform in [0, 1), of 53 random bits."""
        high = self._bits()
        return (high * 2**21 + (self._bits() >> 11)) / 2**53

    def shuffle(self, items: list[int]) -> list[int]:
        """In place (Fisher-Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = math.floor(self.uniform() * (i + 1))
            items[i], items[j] = items[j], items[i]
        return items


def epoch_steps(pairs: int, batch_size: int, epoch: int, seed: int) -> list[list[int]]:
    """Indices of pairs for each step of one epoch, shuffled by the epoch's own seed; the last batch may be smaller."""
    order = Random(derive_seed(seed, UPDATE, epoch)).shuffle(list(range(pairs)))
    return [order[start : start + batch_size] for start in range(0, pairs, batch_size)]


def steps_from(start: int, total: int, pairs: int, batch_size: int, seed: int) -> Iterator[list[int]]:
    """The batches of steps `start` to `total` - 1, epoch by epoch."""
    per_epoch = math.ceil(pairs / batch_size)
    step = start
    while step < total:
        for batch in epoch_steps(pairs, batch_size, step // per_epoch, seed)[step % per_epoch :]:
            if step == total:
                return
            yield batch
            step += 1


def total_steps(pairs: int, batch_size: int, epochs: int, steps: int) -> int:
    """How many optimizer steps an update takes; `steps` > 0 decides by itself and repeats the pairs as needed."""
    return steps if steps > 0 else math.ceil(pairs / batch_size) * epochs


def is_evaluated(step: int, total: int, eval_steps: int) -> bool:
    """Whether the held-out pairs are evaluated after `step` steps: at the start, regularly, and after the last one."""
    every = eval_steps if eval_steps > 0 else math.ceil(total / 10)
    return step % every == 0 or step == total


def learning_rate(step: int, total: int, lr: float, warmup: float, schedule: str) -> float:
    """Warm-up from lr/warmup_steps to lr, then constant, linear to 0, or half a cosine to 0.

    `step` 0 is the first. One step ahead of transformers' get_scheduler, whose first step has learning rate 0.
    """
    warmup_steps = math.floor(warmup * total)
    if step < warmup_steps:
        return lr * (step + 1) / (warmup_steps + 1)
    progress = (step - warmup_steps) / max(1, total - warmup_steps)
    if schedule == "constant":
        return lr
    if schedule == "linear":
        return lr * (1 - progress)
    return lr * 0.5 * (1 + math.cos(math.pi * progress))


def micro_steps(batch_size: int, micro_batch: int, processes: int) -> int:
    """Micro-batches of each process per optimizer step: the same number for every step and process."""
    return math.ceil(batch_size / (micro_batch * processes))


def split_batch(indices: Sequence[int], lengths: Sequence[int], micros: int, processes: int) -> list[list[list[int]]]:
    """A step's pairs by process and micro-batch: groups of equal size (± 1) and like length, longest first.

    A group is empty if the batch has fewer pairs than there are groups; its process computes a pair of weight 0, since
    collectives need every process.

    lengths: positions of each pair's longer sequence, by pair
    returns: [process][micro-batch][pair]
    """
    ordered = sorted(indices, key=lambda index: (-lengths[index], index))
    groups = micros * processes
    size, larger = divmod(len(ordered), groups)
    result: list[list[list[int]]] = [[] for _ in range(processes)]
    start = 0
    for group in range(groups):
        end = start + size + (1 if group < larger else 0)
        result[group % processes].append(ordered[start:end])
        start = end
    return result
