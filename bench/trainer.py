"""Figures of trainer/ beside Brevity's engine, TRL and test/golden, into bench/results/trainer.json.

    npm run build && PYTHON bench/trainer.py

PYTHON has torch, transformers, accelerate, peft, trl, datasets and pytest. On a CPU this takes a few minutes.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "trainer"), str(ROOT / "trainer" / "tests")]
# Compiled modules are kept, as each process imports thousands.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPATH"] = f"{ROOT / 'trainer'}:{ROOT / 'trainer' / 'tests'}"

from conftest import CAUSAL, PAIRS, POLICY, done_of, execute, free_port, read_rows  # noqa: E402
from test_golden import adamw_differences, adamw_job, lr_dpo_differences  # noqa: E402
from test_update import HOW, JOBS  # noqa: E402

KEPT = ("loss", "grad_norm", "rewards/margins", "logps/chosen", "logps/rejected")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="brevity-trainer-"))
    try:
        results = {"machine": machine(), "table": table(folder), "engine": engine(folder), "golden": golden(folder)}
    finally:
        shutil.rmtree(folder)
    file = ROOT / "bench" / "results" / "trainer.json"
    file.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written: {file}")


def machine() -> dict:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    packages = ("torch", "transformers", "accelerate", "peft", "trl", "datasets", "safetensors")
    return {
        "date": date.today().isoformat(),
        "processor": names[0].split(":")[1].strip() if names else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
    }


def kept(rows: list[dict]) -> list[dict]:
    return [{key: row[key] for key in KEPT if key in row} for row in rows]


def table(folder: Path) -> dict:
    """Three steps of 8 pairs of the bundled policy: α 0.07, β 0.1, lr 2e-4, clip 1, no weight decay, one thread."""
    flags = "--alpha 0.07 --beta 0.1 --lr 2e-4 --steps 3 --schedule constant --warmup 0 --clip 1 --batch-size 8"
    command = ["node", str(ROOT / "dist/src/cli.js"), "update", "--policy", str(POLICY), "--pairs", str(PAIRS)]
    command += [*flags.split(), "--backend", "native", "--threads", "1", "--out", str(folder / "native")]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result = {"brevity, native": {"steps": kept([json.loads(line) for line in text.splitlines()])}}
    for how, options in HOW.items():
        job = execute(JOBS["table"](folder / f"table {how}"), **options)
        rows = read_rows(job / "metrics.jsonl")
        seconds = [round(row["tokens"] / row["tokens_per_second"], 4) for row in rows]
        facts = {"memory_mb": round(done_of(job)["memory_mb"]), "z_error": done_of(job)["z_error"]}
        result[f"trainer, {how}"] = {"steps": kept(rows), "step_s": seconds, **facts}
    for processes in (1, 2):
        name = "TRL, 1 process" if processes == 1 else f"TRL, {processes} processes, DDP"
        result[name] = trl(folder, processes)
    return result


def trl(folder: Path, processes: int) -> dict:
    script = ROOT / "bench" / "peer" / "trl_lr_dpo.py"
    command = [sys.executable, str(script), "--policy", str(POLICY), "--pairs", str(PAIRS), "--alpha", "0.07"]
    command += ["--threads", "1", "--batch", str(8 // processes)]
    port = str(free_port())
    running = []
    for rank in range(processes):
        env = dict(os.environ)
        env["HF_DATASETS_CACHE"] = str(folder / "datasets")
        if processes > 1:
            env |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
            env |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        running.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    outputs = [process.communicate() for process in running]
    if any(process.returncode != 0 for process in running):
        raise SystemExit(f"TRL failed:\n{outputs[0][1][-3000:]}")
    found = json.loads(outputs[0][0].splitlines()[-1])
    return {"steps": kept(found["steps"]), "step_s": [round(seconds, 4) for seconds in found["step_s"]]}


def engine(folder: Path) -> dict:
    """Largest differences from `brevity update` (trainer/tests/expected.json) over all steps, and of the saved policy."""
    import torch
    from test_update import EXPECTED, differences, final_logps

    result = {}
    for name, make in JOBS.items():
        for how, options in HOW.items():
            job = folder / f"{name} {how}"
            if not job.exists():
                execute(make(job), **options)
            found = differences(read_rows(job / "metrics.jsonl"), EXPECTED[name]["rows"])
            final = torch.tensor(EXPECTED[name]["final"], dtype=torch.float64)
            figures = {
                "loss": found["loss"],
                "grad_norm_relative": found["grad_norm"],
                "logps": max(found["logps/chosen"], found["logps/rejected"]),
                "final_logps": (final_logps(job / "policy") - final).abs().max().item(),
            }
            result.setdefault(name, {})[how] = figures
    return result


def golden(folder: Path) -> dict:
    """Largest differences from test/golden, by model."""
    result = {}
    for name in CAUSAL:
        job = execute(adamw_job(name, folder / name))
        result[name] = {"lr_dpo": lr_dpo_differences(name), "adamw": adamw_differences(name, job)}
    return result


if __name__ == "__main__":
    main()
