"""Changes to libraries that tests need, by name."""

from __future__ import annotations


def fsdp_on_cpu() -> None:
    """accelerate offers FSDP on GPUs alone, while torch's FSDP2 computes on CPUs with gloo too: says that this is a GPU."""
    import torch
    from accelerate.state import DistributedType, PartialState

    import brevity_trainer.trainer

    brevity_trainer.trainer.uses_cpu = lambda: False
    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)

    def set_device(self: PartialState) -> None:
        self.device = torch.device("cpu")

    PartialState.set_device = set_device


def without_peft() -> None:
    import sys

    sys.modules["peft"] = None


def without_torch() -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("brevity_trainer.trainer")]:
        del sys.modules[name]
    sys.modules["transformers"] = None
