"""Reads what Brevity wrote with the trackers' own readers, and prints it as JSON.

read_back.py tensorboard FOLDER | trackio PROJECT | wandb FOLDER
"""

import glob
import json
import os
import sys


def tensorboard(folder):
    """By subfolder: every scalar as [step, value], and the texts."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isdir(path):
            continue
        events = EventAccumulator(path, size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        scalars = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
        texts = {
            tag: tensor_util.make_ndarray(events.Tensors(tag)[-1].tensor_proto).item().decode()
            for tag in events.Tags()["tensors"]
        }
        plugin = events.PluginTagToContent("text") if texts else {}
        found[name] = {"scalars": scalars, "texts": texts, "text_tags": sorted(plugin)}
    return found


def trackio(project):
    from trackio.sqlite_storage import SQLiteStorage

    found = {}
    for name in SQLiteStorage.get_runs(project):
        rows = SQLiteStorage.get_logs(project, name)
        values = [[row["step"], {k: v for k, v in row.items() if "/" in k}] for row in rows]
        found[name] = {"points": values, "config": SQLiteStorage.get_run_config(project, name)}
    return found


def wandb_records(file):
    """The records of a .wandb file, in the framing of LevelDB's log; its Python reader left the package in 2026."""
    from wandb.proto import wandb_internal_pb2

    data, at, part = open(file, "rb").read(), 7, b""  # ":W&B", a magic number and a version
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # full, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            part = b""
            yield record


def wandb(folder):
    """By offline run: its id, name, group, config and history."""
    found = []
    for file in sorted(glob.glob(os.path.join(folder, "offline-run-*", "*.wandb"))):
        run, points = {}, []
        for record in wandb_records(file):
            if record.HasField("run"):
                one = record.run
                config = {item.key: json.loads(item.value_json) for item in one.config.update}
                run = {"id": one.run_id, "name": one.display_name, "group": one.run_group, "project": one.project}
                run |= {"kind": one.job_type, "config": config}
            if record.HasField("history"):
                items = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}
                points.append([record.history.step.num, {k: v for k, v in items.items() if "/" in k}])
        found.append(run | {"points": points})
    return found


print("\n" + json.dumps({"tensorboard": tensorboard, "trackio": trackio, "wandb": wandb}[sys.argv[1]](sys.argv[2])))
