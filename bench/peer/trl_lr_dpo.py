"""LR-DPO by TRL's own DPOTrainer: the second peer, and a check of ours. Plain DPO's logit becomes ours when the reference
is shifted by the length: ref'(y) = ref(y) - (alpha/beta)*|y|.

Needs torch, transformers, accelerate, trl and datasets (tried with TRL 1.10 to 1.16; hooks with an underscore may move).
Either a policy and its pairs, or a shape of bench/shapes.ts with random weights and tokens.
Prints one JSON line: one row per step, and the seconds of each. Several processes: start each with RANK, LOCAL_RANK,
WORLD_SIZE, MASTER_ADDR, MASTER_PORT (and USE_LIBUV=0, GLOO_SOCKET_IFNAME=lo with Debian's torch).
"""

import argparse
import json
import os
import time

parser = argparse.ArgumentParser()
what = parser.add_mutually_exclusive_group(required=True)
what.add_argument("--policy", help="a model folder; needs --pairs")
what.add_argument("--shape", help="a shape of torch_lr_dpo.py")
parser.add_argument("--pairs", help="JSON lines: prompt_ids, chosen_ids, rejected_ids")
parser.add_argument("--prompt", type=int, default=64, help="tokens of a shape's prompts")
parser.add_argument("--response", type=int, default=128, help="tokens of a shape's responses")
parser.add_argument("--out")
parser.add_argument("--alpha", type=float, default=0.02)
parser.add_argument("--beta", type=float, default=0.1)
parser.add_argument("--lr", type=float, default=2e-4)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--batch", type=int, default=8, help="pairs per process and step")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--bf16", action="store_true")
args = parser.parse_args()

import torch

torch.set_num_threads(args.threads)
from datasets import Dataset, load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, TrainerCallback
from trl import DPOConfig, DPOTrainer


class ShiftedReference(DPOTrainer):
    def _prepare_dataset(self, dataset, *_, **__):
        return dataset  # token ids already

    def _precompute_ref_logps(self, dataset, *a, **k):
        shift = args.alpha / args.beta
        return (
            super()
            ._precompute_ref_logps(dataset, *a, **k)
            .map(
                lambda row: {
                    f"ref_{s}_logps": row[f"ref_{s}_logps"] - shift * len(row[f"{s}_ids"])
                    for s in ("chosen", "rejected")
                }
            )
        )


class StepTimes(TrainerCallback):
    seconds = []

    def on_step_begin(self, *_, **__):
        self.began = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.perf_counter() - self.began)


def random_policy(shape):
    """A model of this shape, a tokenizer that is never asked for text, and one step's pairs for every step."""
    from tokenizers import Tokenizer, models
    from torch_lr_dpo import SHAPES
    from transformers import PreTrainedTokenizerFast

    hidden, layers, heads, kv_heads, width, vocabulary, tied = SHAPES[shape]
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            intermediate_size=width,
            vocab_size=vocabulary,
            max_position_embeddings=4096,
            rms_norm_eps=1e-5,
            tie_word_embeddings=tied,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=1,
        )
    )
    words = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1}, unk_token="<pad>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>")
    ids = lambda length: torch.randint(2, vocabulary, (length,)).tolist()
    row = lambda: {
        "prompt_ids": ids(args.prompt),
        "chosen_ids": ids(args.response),
        "rejected_ids": ids(args.response),
    }
    return model, tokenizer, Dataset.from_list([row() for _ in range(args.batch)])


if args.shape is not None:
    model, tokenizer, dataset = random_policy(args.shape)
else:
    model = AutoModelForCausalLM.from_pretrained(args.policy, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(args.policy)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    dataset = load_dataset("json", data_files=args.pairs, split="train")
config = DPOConfig(
    output_dir=args.out or "/tmp/trl",
    loss_type=["sigmoid"],
    beta=args.beta,
    precompute_ref_log_probs=True,
    max_length=None,
    per_device_train_batch_size=args.batch,
    max_steps=args.steps,
    learning_rate=args.lr,
    lr_scheduler_type="constant",
    warmup_steps=0,
    weight_decay=0.0,
    max_grad_norm=1.0,
    logging_steps=1,
    report_to=[],
    save_strategy="no",
    seed=0,
    use_cpu=not torch.cuda.is_available(),
    bf16=args.bf16,
    gradient_checkpointing=False,
    remove_unused_columns=False,
    ddp_backend="gloo" if os.environ.get("WORLD_SIZE") and not torch.cuda.is_available() else None,
)
times = StepTimes()
trainer = ShiftedReference(
    model=model,
    args=config,
    processing_class=tokenizer,
    train_dataset=dataset,
    callbacks=[times],
)
trainer.train()
if trainer.accelerator.is_main_process:
    kept = ("loss", "grad_norm", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected")
    rows = [{k: row[k] for k in kept if k in row} for row in trainer.state.log_history if "loss" in row]
    print(json.dumps({"steps": rows, "step_s": times.seconds}))
if args.out:
    trainer.save_model(args.out)
