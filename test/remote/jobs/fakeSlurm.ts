/**
 * A Slurm of shell scripts, one node called node1, without accounting unless `accounting` exists. It answers as Slurm
 * 22.05.8 does. Tests steer it by files: `hold` (jobs wait), `refuse` (sbatch fails with its text), `slow` (seconds that
 * sbatch takes after it has the job), `down` (no program answers), `forget` (ended jobs are forgotten), `grace` (seconds
 * between SIGTERM and SIGKILL).
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writePrograms } from './bench.js';

const down = (program: string, code: number) =>
  `if [ -e "$S/down" ]; then echo "${program}: error: Unable to contact slurm controller (connect failure)" >&2; exit ${code}; fi`;

export class FakeSlurm {
  readonly bin: string;

  constructor(readonly folder: string) {
    const S = `S='${folder}'`;
    this.bin = writePrograms(path.join(folder, 'bin'), {
      sbatch: `${S}
${down('sbatch', 1)}
if [ -e "$S/refuse" ]; then cat "$S/refuse" >&2; exit 1; fi
for arg; do case "$arg" in
  --job-name=*) name="\${arg#*=}";;
  --output=*) output="\${arg#*=}";;
  --*) ;;
  *) script="$arg";;
esac; done
id=1; until mkdir "$S/job-$id" 2>/dev/null; do id=$((id+1)); done
J="$S/job-$id"
echo "$name" > "$J/name"; cp "$script" "$J/script"; echo PENDING > "$J/state"; echo 0:0 > "$J/exit"
echo "$id $name" >> "$S/submissions"
cat > "$J/node" <<'NODE'
while [ -e "$S/hold" ]; do [ "$(cat "$J/state")" = PENDING ] || exit; sleep 0.05; done
[ "$(cat "$J/state")" = PENDING ] || exit
setsid bash -c 'echo $$ > "$J/pid"; echo RUNNING > "$J/state"; exec bash "$J/script" >> "$output" 2>&1 < /dev/null' &
wait $!; code=$?
if [ "$code" -gt 128 ]; then echo "0:$((code-128))" > "$J/exit"; else echo "$code:0" > "$J/exit"; fi
case "$(cat "$J/state")" in
  RUNNING) if [ "$code" = 0 ]; then echo COMPLETED > "$J/state"; else echo FAILED > "$J/state"; fi;;
  *) cat "$J/next" > "$J/state";;
esac
NODE
# The node is no child of sbatch.
S="$S" J="$J" output="$output" setsid bash "$J/node" > /dev/null 2>&1 < /dev/null &
if [ -e "$S/slow" ]; then sleep "$(cat "$S/slow")"; fi
if [ -e "$S/timeout" ]; then echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1; fi
echo "$id"`,
      squeue: `${S}
${down('slurm_load_jobs', 1)}
while [ $# -gt 0 ]; do case "$1" in -j) id="$2"; shift;; -n) name="$2"; shift;; -t) all=1; shift;; esac; shift; done
if [ -n "$name" ]; then for J in "$S"/job-*; do [ "$(cat "$J/name" 2>/dev/null)" = "$name" ] && basename "$J" | cut -d- -f2; done; exit 0; fi
J="$S/job-$id"
if [ ! -e "$J" ]; then echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1; fi
case "$(cat "$J/state")" in
  PENDING) echo 'PENDING|Resources|';;
  RUNNING) echo 'RUNNING|None|node1';;
  COMPLETING) echo 'COMPLETING|None|node1';;
  *) if [ -e "$S/forget" ]; then echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1; fi;;
esac`,
      sacct: `${S}
if [ ! -e "$S/accounting" ]; then echo 'Slurm accounting storage is disabled' >&2; exit 1; fi
for arg; do case "$arg" in --name=*) name="\${arg#*=}";; esac; done
if [ -n "$name" ]; then exit 0; fi
while [ $# -gt 0 ]; do [ "$1" = -j ] && id="$2"; shift; done
echo "$(cat "$S/job-$id/state") by 1000|$(cat "$S/job-$id/exit")|node1"`,
      scontrol: `${S}
${down('slurm_load_jobs', 1)}
id="\${!#}"; J="$S/job-$id"
if [ ! -e "$J" ] || [ -e "$S/forget" ]; then echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1; fi
echo "JobId=$id JobName=$(cat "$J/name") JobState=$(cat "$J/state") Reason=None ExitCode=$(cat "$J/exit") NodeList=node1"`,
      scancel: `${S}
${down('scancel', 8)}
id="\${!#}"; J="$S/job-$id"
echo "$id" >> "$S/cancelled"
[ -e "$J" ] || exit 0
bash '${folder}/end' "$id" CANCELLED`,
    });
    // Ends a job as Slurm does: the process group gets SIGTERM, and SIGKILL after a while.
    writeFileSync(
      path.join(folder, 'end'),
      `J='${folder}'/job-$1
case "$(cat "$J/state")" in
  PENDING) echo "$2" > "$J/state";;
  RUNNING) echo "$2" > "$J/next"; echo COMPLETING > "$J/state"; pid=$(cat "$J/pid"); kill -TERM -- -$pid
    ( sleep "$(cat '${folder}/grace' 2>/dev/null || echo 5)"; kill -KILL -- -$pid ) > /dev/null 2>&1 < /dev/null &;;
esac
exit 0`,
    );
  }

  get env(): Record<string, string> {
    return { PATH: `${this.bin}:${process.env.PATH ?? ''}` };
  }

  set(name: string, text = ''): void {
    writeFileSync(path.join(this.folder, name), text);
  }

  unset(name: string): void {
    rmSync(path.join(this.folder, name), { force: true });
  }

  /** What reached the controller: "1 brevity-…-a1". */
  submissions(): string[] {
    return this.lines('submissions');
  }

  cancelled(): string[] {
    return this.lines('cancelled');
  }

  script(id: number): string {
    return readFileSync(path.join(this.folder, `job-${id}`, 'script'), 'utf8');
  }

  private lines(name: string): string[] {
    const file = path.join(this.folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  }
}
