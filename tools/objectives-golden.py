"""Writes test/golden/objectives.json: losses and gradients of every objective on the models of test/golden/llama-tied-gqa.

    python3 tools/objectives-golden.py    # torch, transformers, safetensors

Written from the papers' formulas with PyTorch's autograd, in float64. Leaves out our code on purpose.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers

GOLDEN = Path(__file__).resolve().parent.parent / "test" / "golden"
MODEL = GOLDEN / "llama-tied-gqa"
torch.set_num_threads(1)
torch.manual_seed(0)


def load(name):
    return transformers.AutoModelForCausalLM.from_pretrained(
        MODEL / name, dtype=torch.float64, attn_implementation="eager"
    ).eval()


policy, reference = load("policy"), load("model")


def tokens_of(model, prompt, response):
    """Per response token: log pi(token) and log sum_v pi(v)^2."""
    logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
    every = F.log_softmax(logits, dim=-1)
    token = every.gather(1, torch.tensor(response)[:, None])[:, 0]
    return token, torch.logsumexp(2 * every, dim=-1)


class Side:
    def __init__(self, prompt, response):
        self.n = len(response)
        self.policy, self.log_squares = tokens_of(policy, prompt, response)
        with torch.no_grad():
            self.reference, _ = tokens_of(reference, prompt, response)
        self.ratio = (self.policy - self.reference).sum()


def cross_entropy(z, eps):
    """Preference z with a share eps of wrong labels: conservative DPO."""
    return -(1 - eps) * F.logsigmoid(z) - eps * F.logsigmoid(-z)


def simpo(w, l, s):
    z = s["beta"] * (w.policy.mean() - l.policy.mean() - s["gamma_ratio"]) + s["alpha"] * (w.n - l.n)
    return cross_entropy(z, s["label_smoothing"])


def dpo_logit(w, l, s):
    return s["beta"] * (w.ratio - l.ratio) + s["alpha"] * (w.n - l.n)


def wpo(w, l, s):
    confidence = sum((side.policy - side.log_squares).mean() for side in (w, l))
    weight = torch.clamp(torch.exp(confidence.detach()), max=1)
    return weight * cross_entropy(dpo_logit(w, l, s), s["label_smoothing"])


def ld_dpo(w, l, s):
    shared = min(w.n, l.n)

    def scaled(side):
        factor = torch.tensor([1.0 if t < shared else s["ld_scale"] for t in range(side.n)], dtype=torch.float64)
        return (factor * (side.policy - side.reference)).sum()

    z = s["beta"] * (scaled(w) - scaled(l)) + s["alpha"] * (w.n - l.n)
    return cross_entropy(z, s["label_smoothing"])


def robust(w, l, s):
    z, eps = dpo_logit(w, l, s), s["label_smoothing"]
    return (-(1 - eps) * F.logsigmoid(z) + eps * F.logsigmoid(-z)) / (1 - 2 * eps)


def sppo(w, l, s, p_w, p_l):
    return 0.5 * ((w.ratio - (p_w - 0.5) / s["beta"]) ** 2 + (l.ratio - (p_l - 0.5) / s["beta"]) ** 2)


OBJECTIVES = {
    "lr-dpo": lambda w, l, s: cross_entropy(dpo_logit(w, l, s), s["label_smoothing"]),
    "dpo": lambda w, l, s: cross_entropy(s["beta"] * (w.ratio - l.ratio), s["label_smoothing"]),
    "dpo-norm": lambda w, l, s: cross_entropy(
        s["beta"] * (w.ratio / w.n - l.ratio / l.n) + s["alpha"] * (w.n - l.n), s["label_smoothing"]
    ),
    "simpo": simpo,
    "sppo": sppo,
    "wpo": wpo,
    "ld-dpo": ld_dpo,
    "ipo": lambda w, l, s: (w.ratio / w.n - l.ratio / l.n - 1 / (2 * s["beta"])) ** 2,
    "hinge": lambda w, l, s: torch.relu(1 - s["beta"] * (w.ratio - l.ratio)),
    "robust": robust,
    "apo-zero": lambda w, l, s: 1 - torch.sigmoid(s["beta"] * w.ratio) + torch.sigmoid(s["beta"] * l.ratio),
    "apo-down": lambda w, l, s: torch.sigmoid(s["beta"] * w.ratio)
    + 1
    - torch.sigmoid(s["beta"] * (w.ratio - l.ratio)),
}

NEUTRAL = {"alpha": 0, "gamma_ratio": 0, "ld_scale": 1, "label_smoothing": 0, "nll_weight": 0}
WEIGHTS = [0.5, 0, 2, 1.25]
CASES = [
    {"name": "DPO", "objective": "dpo", "beta": 0.1},
    {"name": "DPO, smoothed labels", "objective": "dpo", "beta": 0.1, "label_smoothing": 0.1},
    {"name": "length-normalized DPO, open-instruct", "objective": "dpo-norm", "beta": 5},
    {"name": "length-normalized DPO with the length term", "objective": "dpo-norm", "beta": 5, "alpha": 0.02},
    {"name": "SimPO, Llama-3-Instruct", "objective": "simpo", "beta": 2.5, "gamma_ratio": 0.55},
    {"name": "SimPO, v0.2", "objective": "simpo", "beta": 10, "gamma_ratio": 0.3},
    {"name": "SimPO with all settings", "objective": "simpo", "beta": 2, "gamma_ratio": 0.5, "alpha": 0.02, "label_smoothing": 0.1},
    {"name": "SPPO", "objective": "sppo", "beta": 1e-3},
    {"name": "WPO, Llama-3", "objective": "wpo", "beta": 0.01, "pairs": "sampled"},
    {"name": "WPO of unlikely responses", "objective": "wpo", "beta": 0.1, "alpha": 0.02, "label_smoothing": 0.1},
    {"name": "LD-DPO", "objective": "ld-dpo", "beta": 0.1, "ld_scale": 0.5},
    {"name": "LD-DPO with the length term", "objective": "ld-dpo", "beta": 0.1, "ld_scale": 0, "alpha": 0.02},
    {"name": "IPO", "objective": "ipo", "beta": 0.1},
    {"name": "hinge", "objective": "hinge", "beta": 0.5},
    {"name": "robust DPO", "objective": "robust", "beta": 0.1, "label_smoothing": 0.1},
    {"name": "APO-zero", "objective": "apo-zero", "beta": 0.1},
    {"name": "APO-down", "objective": "apo-down", "beta": 0.1},
    {"name": "LR-DPO, NLL and weights", "objective": "lr-dpo", "beta": 0.1, "alpha": 0.02, "nll_weight": 0.2, "weights": WEIGHTS},
    {"name": "SimPO, NLL", "objective": "simpo", "beta": 2.5, "gamma_ratio": 0.55, "nll_weight": 1},
    {"name": "LD-DPO, NLL and weights", "objective": "ld-dpo", "beta": 0.1, "ld_scale": 0.5, "nll_weight": 0.2, "weights": WEIGHTS},
    {"name": "WPO, NLL and weights", "objective": "wpo", "beta": 0.01, "nll_weight": 0.2, "weights": WEIGHTS, "pairs": "sampled"},
    {"name": "SPPO, weights", "objective": "sppo", "beta": 1e-3, "weights": WEIGHTS},
]  # fmt: skip

# Of K = 5 responses to each pair's prompt; the first is chosen, the last rejected.
REWARDS = [
    [2.1, 1.2, 0.4, -0.3, -1.5],
    [0.9, 0.7, 0.7, 0.1, -0.2],
    [3.5, 0.2, 0.1, 0.0, -4.0],
    [0.3, 0.25, 0.2, 0.15, 0.1],
]


def win_probability(i, rewards):
    return sum(1 / (1 + math.exp(other - rewards[i])) for other in rewards) / len(rewards)


@torch.no_grad()
def sampled(prompt, length, temperature):
    ids = list(prompt)
    for _ in range(length):
        logits = policy(torch.tensor([ids])).logits[0, -1]
        choice = logits.argmax() if temperature == 0 else torch.multinomial(torch.softmax(logits / temperature, -1), 1)[0]
        ids.append(int(choice))
    return ids[len(prompt) :]


def digits(x):
    return float(f"{float(x):.10g}")


def compute(case, pairs):
    settings = {**NEUTRAL, **{key: value for key, value in case.items() if key == "beta" or key in NEUTRAL}}
    policy.zero_grad()
    losses, extras = [], []
    for i, pair in enumerate(pairs):
        w, l = (Side(pair["prompt"], pair[side]) for side in ("chosen", "rejected"))
        wins = [win_probability(j, REWARDS[i]) for j in (0, 4)] if case["objective"] == "sppo" else []
        loss = OBJECTIVES[case["objective"]](w, l, settings, *wins) - settings["nll_weight"] * w.policy.mean()
        losses.append(case.get("weights", [1] * len(pairs))[i] * loss)
    mean = sum(losses) / len(losses)
    mean.backward()
    norms = {name: float(p.grad.norm()) for name, p in policy.named_parameters()}
    total = math.sqrt(sum(norm**2 for norm in norms.values()))
    return {
        **case,
        "losses": [digits(x.detach()) for x in losses],
        "loss": digits(mean.detach()),
        "grad_norm": digits(total),
        "grad_norms": {name: digits(norm) for name, norm in norms.items()},
    }


golden = json.loads((MODEL / "golden.json").read_text())["lr_dpo"]["pairs"]
# Greedy and colder responses reach WPO's clamp, hotter ones do not.
TEMPERATURES = [(1, 1), (0, 0.5), (1.3, 1.6), (1.6, 1.3)]
likely = [
    {
        "prompt": pair["prompt"],
        "chosen": sampled(pair["prompt"], 5 + 2 * i, TEMPERATURES[i][0]),
        "rejected": sampled(pair["prompt"], 11 - 2 * i, TEMPERATURES[i][1]),
    }
    for i, pair in enumerate(golden)
]
result = {
    "source": f"torch {torch.__version__}, transformers {transformers.__version__}, float64",
    "rewards": REWARDS,
    "win_probabilities": [[win_probability(i, row) for i in range(len(row))] for row in REWARDS],
    "sampled_pairs": likely,
    "cases": [compute(case, likely if case.get("pairs") == "sampled" else golden) for case in CASES],
}


def text(value):
    """One line per case."""
    if not (isinstance(value, list) and isinstance(value[0], dict)):
        return json.dumps(value)
    return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"


lines = [f" {json.dumps(key)}: {text(value)}" for key, value in result.items()]
(GOLDEN / "objectives.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
for case in result["cases"]:
    print(f"{case['name']:45} loss {case['loss']:<16} grad {case['grad_norm']:<16} {case['losses']}")
