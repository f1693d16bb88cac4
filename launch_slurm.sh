#!/usr/bin/env bash
# Trains on a GPU cluster under Slurm: one process a GPU, requeued and resumed after preemption and at the time
# limit. ./launch_slurm.sh help lists the commands and settings, docs/launch.md explains them.
set -euo pipefail

usage() {
  cat <<'EOF'
./launch_slurm.sh COMMAND [--dry-run] [--SETTING=VALUE ...] [--config.KEY=VALUE ...]

  start    submit the job; a run that --workdir holds is continued
  status   the job's state in the queue
  logs     follow the job's log
  stop     cancel the job

  --config, --workdir   such as configs/gsm8k.py, runs/NAME (on a disk that all nodes share)
  --nodes, --gpus       1 node, 1 GPU on each node
  --cpus, --time        8 cores a GPU; 24:00:00, then the job is requeued until the training ends
  --venv                .venv, on a disk that all nodes share
  --name                of the job: sept_jax-<the last part of --workdir>
  --sbatch=FLAG         more for sbatch, as often as needed: --sbatch=--partition=gpu --sbatch=--account=lab

Each but --sbatch has a variable for its default: SEPT_CONFIG, SEPT_WORKDIR, SEPT_NODES and so on.
EOF
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1" && exit "${2:-1}"; }
call() { if [[ -n $dry ]]; then quote "$@"; else "$@"; fi; }

quote() { # its arguments as one would type them
  local word line=
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
    line+="${line:+ }$word"
  done
  printf '%s\n' "$line"
}

read_settings() {
  config=${SEPT_CONFIG:-} workdir=${SEPT_WORKDIR:-} nodes=${SEPT_NODES:-1} gpus=${SEPT_GPUS:-1} dry=''
  cpus=${SEPT_CPUS:-8} time=${SEPT_TIME:-24:00:00} venv=${SEPT_VENV:-$here/.venv} name=${SEPT_NAME:-} directives=''
  local flag overrides=()
  for flag in "$@"; do
    case $flag in
      --config.*) overrides+=("$flag") ;;
      --dry-run) dry=1 ;;
      --sbatch=*) directives+="#SBATCH ${flag#--sbatch=}"$'\n' ;;
      --config=* | --workdir=* | --nodes=* | --gpus=* | --cpus=* | --time=* | --venv=* | --name=*)
        flag=${flag#--} && printf -v "${flag%%=*}" %s "${flag#*=}" ;;
      *) fail "$flag is no setting: type ./launch_slurm.sh help (a value follows an =)" 2 ;;
    esac
  done
  workdir=${workdir%/}
  [[ $workdir == /* ]] || workdir=${workdir:+$PWD/$workdir} # as typed; the job itself runs in the tree
  name=${name:-sept_jax-${workdir##*/}}
  train=(-m sept_jax.train --distributed "--config=$config" "--workdir=$workdir" ${overrides[@]+"${overrides[@]}"})
}

check_settings() {
  [[ -n $workdir ]] || fail "--workdir is missing: type --workdir=runs/NAME or export SEPT_WORKDIR=..." 2
  [[ $workdir != *[[:space:]]* ]] || fail "--workdir=$workdir has a space, where sbatch would cut it" 2
  [[ $workdir != *:/* ]] || fail "--workdir must be a path that all nodes share, not a bucket" 2
  [[ -n $dry ]] || command -v sbatch >/dev/null || fail "there is no sbatch: type this on a login node" 2
  [[ $command == start ]] || return 0
  [[ -n $config ]] || fail "--config is missing: type --config=configs/NAME.py or export SEPT_CONFIG=..." 2
  [[ -f $here/${config%%:*} ]] || fail "--config=$config: there is no such file in $here" 2
  local number
  for number in "$nodes" "$gpus" "$cpus"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || fail "--nodes, --gpus and --cpus must be numbers above 0, one is '$number'" 2
  done
  [[ -n $dry || -x $venv/bin/python ]] || fail "--venv=$venv has no bin/python: type python3 -m venv $venv && \
$venv/bin/pip install -e '${here}[cuda12]' -c $here/constraints.txt" 2
}

# jax.distributed counts on one process a GPU, which takes the GPU of its number on the node: every process must
# see all of them, hence no binding.
# Told to stop, the training saves after its step and ends well, but writes no new summary. Slurm tells it before a
# preemption, this script before the time limit: USR1 comes to the script alone, five minutes before.
job() {
  cat <<EOF
#!/usr/bin/env bash
#SBATCH --job-name=$name
#SBATCH --nodes=$nodes
#SBATCH --ntasks-per-node=$gpus
#SBATCH --gpus-per-node=$gpus
#SBATCH --cpus-per-task=$cpus
#SBATCH --time=$time
#SBATCH --output=$workdir/slurm-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
${directives}set -euo pipefail
cd $(quote "$here")
workdir=$(quote "$workdir")

resume= # asked here, once, so that all processes are told the same
if [ -e "\$workdir/config.json" ]; then resume=--resume; fi

touch "\$workdir/started"
trap 'scancel --signal=TERM "\$SLURM_JOB_ID"' USR1 # to the tasks: an srun that is told kills them
srun --cpus-per-task=$cpus --gpu-bind=none --kill-on-bad-exit=1 \\
  $(quote "$venv/bin/python" "${train[@]}") \$resume &
step=\$!
code=0
wait "\$step" || code=\$?
while kill -0 "\$step" 2>/dev/null; do # the signal ended the wait, not the training
  code=0
  wait "\$step" || code=\$?
done

case \$code-\$(squeue --noheader --jobs="\$SLURM_JOB_ID" --format=%T) in
  0-RUNNING | 143-RUNNING) # a job that was cancelled must not come back
    [ "\$workdir/summary.json" -nt "\$workdir/started" ] || scontrol requeue "\$SLURM_JOB_ID" ;;
esac
exit "\$code"
EOF
}

queued() {
  call squeue --noheader "--user=$(id -un)" "--name=$name" '--format=%i %T' ||
    fail "step $command failed: squeue does not answer; next: type the same command"
}

start() {
  local there
  if [[ -n $dry ]]; then job && return; fi
  there=$(queued) || exit
  if [[ -n $there ]]; then say "$name is in the queue already: $there" && return; fi
  mkdir -p "$workdir" # Slurm writes its log there, or nowhere
  job | sbatch --parsable || fail "step start failed: sbatch refused the job; next: look at it with --dry-run"
}

status() {
  local there
  there=$(queued) || exit
  printf '%s\n' "${there:-$name is not in the queue}"
}

logs() {
  local file newest=''
  for file in "$workdir"/slurm-*.log; do [[ ! $file -nt $newest ]] || newest=$file; done
  [[ -n $newest ]] || fail "there is no log in $workdir yet; next: ./launch_slurm.sh status"
  call tail -n 50 -F "$newest"
}

stop() {
  call scancel "--user=$(id -un)" "--name=$name" || fail "step stop failed; next: ./launch_slurm.sh status"
}

command=${1:-help}
case $command in
  start | status | logs | stop) ;;
  help | --help | -h) usage && exit ;;
  *) fail "$command is no command: type ./launch_slurm.sh help" 2 ;;
esac
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
read_settings "$@"
check_settings
"$command"
