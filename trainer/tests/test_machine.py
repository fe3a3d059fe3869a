"""The machine in status.json, with a stand-in for nvidia-smi."""

import stat
from pathlib import Path

import pytest

from brevity_trainer.machine import Machine


def stand_in(folder: Path, script: str) -> str:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_gpus(tmp_path: Path) -> None:
    lines = [
        "0, NVIDIA H100 80GB HBM3, 97, 61234, 81559, 312.45, 700.00, 61, Disabled",
        "1, NVIDIA H100 80GB HBM3, [N/A], 10240, 81559, [N/A], 700.00, 35, Enabled",
    ]
    machine = Machine(stand_in(tmp_path, "".join(f'echo "{line}"\n' for line in lines)))
    first = machine.sample()
    assert first["gpu_problem"] is None
    assert first["cpu_share"] is None
    assert [gpu["utilization"] for gpu in first["gpus"]] == [0.97, None]
    assert [gpu["mig"] for gpu in first["gpus"]] == [False, True]
    assert first["gpus"][1]["power_watts"] is None
    assert 0 < first["memory_used_mb"] < first["memory_total_mb"]
    assert first["process"]["memory_mb"] > 1


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ('echo "No devices were found"; exit 6', "no NVIDIA GPU: nvidia-smi failed: No devices were found"),
        ("echo odd", "no NVIDIA GPU: nvidia-smi finds no device"),
    ],
)
def test_none(tmp_path: Path, script: str, problem: str) -> None:
    assert Machine(stand_in(tmp_path, script)).sample()["gpu_problem"] == problem


def test_not_installed(tmp_path: Path) -> None:
    problem = Machine(str(tmp_path / "none")).sample()["gpu_problem"]
    assert problem == "no NVIDIA GPU: nvidia-smi is not installed here"
