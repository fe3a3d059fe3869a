"""Order, learning rates and the adapter's start against values of Brevity's TypeScript (expected.json)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from brevity_trainer.model import alea, lora_start
from brevity_trainer.order import (
    UPDATE,
    Random,
    derive_seed,
    epoch_steps,
    learning_rate,
    micro_steps,
    split_batch,
    steps_from,
    total_steps,
)

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text())


@pytest.mark.parametrize("case", EXPECTED["random"], ids=lambda case: str(case["seed"]))
def test_random_generator(case):
    generator = Random(case["seed"])
    assert [generator.uniform() for _ in case["uniforms"]] == case["uniforms"]
    assert [derive_seed(case["seed"], UPDATE, epoch) for epoch in range(3)] == case["derived"]


@pytest.mark.parametrize("case", EXPECTED["orders"], ids=lambda case: f"{case['pairs']}-{case['epoch']}")
def test_order_of_pairs(case):
    assert epoch_steps(case["pairs"], case["batchSize"], case["epoch"], case["seed"]) == case["steps"]


@pytest.mark.parametrize("case", EXPECTED["schedules"], ids=lambda case: f"{case['schedule']}-{case['warmup']}")
def test_learning_rates(case):
    rates = [
        learning_rate(step, case["total"], 3e-4, case["warmup"], case["schedule"]) for step in range(case["total"])
    ]
    # cos may differ in its last bit.
    assert rates == pytest.approx(case["rates"], rel=1e-14, abs=1e-20)


@pytest.mark.parametrize("case", EXPECTED["totals"], ids=lambda case: str(case["total"]))
def test_number_of_steps(case):
    assert total_steps(case["pairs"], case["batch_size"], case["epochs"], case["steps"]) == case["total"]


@pytest.mark.parametrize("case", EXPECTED["groups"], ids=lambda case: str(case["size"]))
def test_one_process_has_the_engines_micro_batches(case):
    """The same order. Sizes may differ: groups are as equal as they can be, the engine's last one is smaller."""
    micros = micro_steps(7, case["size"], 1)
    (groups,) = split_batch(range(7), EXPECTED["lengths"], micros, 1)
    assert sum(groups, []) == sum(case["groups"], [])
    assert len(groups) == len(case["groups"]) and max(map(len, groups)) <= case["size"]


@pytest.mark.parametrize("pairs,micro_batch,processes", [*itertools.product([1, 2, 7, 8, 64], [1, 3, 8], [1, 2, 3, 8])])
def test_every_pair_is_computed_once(pairs, micro_batch, processes):
    micros = micro_steps(64, micro_batch, processes)
    parts = split_batch(range(pairs), [index % 5 for index in range(pairs)], micros, processes)
    assert [len(part) for part in parts] == [micros] * processes
    groups = sum(parts, [])
    assert sorted(sum(groups, [])) == list(range(pairs))
    assert max(map(len, groups)) <= micro_batch
    assert max(map(len, groups)) - min(map(len, groups)) <= 1


@pytest.mark.parametrize("start", range(7))
def test_steps_continue_anywhere(start):
    """10 pairs in batches of 4: three steps per epoch; 7 steps end inside the third epoch."""
    whole = [batch for epoch in range(3) for batch in epoch_steps(10, 4, epoch, 7)][:7]
    assert list(steps_from(start, 7, 10, 4, 7)) == whole[start:]


@pytest.mark.parametrize("case", EXPECTED["loraStarts"], ids=lambda case: str(case["seed"]))
def test_adapters_start_as_in_the_engine(case):
    start = lora_start(case["inputs"], case["rank"], case["seed"])
    assert start.shape == (case["inputs"], case["rank"])
    # Both are float32 of the same float64.
    assert start.flatten()[: len(case["values"])].tolist() == pytest.approx(case["values"], rel=1e-7)


def test_alea_is_uniform():
    draws = list(itertools.islice(alea("3"), 10_000))
    assert min(draws) >= 0 and max(draws) < 1
    assert sum(draws) / len(draws) == pytest.approx(0.5, abs=0.02)
