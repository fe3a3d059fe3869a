/**
 * The Python program that writes to W&B and trackio, which have no maintained JavaScript library. It gets one message per
 * line and answers each with one line. What the packages print goes to standard error.
 *
 * Messages: {"open": {id, name, group, kind, config}} begins or resumes a tracker run and answers {"step": its last step or
 * null}; {"points": [{step, values}]} answers {"ok": true}; the end of the input ends the run. A failure answers {"error"}.
 */
export const trackerProgram = `
import json, os, sys

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

def answer(**fields):
    answers.write(json.dumps(fields) + "\\n")
    answers.flush()

class Wandb:
    def __init__(self, settings):
        import wandb
        self.settings, self.wandb, self.run = settings, wandb, None

    def check(self):
        if os.environ.get("WANDB_MODE", "online") in ("offline", "dryrun", "disabled"):
            return None
        try:
            known = self.wandb.login(prompt=False, verify=False)
        except TypeError:
            known = self.wandb.login(anonymous="never", timeout=1)
        except Exception:
            known = False
        return None if known else "W&B has no login: run \`wandb login\`, or set WANDB_API_KEY, or WANDB_MODE=offline"

    def open(self, run):
        self.run = self.wandb.init(
            project=self.settings["project"], entity=self.settings.get("entity"), dir=self.settings["dir"],
            id=run["id"], name=run["name"], group=run["group"], job_type=run["kind"], config=run["config"],
            resume="allow", reinit="finish_previous",
        )
        return self.run.step - 1 if self.run.resumed else None

    def log(self, point):
        self.run.log(point["values"], step=point["step"])

    def close(self):
        self.run.finish()

class Trackio:
    def __init__(self, settings):
        import trackio
        self.settings, self.trackio, self.run = settings, trackio, None

    def check(self):
        return None

    def open(self, run):
        from trackio.sqlite_storage import SQLiteStorage
        name, project = run["name"] + "-" + run["id"], self.settings["project"]
        try:
            step = SQLiteStorage.get_max_step_for_run(project, run=name)
        except Exception:
            step = None
        self.run = self.trackio.init(
            project=project, name=name, group=run["group"], config=run["config"], resume="allow", embed=False,
            auto_log_gpu=False, auto_log_cpu=False,
        )
        return step

    def log(self, point):
        self.run.log(point["values"], step=point["step"])

    def close(self):
        self.run.finish()

def main():
    kind, settings, check = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:] == ["check"]
    tracker = {"wandb": Wandb, "trackio": Trackio}[kind](settings)
    if check:
        return answer(problem=tracker.check())
    answer(ok=True)
    for line in sys.stdin:
        message = json.loads(line)
        if "open" in message:
            if tracker.run is not None:
                tracker.close()
            answer(step=tracker.open(message["open"]))
        else:
            for point in message["points"]:
                tracker.log(point)
            answer(ok=True)
    if tracker.run is not None:
        tracker.close()

try:
    main()
except BaseException as error:
    answer(error=type(error).__name__ + ": " + str(error).strip().split("\\n")[-1][:300])
    sys.exit(1)
`;
