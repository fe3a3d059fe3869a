"""What this machine is doing, for status.json: processor, memory, and GPUs through nvidia-smi.

Leaves out everything that would need a package beside PyTorch's. Off Linux only the number of cores is known.
"""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timezone
from typing import Any

QUERY = "index,name,utilization.gpu,memory.used,memory.total,power.draw,power.limit,temperature.gpu,mig.mode.current"
TIMEOUT_SECONDS = 10


class Machine:
    """Shares of time are since the sample before."""

    def __init__(self, nvidia_smi: str = "nvidia-smi") -> None:
        self._nvidia_smi = nvidia_smi
        self._before: tuple[float, float, float] | None = None

    def sample(self) -> dict[str, Any]:
        total, busy = _cpu_times()
        own = sum(os.times()[:2])
        share = cores = None
        if self._before is not None and total > self._before[0]:
            share = (busy - self._before[1]) / (total - self._before[0])
            cores = (own - self._before[2]) / (total - self._before[0]) * (os.cpu_count() or 1)
        self._before = (total, busy, own)
        memory = _memory()
        return {
            "at": datetime.now(timezone.utc).isoformat(),
            "cores": os.cpu_count() or 1,
            "cpu_share": share,
            "memory_used_mb": memory[1] - memory[2],
            "memory_total_mb": memory[1],
            "process": {"cpu_cores": cores, "memory_mb": memory[0]},
            **self._gpus(),
        }

    def _gpus(self) -> dict[str, Any]:
        command = [self._nvidia_smi, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
        try:
            out = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        except FileNotFoundError:
            return _none("nvidia-smi is not installed here")
        except (OSError, subprocess.TimeoutExpired) as error:
            return _none(f"nvidia-smi failed: {error}")
        if out.returncode != 0:
            said = (out.stdout + out.stderr).strip().split("\n")[0]
            return _none(f"nvidia-smi failed: {said[:160]}")
        gpus = [_gpu(line) for line in out.stdout.split("\n") if line.strip()]
        known = [gpu for gpu in gpus if gpu is not None]
        return {"gpus": known, "gpu_problem": None} if known else _none("nvidia-smi finds no device")


def _none(why: str) -> dict[str, Any]:
    return {"gpus": [], "gpu_problem": f"no NVIDIA GPU: {why}"}


def _gpu(line: str) -> dict[str, Any] | None:
    """A line of CSV; a name may have commas, and what the driver does not tell is `[N/A]` or the like."""
    if line.count(",") < QUERY.count(","):
        return None
    index, *name, share, used, total, power, limit, temperature, mig = [cell.strip() for cell in line.split(",")]
    if not index.isdigit() or not name:
        return None
    utilization = _number(share)
    return {
        "index": int(index),
        "name": ", ".join(name),
        "utilization": None if utilization is None else utilization / 100,
        "memory_used_mb": _number(used),
        "memory_total_mb": _number(total),
        "power_watts": _number(power),
        "power_limit_watts": _number(limit),
        "temperature": _number(temperature),
        "mig": mig == "Enabled",
    }


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _cpu_times() -> tuple[float, float]:
    """Seconds of one core, in all and busy."""
    try:
        with open("/proc/stat", encoding="ascii") as stream:
            times = [int(word) for word in stream.readline().split()[1:9]]
    except OSError:
        return 0.0, 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(times) / ticks, (sum(times) - times[3] - times[4]) / ticks


def _memory() -> tuple[float, float, float]:
    """Of this process, of the machine, and what of that is available; MiB."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            rows = dict(line.split(":", 1) for line in stream)
        with open("/proc/self/statm", encoding="ascii") as stream:
            pages = int(stream.read().split()[1])
    except OSError:
        return 0.0, 0.0, 0.0
    kib = {key: int(value.split()[0]) / 1024 for key, value in rows.items() if value.strip().endswith("kB")}
    own = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return own, kib["MemTotal"], kib.get("MemAvailable", kib["MemFree"])
