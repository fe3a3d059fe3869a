"""`python -m brevity_trainer DIR`: executes the update job in a folder.

Also under torchrun, `accelerate launch`, or with ranks started by srun (RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR,
MASTER_PORT). Exit codes: 0 done, stopped or aborted; 1 failed; 2 unusable arguments; 3 another executor has the job;
143 ended by SIGTERM or SIGUSR1 with a checkpoint to continue from.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .job import Job, Superseded
from .request import JobError, check_release, read_pairs, read_probes, read_request

if TYPE_CHECKING:
    from .run import Run

CONTINUE, DONE_BEFORE, TAKEN = 0, 1, 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="brevity_trainer", description="Executes a Brevity update job with PyTorch.")
    parser.add_argument("folder", type=Path, help="the job: request.json, pairs.jsonl")
    parser.add_argument("--fsdp", action="store_true", help="shard the model over the processes (FSDP2)")
    parser.add_argument("--deepspeed", metavar="FILE", help="a DeepSpeed configuration; `auto` values are filled in")
    parser.add_argument("--version", action="version", version=__version__)
    arguments = parser.parse_args()
    set_environment(arguments.fsdp, arguments.deepspeed)
    signalled: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda number, _frame: signalled.append(number))
    main_rank = os.environ.get("RANK", "0") == "0"
    try:
        if not (arguments.folder / "request.json").exists():
            print(f"brevity_trainer: there is no {arguments.folder / 'request.json'}", file=sys.stderr)
            return 1
        return execute(arguments.folder.resolve(), signalled, main_rank)
    except Superseded as error:
        if main_rank:
            print(f"brevity_trainer: {error}", file=sys.stderr)
        return 3


def set_environment(fsdp: bool, deepspeed: str | None) -> None:
    """Before torch and transformers are imported."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if fsdp:
        # accelerate's own variables, as `accelerate launch` sets them; the user's own count.
        os.environ["ACCELERATE_USE_FSDP"] = "true"
        os.environ.setdefault("FSDP_VERSION", "2")
        os.environ.setdefault("FSDP_AUTO_WRAP_POLICY", "TRANSFORMER_BASED_WRAP")
        os.environ.setdefault("FSDP_STATE_DICT_TYPE", "FULL_STATE_DICT")
        os.environ.setdefault("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    if deepspeed is not None:
        if not os.path.isfile(deepspeed):
            sys.exit(f"brevity_trainer: there is no DeepSpeed configuration {deepspeed}")
        os.environ["BREVITY_DEEPSPEED"] = deepspeed
    if "WORLD_SIZE" not in os.environ:
        # Without a launcher the Trainer would use DataParallel on all GPUs, whose loss is another one.
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[0]


def execute(folder: Path, signalled: list[int], main_rank: bool) -> int:
    job = Job(folder, f"brevity_trainer {__version__}")
    try:
        run = prepare(job)
    except JobError as error:
        # Before the processes can talk. Rank 0 reports, if the job is its own.
        if not main_rank:
            return 1
        if job.is_done():
            return say_done(job)
        job.claim()
        return fail(job, error, 0)
    code = admitted(job, run)
    if code == DONE_BEFORE:
        return say_done(job) if main_rank else 0
    if code == TAKEN:
        return 3
    return train(job, run, signalled)


def prepare(job: Job) -> Run:
    """Reads the folder and starts the process group."""
    check_release(job.folder, __version__)
    request = read_request(job.folder)
    pairs = read_pairs(job.folder, request)
    probes = read_probes(job.folder)
    try:
        import accelerate
        import torch
        import transformers

        from . import run
    except ImportError as error:
        raise JobError(
            f"this Python ({sys.executable}) cannot import what the trainer needs, torch, transformers, accelerate and "
            f"safetensors: {error}; install them with pip"
        ) from None
    versions = (
        f"torch {torch.__version__}, transformers {transformers.__version__}, accelerate {accelerate.__version__}"
    )
    job.executor = f"brevity_trainer {__version__} ({versions})"
    return run.Run(job, request, pairs, probes)


def admitted(job: Job, run: Run) -> int:
    """Rank 0 decides for all whether this attempt is theirs."""
    import torch
    from accelerate.utils import gather

    code = CONTINUE
    if run.main:
        try:
            if job.is_done():
                code = DONE_BEFORE
            else:
                job.claim()
                job.check_attempt(run.request.id)
        except Superseded as error:
            print(f"brevity_trainer: {error}", file=sys.stderr)
            code = TAKEN
    return int(gather(torch.tensor([code], device=run.args.device)).max())


def train(job: Job, run: Run, signalled: list[int]) -> int:
    from .run import Interrupted, device_name, memory_mb

    run.signals = signalled
    if run.main:
        job.start_status(processes=run.processes, device=device_name(run.args))
    try:
        outcome = run.execute()
    except Interrupted:
        if run.main:
            print(f"ended by a signal after step {run.steps}; a later attempt continues from there", flush=True)
        return 143
    except JobError as error:
        return fail(job, error, run.steps)
    finally:
        job.end_status()
    if run.main:
        if outcome == "aborted":
            job.discard()
        job.finish(outcome, run.steps, memory_mb(run.args.device), run.probe_results(outcome))
        print(f"{outcome} after {run.steps} steps", flush=True)
    return 0


def fail(job: Job, error: JobError, steps: int) -> int:
    print(f"brevity_trainer: {error}", file=sys.stderr, flush=True)
    job.fail(str(error), steps)
    return 1


def say_done(job: Job) -> int:
    print(f"{job.folder} is done already: {job.folder / 'done.json'} exists", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
