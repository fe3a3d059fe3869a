"""Changes to libraries that tests need, by name."""

from __future__ import annotations


def fsdp_on_cpu() -> None:
    """accelerate offers FSDP on GPUs alone, while torch's FSDP2 computes on CPUs with gloo too: claims a GPU."""
    import torch
    import transformers.training_args
    from accelerate.state import DistributedType, PartialState

    import brevity_trainer.run

    brevity_trainer.run.uses_cpu = lambda: False
    torch.cuda.is_bf16_supported = lambda: True
    transformers.training_args.is_torch_bf16_gpu_available = lambda: True
    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)

    def set_device(self: PartialState) -> None:
        self.device = torch.device("cpu")

    PartialState.set_device = set_device


def without_peft() -> None:
    import sys

    sys.modules["peft"] = None


def without_torch() -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("brevity_trainer.run")]:
        del sys.modules[name]
    sys.modules["transformers"] = None
