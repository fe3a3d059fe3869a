#!/bin/sh
# A Slurm cluster of one node on loopback for tests: test/clusters/slurm.sh check, or start|stop DIRECTORY
#
# Everything lies in DIRECTORY (munge's key and socket too), and every port is its own, so that it disturbs neither a
# Slurm of the machine's nor a second one of these. Clients need SLURM_CONF=DIRECTORY/slurm.conf. `start` of a running
# cluster and `stop` of a stopped one do nothing. Exits with 3 and a sentence if this machine cannot run Slurm; `check` does
# nothing else.
#
# The partition `main` preempts nothing; jobs of `urgent` preempt those of `main`. Limits are short: 5 s from SIGTERM
# to SIGKILL, 15 s until a silent node counts as failed, MIN_JOB_AGE seconds (default 300) until an ended job is
# forgotten.
set -eu

refuse() {
  echo "slurm.sh: $*" >&2
  exit 3
}

case "$# ${1-}" in
'1 check' | '2 start' | '2 stop') action=$1 ;;
*)
  echo "usage: slurm.sh check | start DIRECTORY | stop DIRECTORY" >&2
  exit 2
  ;;
esac
[ "$(id -u)" = 0 ] || refuse "expected root, which slurmd needs to start jobs, and found user $(id -un); run it as root"
for program in munged slurmctld slurmd sbatch squeue scontrol scancel; do
  command -v "$program" >/dev/null || refuse "$program is not on the path; install slurm-wlm and munge"
done
[ "$action" = check ] && exit 0
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)

# A process that has ended stays visible as a zombie where process 1 does not wait for its children.
alive() {
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) &&
    [ -n "$state" ] && [ "$state" != Z ]
}

end() { # PIDFILE: SIGTERM, then after 4 s SIGKILL
  alive "$1" || return 0
  kill "$(cat "$1")" 2>/dev/null || true
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    alive "$1" || return 0
    sleep 0.2
  done
  kill -9 "$(cat "$1")" 2>/dev/null || true
}

stop() {
  export SLURM_CONF="$dir/slurm.conf"
  if alive "$dir/slurmctld.pid"; then
    # Jobs outlive slurmd: end them while there is somebody to ask.
    scancel --quiet --signal=KILL --full --state=RUNNING --user=root 2>/dev/null || true
    scancel --quiet --user=root 2>/dev/null || true
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      [ -z "$(squeue -h 2>/dev/null)" ] && break
      sleep 0.5
    done
  fi
  for daemon in slurmd slurmctld munged; do end "$dir/$daemon.pid"; done
}

if [ "$action" = stop ]; then
  stop
  exit 0
fi

if alive "$dir/munged.pid" && alive "$dir/slurmctld.pid" && alive "$dir/slurmd.pid"; then exit 0; fi
stop

# munged refuses a socket that not everyone may reach.
chmod 755 "$dir"
mkdir -p -m 755 "$dir/munge"
mkdir -p "$dir/state" "$dir/spool"
if [ ! -e "$dir/munge/key" ]; then
  (umask 077 && head -c 1024 /dev/urandom >"$dir/munge/key")
fi
free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}
# slurmd registers under the name that the machine calls itself.
host=$(hostname -s)
if [ ! -e "$dir/slurm.conf" ]; then
  cat >"$dir/slurm.conf" <<END
ClusterName=brevity
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
ReturnToService=2
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=5
OverTimeLimit=0
SlurmdTimeout=15
MessageTimeout=30
MinJobAge=${MIN_JOB_AGE:-300}
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=$host Default=NO MaxTime=INFINITE State=UP PriorityTier=10
END
fi
export SLURM_CONF="$dir/slurm.conf"

log="$dir/start.log"
munged --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munged.pid" \
  --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" --num-threads=2 >>"$log" 2>&1 ||
  refuse "munged did not start: $(tail -n 1 "$log"); see $dir/munge/log"
slurmctld >>"$log" 2>&1 || refuse "slurmctld did not start: $(tail -n 1 "$log"); see $dir/slurmctld.log"
slurmd >>"$log" 2>&1 || refuse "slurmd did not start: $(tail -n 1 "$log"); see $dir/slurmd.log"
for _ in $(seq 60); do
  case $(sinfo -h -p main -o %T 2>>"$log" || true) in idle | mixed | allocated) exit 0 ;; esac
  sleep 0.25
done
stop
refuse "the node was not ready after 15 s; see $dir/slurmctld.log and $dir/slurmd.log"
