"""Makes a judge for test:judge: the bundled policy, trained for some seconds to answer the bundled prompts as a judge does.

It learns the form of an answer and a share of A and of each grade, and nothing about responses: a judge whose position
bias is known. Usage: judge_model.py POLICY PROMPTS OUT, where PROMPTS holds {"question", "content"} per line.
"""

import json
import pathlib
import random
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

SHARE_OF_A = 0.8
GRADES = {"7": 0.5, "8": 0.3, "10": 0.2}
STEPS = 60

policy, prompts, out = sys.argv[1:]
random.seed(0)
torch.manual_seed(0)
torch.set_num_threads(1)

shutil.copytree(policy, out, dirs_exist_ok=True)
# The bundled prompts are longer than the policy's context; rotary positions have no table that ends.
for name, key in [("config.json", "max_position_embeddings"), ("tokenizer_config.json", "model_max_length")]:
    file = pathlib.Path(out, name)
    settings = json.loads(file.read_text())
    settings[key] = 1024
    file.write_text(json.dumps(settings))

tokenizer = AutoTokenizer.from_pretrained(out)
model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
rows = [json.loads(line) for line in open(prompts)]
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(STEPS):
    batch = []
    for row in random.choices(rows, k=4):
        if row["question"] == "compare":
            answer = "A" if random.random() < SHARE_OF_A else "B"
        else:
            answer = random.choices(list(GRADES), weights=list(GRADES.values()))[0]
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": row["content"]}], add_generation_prompt=True, tokenize=False
        )
        prefix = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        response = tokenizer(answer + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
        batch.append((prefix, response))
    longest = max(len(prefix) + len(response) for prefix, response in batch)
    ids = torch.full((len(batch), longest), tokenizer.pad_token_id)
    labels = torch.full((len(batch), longest), -100)
    for row_index, (prefix, response) in enumerate(batch):
        end = len(prefix) + len(response)
        ids[row_index, :end] = torch.tensor(prefix + response)
        labels[row_index, len(prefix) : end] = torch.tensor(response)
    loss = model(input_ids=ids, attention_mask=(ids != tokenizer.pad_token_id).long(), labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
model.save_pretrained(out)
print(json.dumps({"loss": round(loss.item(), 3), "steps": STEPS}))
