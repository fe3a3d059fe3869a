"""Writes test/golden/beam.json: transformers' beam search on the models of test/golden.

    python3 tools/beam-golden.py    # torch, transformers

Leaves out our code on purpose. Every case runs alone, without padding, in float64 so that near ties do not depend on rounding.
"""

import json
from pathlib import Path

import torch
import transformers

GOLDEN = Path(__file__).resolve().parent.parent / "test" / "golden"
torch.set_num_threads(1)

# Without end-of-turn tokens a search ends at the limit; with many, early and often.
EVEN, ODD, SOME = list(range(0, 260, 2)), list(range(1, 260, 2)), list(range(0, 260, 9))
CASES = [
    {"beams": 4, "length_penalty": 1.0, "max_new_tokens": 12, "eos": []},
    {"beams": 4, "length_penalty": 1.0, "max_new_tokens": 12, "eos": EVEN},
    {"beams": 4, "length_penalty": 0.0, "max_new_tokens": 12, "eos": ODD},
    {"beams": 3, "length_penalty": 2.0, "max_new_tokens": 10, "eos": EVEN},
    {"beams": 5, "length_penalty": 0.5, "max_new_tokens": 8, "eos": SOME},
    {"beams": 2, "length_penalty": -1.0, "max_new_tokens": 8, "eos": ODD},
    {"beams": 1, "length_penalty": 1.0, "max_new_tokens": 8, "eos": SOME},
]  # fmt: skip
PROMPTS = [[3, 50, 60], [5, 17, 200, 31, 8, 90, 41], [1]]
MODELS = ["llama-tied-gqa", "llama3-rope-untied", "mistral", "qwen2", "qwen3", "gpt2", "gpt-neox"]


def search(model, prompt, case):
    ids = torch.tensor([prompt])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        num_beams=case["beams"],
        length_penalty=case["length_penalty"],
        max_new_tokens=case["max_new_tokens"],
        eos_token_id=case["eos"] or None,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
    )
    response = out.sequences[0, len(prompt) :].tolist()
    # One beam is greedy decoding in transformers, which has no score.
    score = out.sequences_scores[0].item() if case["beams"] > 1 else None
    return {"ids": response, "score": score}


def main():
    results = []
    for name in MODELS:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            GOLDEN / name / "model", dtype=torch.float64, attn_implementation="eager"
        ).eval()
        model.generation_config = transformers.GenerationConfig(pad_token_id=0)
        for case in CASES:
            results.append({"model": name, **case, "responses": [search(model, p, case) for p in PROMPTS]})
    out = {"prompts": PROMPTS, "cases": results}
    (GOLDEN / "beam.json").write_text(json.dumps(out) + "\n")
    print(f"{len(results)} cases with transformers {transformers.__version__}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
