#!/usr/bin/env bash
# Trains on a Cloud TPU VM or pod: creates it, installs this tree on every worker, starts the training and looks
# after it. ./launch_tpu.sh help lists the commands and settings, docs/launch.md explains them.
set -euo pipefail

usage() {
  cat <<'EOF'
./launch_tpu.sh COMMAND [--dry-run] [--SETTING=VALUE ...] [--config.KEY=VALUE ...]

  up       create the TPU, or wait for it; one that was preempted is deleted and created anew
  setup    put the code on every worker and install it
  start    start the training on every worker; a run that --workdir holds is continued
  status   the state of the TPU, and of the training on every worker
  logs     follow one worker's log (--worker=0)
  watch    wait until the training ends
  stop     end the training; the TPU stays, and is billed
  resume   up, setup and start, for a run that --workdir holds
  delete   delete the TPU, and the request for it
  run      up, setup, start, watch and delete; with --spot again after each preemption

  --zone, --accelerator   such as us-west4-a, v5litepod-16
  --config, --workdir     such as configs/gsm8k.py, gs://BUCKET/NAME (or a path on the workers)
  --name, --project       of the TPU: sept-jax; gcloud's own project
  --runtime               the TPU's software version: by the accelerator
  --spot, --queued        can be preempted, and is cheaper; waits in the queue for capacity
  --repo, --branch        clone this on the workers, instead of sending the working tree
  --keep                  run: do not delete the TPU at the end

Each has a variable for its default: SEPT_ZONE, SEPT_WORKDIR, SEPT_SPOT=1 and so on.
EOF
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1" && exit "${2:-1}"; }
rest() { sleep "${SEPT_LAUNCH_WAIT:-30}"; }

quote() { # its arguments as one would type them
  local word line=
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
    line+="${line:+ }$word"
  done
  printf '%s\n' "$line"
}

read_settings() {
  name=${SEPT_NAME:-sept-jax} project=${SEPT_PROJECT:-} zone=${SEPT_ZONE:-} accelerator=${SEPT_ACCELERATOR:-}
  runtime=${SEPT_RUNTIME:-} config=${SEPT_CONFIG:-} workdir=${SEPT_WORKDIR:-} repo=${SEPT_REPO:-} worker=0
  branch=${SEPT_BRANCH:-main} spot=${SEPT_SPOT:-} queued=${SEPT_QUEUED:-} keep=${SEPT_KEEP:-} dry='' train=()
  tries=${SEPT_LAUNCH_TRIES:-5}
  local flag
  for flag in "$@"; do
    case $flag in
      --config.*) train+=("$flag") ;;
      --dry-run) dry=1 ;;
      --spot | --queued | --keep) printf -v "${flag#--}" 1 ;;
      --name=* | --project=* | --zone=* | --accelerator=* | --runtime=* | --config=* | --workdir=* | --repo=* | \
        --branch=* | --worker=*) flag=${flag#--} && printf -v "${flag%%=*}" %s "${flag#*=}" ;;
      *) fail "$flag is no setting: type ./launch_tpu.sh help (a value follows an =)" 2 ;;
    esac
  done
  workdir=${workdir%/}
  train=(-m sept_jax.train --distributed "--config=$config" "--workdir=$workdir" ${train[@]+"${train[@]}"})
  where=("--zone=$zone" ${project:+"--project=$project"})
}

need() {
  local setting
  for setting in "$@"; do
    [[ -n ${!setting} ]] || fail "--$setting is missing: type --$setting=... or export SEPT_${setting^^}=..." 2
  done
}

check_settings() {
  need zone
  case $command in up | resume | run) need accelerator ;; esac
  case $command in start | resume | run)
    need config workdir
    [[ $workdir == gs://* || $workdir == /* ]] || # setup replaces the tree, and what would lie in it
      fail "--workdir=$workdir must be gs://BUCKET/NAME or a path that begins with /" 2
    [[ -n $repo || -f $here/${config%%:*} ]] || fail "--config=$config: there is no such file in $here" 2
    [[ -z $spot || $workdir == gs://* || $command == start ]] ||
      say "warning: --workdir=$workdir must be on a shared disk that outlives a preemption; gs://BUCKET/NAME does"
    ;;
  esac
  [[ -n $runtime ]] || case $accelerator in
    v5lite*) runtime=v2-alpha-tpuv5-lite ;;
    v5p*) runtime=v2-alpha-tpuv5 ;;
    v6e*) runtime=v2-alpha-tpuv6e ;;
    *) runtime=tpu-ubuntu2204-base ;;
  esac
  [[ -n $dry ]] || command -v gcloud >/dev/null ||
    fail "gcloud is not installed: see https://cloud.google.com/sdk/docs/install, then type gcloud init" 2
}

call() { # runs gcloud, its errors kept for `failed`; a dry run prints it to 3, for the caller may read the output
  if [[ -n $dry ]]; then quote gcloud "$@" >&3; else gcloud "$@" 2>"$scratch/errors" </dev/null; fi
}

failed() { # failed STEP NEXT
  cat "$scratch/errors" >&2
  fail "step $1 of $name failed; next: $2"
}

look() { # look KIND FIELD ASSUMED: its state; ABSENT if there is none; in a dry run ASSUMED
  local found
  if found=$(call compute tpus "$1" describe "$name" "${where[@]}" "--format=value($2)"); then
    printf '%s\n' "${found:-$3}"
  elif grep -qiE 'not[ _]found' "$scratch/errors"; then
    echo ABSENT
  else
    failed describe "gcloud auth login, look at --zone and --project, and type the same command"
  fi
}

state() { # state ASSUMED: of the TPU; of the request in the queue as long as there is no TPU
  local found
  found=$(look tpu-vm state "$1") || exit
  if [[ $found == ABSENT ]]; then look queued-resources state.state ABSENT; else echo "$found"; fi
}

create() {
  local try request=(tpu-vm create "$name" "--version=$runtime")
  [[ -z $queued ]] || request=(queued-resources create "$name" "--node-id=$name" "--runtime-version=$runtime")
  request+=("--accelerator-type=$accelerator" "${where[@]}" ${spot:+--spot})
  for ((try = 1; try <= tries; try++)); do
    ! call compute tpus "${request[@]}" || return 0
    ! grep -qi quota "$scratch/errors" || failed create "ask for quota at \
https://console.cloud.google.com/iam-admin/quotas, or pass another --zone or --accelerator"
    grep -qiE 'capacity|enough resources' "$scratch/errors" || failed create "correct the setting that it names"
    say "no capacity in $zone (try $try of $tries)"
    rest
  done
  failed create "pass --queued to wait for capacity, or another --zone"
}

up() {
  local now created=
  while now=$(state ABSENT) || exit; [[ $now != READY ]]; do
    case $now in
      ABSENT | PREEMPTED | TERMINATED | SUSPENDED | FAILED)
        # what dies on its way up might do so for ever, at a price
        [[ -z $created ]] || fail "step create of $name failed, it is $now; next: pass another --zone"
        [[ $now == ABSENT ]] || delete
        create
        created=1
        [[ -z $dry ]] || return 0
        ;;
      STOPPED) fail "$name is STOPPED; next: gcloud compute tpus tpu-vm start $name $(quote "${where[@]}")" ;;
      *) say "$name is $now" && rest ;;
    esac
  done
}

delete() {
  local found request=(queued-resources delete "$name" "${where[@]}" --quiet --force) # takes the TPU along
  found=$(look queued-resources state.state "${queued:-ABSENT}") || exit
  if [[ $found == ABSENT ]]; then
    found=$(look tpu-vm state READY) || exit
    request=(tpu-vm delete "$name" "${where[@]}" --quiet)
  fi
  if [[ $found == ABSENT ]]; then say "$name: there is nothing to delete" && return; fi
  call compute tpus "${request[@]}" || failed delete "./launch_tpu.sh delete, for it is still billed"
}

reach() { # reach STEP ARGUMENT...: gcloud to the workers, again while one of them cannot be reached
  local step=$1 try code
  shift
  for ((try = 1; try <= tries; try++)); do
    code=0
    call "$@" || code=$?
    ((code != 0)) || return 0
    ((code != 64)) || failed "$step" "correct what a worker tells above, then ./launch_tpu.sh $step"
    say "step $step: a worker was not reached (try $try of $tries)"
    ((try == tries)) || rest
  done
  failed "$step" "a worker was not reached in $tries tries: ./launch_tpu.sh status, then $step again"
}

# What runs on the workers, where `remote` sends it.

running() { # its process group has a process; pgrep would count zombies
  # shellcheck disable=SC2009
  [[ -e sept_jax_run/pid ]] && ps -eo pgid=,stat= | grep -Eq "^ *$(cat sept_jax_run/pid) +[^Z]"
}

install_tree() { # [URL BRANCH]; the TPUs' images carry Python 3.10, uv brings the 3.11 that this needs
  if running; then echo "$(hostname): training is running, nothing is changed" && return; fi
  rm -rf sept_jax
  if (($#)); then git clone --quiet --depth=1 --branch="$2" "$1" sept_jax; else
    mkdir sept_jax
    tar -xzf sept_jax.tgz -C sept_jax
  fi
  if [[ ! -x sept_jax_env/bin/python ]]; then
    PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --quiet --user uv
    python3 -m uv venv --quiet --seed --python=3.11 sept_jax_env
  fi
  cd sept_jax
  ../sept_jax_env/bin/python -m pip install --quiet -e '.[tpu]' -c constraints.txt
  echo "$(hostname): installed"
}

begin() { # ARGUMENT... of python; the training has a process group of its own, and outlives the connection
  if running; then echo "$(hostname): training is running already" && return; fi
  [[ -x sept_jax_env/bin/python ]] || { echo "$(hostname): type ./launch_tpu.sh setup first" >&2 && return 1; }
  mkdir -p sept_jax_run
  rm -f sept_jax_run/{exit,stopped}
  # one that is told to stop, as before a preemption, saves and ends well, but has not finished
  # shellcheck disable=SC2016
  setsid nohup bash -c 'cd ~/sept_jax && ~/sept_jax_env/bin/python "$@"
    code=$?
    if [[ $code == 143 ]] || grep -q "^told to stop" ~/sept_jax_run/train.log; then code=told; fi
    echo $code >~/sept_jax_run/exit' train "$@" >sept_jax_run/train.log 2>&1 </dev/null &
  echo $! >sept_jax_run/pid
  echo "$(hostname): training has started"
}

tell() {
  local training=none
  if running; then training=running; elif [[ -e sept_jax_run/exit ]]; then training=$(cat sept_jax_run/exit); fi
  [[ $training == running || ! -e sept_jax_run/stopped ]] || training=stopped
  echo "$(hostname): training=$training"
}

follow() { tail -n 50 -F --pid="$(cat sept_jax_run/pid)" sept_jax_run/train.log; }

end() { # told to stop, the training saves after its step, for which it has five minutes
  if ! running; then echo "$(hostname): no training is running" && return; fi
  local pid _
  pid=$(cat sept_jax_run/pid)
  touch sept_jax_run/stopped
  pkill -TERM -P "$pid" || true
  for _ in {1..3000}; do running || break; sleep 0.1; done
  if running; then kill -KILL -- "-$pid"; fi
  echo "$(hostname): training is stopped"
}

find_run() { [[ ! -e $1/config.json ]] || echo it-is-there; }

# The commands.

remote() { # remote STEP WORKER FUNCTION ARGUMENT...; 64 tells a script that fails from a worker out of reach
  reach "$1" compute tpus tpu-vm ssh "$name" "${where[@]}" "--worker=$2" --quiet --command="\
trap '[ \$? = 0 ] || exit 64' EXIT
set -eu
cd
$(declare -f running "$3")
$(quote "${@:3}")"
}

setup() {
  local git pack clone=()
  git="git -C $(quote "$here")" # sends what git tracks, with its changes
  pack="tree=\$($git -c user.name=launch -c user.email=launch stash create) && $git archive --format=tar.gz \
--output=$(quote "$scratch/sept_jax.tgz") \"\${tree:-HEAD}\""
  if [[ -n $repo ]]; then clone=("$repo" "$branch"); else
    if [[ -n $dry ]]; then echo "$pack"; else
      bash -c "$pack" || fail "step setup of $name failed: $here is no git checkout; next: pass --repo=URL"
    fi
    reach setup compute tpus tpu-vm scp "$scratch/sept_jax.tgz" "$name:" "${where[@]}" --worker=all --quiet
  fi
  remote setup all install_tree ${clone[@]+"${clone[@]}"}
}

holds_run() { # yes if --workdir holds a run: asked once, so that all workers are told the same
  local found held=no
  if [[ -n $dry && $command == resume ]]; then held=yes; fi
  if [[ $workdir != gs://* ]]; then
    found=$(remote start 0 find_run "$workdir") || exit
    [[ $found != *it-is-there* ]] || held=yes
  elif found=$(call storage ls "$workdir/config.json"); then
    [[ -z $found ]] || held=yes
  elif ! grep -q 'matched no objects' "$scratch/errors"; then
    failed start "check that --workdir=$workdir is in a bucket that you may read"
  fi
  echo $held
}

start() {
  local held
  held=$(holds_run) || exit
  [[ $held == yes || $command == start ]] || fail "--workdir=$workdir holds no run; next: ./launch_tpu.sh start"
  [[ $held == no ]] || train+=(--resume)
  remote start all begin "${train[@]}"
}

status() {
  local now
  now=$(state READY) || exit
  [[ -n $dry ]] || echo "$name: $now"
  [[ $now != READY ]] || remote status all tell
}

logs() { remote logs "$worker" follow; }
stop() { remote stop all end; }
resume() { again up && again setup && start; }

gone='PREEMPTED|TERMINATED|SUSPENDING|SUSPENDED'

watch() { # 75: the training is gone through no fault of its own
  local now told misses=0 billed="or delete, for $name is still billed"
  while :; do
    rest
    if ! now=$(state READY) || ! { [[ $now != READY ]] || told=$(remote status all tell); }; then
      ((++misses < tries)) || fail "step watch of $name failed (not the training); next: ./launch_tpu.sh watch"
      continue
    fi
    misses=0
    [[ -z $dry ]] || return 0
    if [[ $now == ABSENT ]]; then fail "$name was deleted; next: ./launch_tpu.sh resume"; fi
    if [[ $now =~ ^($gone)$ ]]; then say "$name is $now" && exit 75; fi
    if [[ $now != READY ]]; then continue; fi # being repaired
    case $told in
      *training=stopped*) fail "the training was stopped; next: ./launch_tpu.sh start, $billed" ;;
      *training=[1-9]*) fail "the training failed; next: ./launch_tpu.sh logs, $billed" ;;
      *training=running*) ;;
      *training=none* | *training=told*) say "the training was ended, but not by you" && exit 75 ;;
      *) say "the training has finished" && return ;;
    esac
  done
}

again() { "$BASH" "${BASH_SOURCE[0]}" "$1" "${given[@]}"; } # in a process of its own, which a failure ends alone

attempt() { again up && again setup && again start && again watch; }

run() {
  local code now restarts=0
  while code=0 && attempt || code=$?; ((code != 0)); do
    now=$(state READY) || exit "$code"
    ((code == 75)) || [[ $now =~ ^($gone)$ ]] || exit "$code"
    [[ $now == READY || -n $spot ]] || fail "$name is $now; next: ./launch_tpu.sh resume"
    ((++restarts <= 100)) || fail "$name was lost 100 times; next: ./launch_tpu.sh resume"
    say "restart $restarts, with what $workdir holds"
    rest
  done
  if [[ -z $keep && $workdir == gs://* ]]; then again delete; else say "$name is billed until you delete it"; fi
}

command=${1:-help}
case $command in
  up | setup | start | status | logs | watch | stop | resume | delete | run) ;;
  help | --help | -h) usage && exit ;;
  *) fail "$command is no command: type ./launch_tpu.sh help" 2 ;;
esac
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
read_settings "$@"
check_settings
given=("--name=$name" "$@")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
exec 3>&1
"$command"
