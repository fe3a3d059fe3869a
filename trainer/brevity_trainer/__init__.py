"""Executes Brevity's update jobs with PyTorch: one update of a policy on preference pairs, on one or many GPUs.

request.py     what is read from the job folder
job.py         what is written there: status, metrics, done; the control file
machine.py     processor, memory and GPUs, for the status
order.py       which pairs make each step, in Brevity's order, and the learning rates
loss.py        the losses of all objectives, and log-probabilities of given responses
model.py       policies: loading, LoRA adapters, saving
trainer.py     training on transformers.Trainer
run.py         one update of one job, from its reference to the new policy
checks.py      metrics, and the checks of z, probes and finite numbers
checkpoint.py  the state of an unfinished update, in safetensors
__main__.py    the command
"""

__version__ = "0.1.0"
