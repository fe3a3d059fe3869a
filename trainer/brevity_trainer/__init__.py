"""Executes Brevity's update jobs with PyTorch: one LR-DPO update of a policy on pairs, on one or many GPUs.

contract.py    the job folder: request, pairs, control, status, metrics, done
order.py       which pairs make each step, in Brevity's order, and the learning rates
loss.py        the LR-DPO loss, and log-probabilities of given responses
model.py       policies: loading, LoRA adapters, saving
checkpoint.py  the state of an unfinished update, in safetensors
trainer.py     the update itself, on transformers.Trainer
__main__.py    the command
"""

__version__ = "0.1.0"
