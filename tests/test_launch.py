"""The launchers, run against stand-ins for gcloud and Slurm.

The stand-in for gcloud is a small cloud: it keeps a TPU's state, and runs what is sent over ssh in one
folder a worker, so that installing, starting twice, stopping and resuming happen here as they would there.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BASH = shutil.which("bash")
ROOT = Path(__file__).parents[1]
TPU, SLURM = ROOT / "launch_tpu.sh", ROOT / "launch_slurm.sh"
SETTINGS = ["--zone=z1", "--accelerator=v5litepod-16", "--config=configs/a.py", "--workdir=gs://bucket/run"]
CREATE = ["compute", "tpus", "tpu-vm", "create", "sept-jax", "--version=v2-alpha-tpuv5-lite"]
CREATE += ["--accelerator-type=v5litepod-16", "--zone=z1"]
QUEUE = ["compute", "tpus", "queued-resources", "create", "sept-jax", "--node-id=sept-jax"]
QUEUE += ["--runtime-version=v2-alpha-tpuv5-lite", "--accelerator-type=v5litepod-16", "--zone=z1"]
TRAINING = ["-m", "sept_jax.train", "--distributed", "--config=configs/a.py", "--workdir=gs://bucket/run"]

GCLOUD = """
import json, os, shutil, signal, subprocess, sys
from pathlib import Path

root, arguments = Path(os.environ["CLOUD"]), sys.argv[1:]
cloud = json.loads((root / "cloud.json").read_text())
homes = [root / "worker0", root / "worker1"]
flags = dict(a[2:].split("=", 1) if "=" in a else (a[2:], "") for a in arguments if a.startswith("--"))
with (root / "calls").open("a") as file:
    file.write(json.dumps(arguments) + "\\n")


def end(code, error=""):
    (root / "cloud.json").write_text(json.dumps(cloud))
    if error:
        print(error, file=sys.stderr)
    sys.exit(code)


def lose(disks):
    for home in homes:
        pid = home / "sept_jax_run" / "pid"
        if pid.exists():
            try:
                os.killpg(int(pid.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass
        if disks:
            shutil.rmtree(home)
            home.mkdir()


def next_training():
    if cloud["training"]:
        (root / "training").write_text(cloud["training"].pop(0))


def describe(kind):
    if cloud["errors"].get("describe"):
        end(1, cloud["errors"]["describe"].pop(0))
    if not cloud[kind]:
        end(1, "ERROR: (gcloud.describe) NOT_FOUND: Resource was not found")
    now = cloud[kind].pop(0) if len(cloud[kind]) > 1 else cloud[kind][0]
    if now in ("PREEMPTED", "REPAIRING"):
        lose(disks=now == "PREEMPTED")
    if now == "REPAIRING":
        next_training()
    print(now)
    end(0)


def on_worker(number):
    if cloud["unreachable"].get(str(number), 0):
        cloud["unreachable"][str(number)] -= 1
        print(f"SSH: worker {number}: Connection refused", file=sys.stderr)
        return 255
    home = homes[number]
    if verb == "scp":
        shutil.copy(arguments[4], home)
        return 0
    environment = {"HOME": str(home), "PATH": f"{root / 'bin'}:/usr/bin:/bin", "CLOUD": str(root)}
    return subprocess.run(["bash", "-c", flags["command"]], cwd=home, env=environment).returncode


if arguments[:2] == ["storage", "ls"]:
    if cloud["errors"].get("ls"):
        end(1, cloud["errors"]["ls"].pop(0))
    if (root / "buckets" / arguments[2].removeprefix("gs://")).exists():
        print(arguments[2])
        end(0)
    end(1, "ERROR: (gcloud.storage.ls) One or more URLs matched no objects.")
kind, verb = {"tpu-vm": "tpu", "queued-resources": "queue"}[arguments[2]], arguments[3]
if verb == "describe":
    describe(kind)
if verb == "create":
    if cloud["errors"].get("create"):
        end(1, cloud["errors"]["create"].pop(0))
    cloud["tpu"] = cloud["next"].pop(0) if cloud["next"] else ["READY"]
    next_training()
    if kind == "queue":
        cloud["queue"] = ["ACTIVE"]
    end(0)
if verb == "delete":
    cloud["tpu"] = cloud["queue"] = []
    end(0)
workers = [0, 1] if flags["worker"] == "all" else [int(flags["worker"])]
end(next((code for code in [on_worker(number) for number in workers] if code), 0))
"""

# uv's part: it makes the environment, whose python keeps what it is asked for and trains as it is told
PYTHON3 = """#!/bin/bash
echo "$HOME python3 $*" >>"$CLOUD/commands"
if [[ "$*" == "-m uv venv"* ]]; then
  mkdir -p sept_jax_env/bin
  cp "$CLOUD/train" sept_jax_env/bin/python
fi
"""

TRAIN = """#!/bin/bash
echo "$(basename "$HOME") $(basename "$PWD") $*" >>"$CLOUD/commands"
if [[ $2 == pip ]]; then exit "$(cat "$CLOUD/pip_code")"; fi
printf '%s\\n' "$@" >>"$HOME.trained"
for flag in "$@"; do
  case $flag in --workdir=*) folder=${flag#--workdir=} ;; esac
done
folder=${folder/#gs:\\//$CLOUD/buckets}
mkdir -p "$folder"
touch "$folder/config.json"
echo "step 1 of $(basename "$HOME")"
code=$(cat "$CLOUD/training")
case $code in
  forever) exec sleep 60 ;;
  saves) trap 'echo "told to stop: saved" && exit 0' TERM && for _ in {1..600}; do sleep 0.1; done ;;
  told) [[ "$*" == *--resume* ]] || echo "told to stop: saved"; exit 0 ;;
esac
exit "$code"
"""


class Cloud:
    """Two workers of a TPU that does not exist yet, a bucket, and a tree to train from."""

    def __init__(self, folder):
        self.folder, self.tree = folder, folder / "tree"
        for name in ("bin", "path", "worker0", "worker1", "buckets", "tree/configs"):
            (folder / name).mkdir(parents=True)
        self.tell(tpu=[], queue=[], next=[], training=[], errors={}, unreachable={})
        (folder / "training").write_text("forever")
        (folder / "pip_code").write_text("0")
        script(folder / "path" / "gcloud", f"#!{sys.executable} -IS\n{GCLOUD}")
        script(folder / "bin" / "python3", PYTHON3)
        script(folder / "train", TRAIN)
        shutil.copy(TPU, self.tree)
        (self.tree / "configs" / "a.py").write_text("first\n")
        (self.tree / "constraints.txt").write_text("")
        git = ["git", "-c", "user.name=a", "-c", "user.email=a"]
        for command in (["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "-qm", "a"]):
            subprocess.run([*git, *command], cwd=self.tree, check=True)

    def tell(self, **changes):
        path = self.folder / "cloud.json"
        path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | changes))

    def launch(self, *arguments, **variables):
        path = f"{self.folder / 'path'}:/usr/bin:/bin"
        environment = {"PATH": path, "HOME": str(self.folder), "CLOUD": str(self.folder)}
        environment |= {"SEPT_LAUNCH_WAIT": "0", "SEPT_LAUNCH_TRIES": "3"} | variables
        return subprocess.run(
            [BASH, self.tree / "launch_tpu.sh", *arguments],
            env=environment, cwd=self.folder, capture_output=True, text=True, timeout=30,
        )  # fmt: skip

    def do(self, *arguments):
        done = self.launch(*arguments)
        assert done.returncode == 0, done.stderr
        return done

    def calls(self, *words):
        """The calls of gcloud that begin with these words after `compute tpus`, or with `storage`."""
        path = self.folder / "calls"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [
            call for call in calls if call[2 : 2 + len(words)] == list(words) or call[: len(words)] == words
        ]

    def verbs(self):
        """What was asked of the TPU, in order, without the questions for its state."""
        return [call[3] for call in self.calls() if call[0] == "compute" and call[3] != "describe"]

    def created(self):
        return self.calls("tpu-vm", "create") + self.calls("queued-resources", "create")

    def trainings(self, worker=0):
        """The argument lists of the trainings that a worker has begun."""
        path = self.folder / f"worker{worker}.trained"
        begun = path.read_text().split("-m\nsept_jax.train\n")[1:] if path.exists() else []
        return [["-m", "sept_jax.train", *arguments.splitlines()] for arguments in begun]

    def processes(self):
        paths = [self.folder / f"worker{n}" / "sept_jax_run" / "pid" for n in (0, 1)]
        return [int(path.read_text()) for path in paths if path.exists()]

    def trains(self, how):
        """What trainings do from now on: end with this code, or go on `forever`."""
        (self.folder / "training").write_text(str(how))


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def lives(group):
    found = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True).stdout
    return any(re.match(rf" *{group} +[^Z]", line) for line in found.splitlines())


def one_line(done, code, *words):
    """Asserts that the last line of the errors is the launcher's own and has the words."""
    assert done.returncode == code, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    return line


@pytest.fixture
def cloud(tmp_path):
    cloud = Cloud(tmp_path)
    yield cloud
    for group in cloud.processes():
        if lives(group):
            os.killpg(group, signal.SIGKILL)


@pytest.mark.parametrize(
    ("flags", "created"),
    [
        ([], CREATE),
        (["--spot"], [*CREATE, "--spot"]),
        (["--queued"], QUEUE),
        (["--queued", "--spot", "--project=p"], [*QUEUE, "--project=p", "--spot"]),
        (
            ["--accelerator=v6e-8"],
            [*CREATE[:5], "--version=v2-alpha-tpuv6e", "--accelerator-type=v6e-8", "--zone=z1"],
        ),
    ],
)
def test_creates_on_demand_on_spot_and_through_the_queue(cloud, flags, created):
    cloud.do("up", *SETTINGS, *flags)
    assert cloud.created() == [created]
    cloud.do("up", *SETTINGS, *flags)
    assert cloud.verbs() == ["create"]  # it is there


def test_waits_in_the_queue_and_says_when_the_request_fails(cloud):
    cloud.tell(next=[["CREATING", "READY"]])
    assert "sept-jax is CREATING" in cloud.do("up", *SETTINGS, "--queued").stderr
    cloud.tell(tpu=[], queue=["WAITING_FOR_RESOURCES", "PROVISIONING", "FAILED"], next=[["PREEMPTED"]])
    done = cloud.launch("up", *SETTINGS, "--queued")
    assert cloud.verbs() == ["create", "delete", "create"]  # the request that failed makes room, once
    one_line(done, 1, "step create", "it is PREEMPTED")


def test_variables_are_defaults(cloud):
    done = cloud.launch("up", "--zone=z1", SEPT_ZONE="z0", SEPT_ACCELERATOR="v5litepod-16", SEPT_SPOT="1")
    assert done.returncode == 0
    assert cloud.calls("tpu-vm", "create") == [[*CREATE, "--spot"]]


@pytest.mark.parametrize("queue", [[], ["SUSPENDED"]])
def test_what_was_preempted_is_deleted_and_created_anew(cloud, queue):
    cloud.tell(tpu=["PREEMPTED"], queue=queue)
    cloud.do("up", *SETTINGS, "--spot")
    assert cloud.verbs() == ["delete", "create"]
    deleted = [call for call in cloud.calls() if call[3] == "delete"]
    kind = ["queued-resources", "delete", "sept-jax", "--zone=z1", "--quiet", "--force"] if queue else None
    assert [call[2:] for call in deleted] == [
        kind or ["tpu-vm", "delete", "sept-jax", "--zone=z1", "--quiet"]
    ]


def test_quota_is_told_at_once(cloud):
    message = (
        "ERROR: (gcloud.create) Quota limit 'TPUV5sLitepod' has been exceeded. Limit: 0 in region us-west4."
    )
    cloud.tell(errors={"create": [message] * 9})
    done = cloud.launch("run", *SETTINGS)
    assert message in done.stderr
    one_line(done, 1, "step create of sept-jax failed", "next: ask for quota at https://")
    assert cloud.verbs() == ["create"]


def test_capacity_is_asked_for_again_a_bounded_number_of_times(cloud):
    cloud.tell(errors={"create": ['There is no more capacity in the zone "z1"'] * 9})
    one_line(cloud.launch("up", *SETTINGS), 1, "step create", "next: pass --queued")
    assert cloud.verbs() == ["create"] * 3
    cloud.tell(errors={"create": ['There is no more capacity in the zone "z1"'] * 2})
    cloud.do("up", *SETTINGS)


def test_a_state_that_cannot_be_read_is_no_missing_tpu(cloud):
    cloud.tell(errors={"describe": ["ERROR: Reauthentication failed."] * 9})
    for command in ("up", "delete", "status", "run"):
        one_line(cloud.launch(command, *SETTINGS), 1, "step describe", "next: gcloud auth login")
    assert cloud.verbs() == []


def test_setup_sends_the_tree_with_its_changes_to_every_worker(cloud):
    cloud.tell(tpu=["READY"])
    (cloud.tree / "configs" / "a.py").write_text("changed\n")
    (cloud.tree / "constraints.txt").unlink()
    for _ in range(2):  # the second replaces the first, and keeps the environment
        cloud.do("setup", "--zone=z1")
    for worker in ("worker0", "worker1"):
        assert (cloud.folder / worker / "sept_jax" / "configs" / "a.py").read_text() == "changed\n"
        assert not (cloud.folder / worker / "sept_jax" / "constraints.txt").exists()
    commands = (cloud.folder / "commands").read_text().splitlines()
    install = "worker1 sept_jax -m pip install --quiet -e .[tpu] -c constraints.txt"
    assert (commands.count(install), sum("-m uv venv" in line for line in commands)) == (2, 2)
    assert all("--worker=all" in call for call in cloud.calls("tpu-vm"))


def test_setup_clones_what_it_is_told_to(cloud):
    cloud.tell(tpu=["READY"])
    subprocess.run(["git", "branch", "other"], cwd=cloud.tree, check=True)
    (cloud.tree / "configs" / "a.py").write_text("not committed\n")
    cloud.do("setup", "--zone=z1", f"--repo=file://{cloud.tree}", "--branch=other")
    assert (cloud.folder / "worker1" / "sept_jax" / "configs" / "a.py").read_text() == "first\n"
    head = (cloud.folder / "worker1" / "sept_jax" / ".git" / "HEAD").read_text()
    assert head == "ref: refs/heads/other\n"
    assert cloud.verbs() == ["ssh"]


def test_setup_that_fails_on_a_worker_is_told_and_not_tried_again(cloud):
    cloud.tell(tpu=["READY"])
    (cloud.folder / "pip_code").write_text("1")
    one_line(cloud.launch("setup", "--zone=z1"), 1, "step setup of sept-jax failed", "./launch_tpu.sh setup")
    assert cloud.verbs() == ["scp", "ssh"]


def test_start_needs_setup(cloud):
    cloud.tell(tpu=["READY"])
    done = cloud.launch("start", *SETTINGS)
    assert "type ./launch_tpu.sh setup first" in done.stderr
    one_line(done, 1, "step start")
    assert cloud.verbs() == ["ssh"]


def test_start_is_detached_and_never_double_and_stop_ends_it(cloud):
    cloud.tell(tpu=["READY"])
    cloud.do("setup", "--zone=z1")
    override = '--config.data.path=/a b/it\'s "$HOME"'
    cloud.do("start", *SETTINGS, override)
    wait_for(lambda: cloud.trainings(0) == cloud.trainings(1) == [[*TRAINING, override]])
    first = cloud.processes()
    assert len(first) == 2
    assert all(lives(group) for group in first)

    assert cloud.do("start", *SETTINGS).stdout.count("training is running already") == 2
    assert cloud.do("setup", "--zone=z1").stdout.count("training is running, nothing is changed") == 2
    assert cloud.do("status", "--zone=z1").stdout.count("training=running") == 2
    assert cloud.processes() == first

    assert cloud.do("stop", "--zone=z1").stdout.count("training is stopped") == 2
    assert not any(lives(group) for group in first)
    assert cloud.do("stop", "--zone=z1").stdout.count("no training is running") == 2
    one_line(cloud.launch("watch", "--zone=z1"), 1, "the training was stopped")


def test_stop_lets_the_training_save(cloud):
    cloud.tell(tpu=["READY"])
    cloud.trains("saves")
    cloud.do("setup", "--zone=z1")
    cloud.do("start", *SETTINGS)
    logs = [cloud.folder / f"worker{n}" / "sept_jax_run" / "train.log" for n in (0, 1)]
    wait_for(lambda: all("step 1" in log.read_text() for log in logs))
    time.sleep(0.1)  # it has begun to listen
    cloud.do("stop", "--zone=z1")
    assert all("told to stop: saved" in log.read_text() for log in logs)
    assert cloud.do("status", "--zone=z1").stdout.count("training=stopped") == 2


def test_the_training_says_that_it_was_told_to_stop_as_the_launcher_reads_it():
    words = re.search(r'grep -q "\^([a-z ]+)"', TPU.read_text())[1]
    assert re.search(rf'print\(f?"{words}', (ROOT / "sept_jax" / "train.py").read_text())


def test_the_second_start_resumes(cloud):
    cloud.tell(tpu=["READY"])
    cloud.do("setup", "--zone=z1")
    one_line(cloud.launch("resume", *SETTINGS), 1, "holds no run; next: ./launch_tpu.sh start")
    cloud.trains(0)
    for command in ("start", "start", "resume"):
        cloud.do(command, *SETTINGS)
        cloud.do("watch", "--zone=z1")
    assert cloud.trainings(0) == cloud.trainings(1)
    assert cloud.trainings(0) == [TRAINING, [*TRAINING, "--resume"], [*TRAINING, "--resume"]]


def test_a_path_is_looked_up_on_the_first_worker(cloud):
    cloud.tell(tpu=["READY"])
    cloud.do("setup", "--zone=z1")
    cloud.trains(0)
    workdir = f"--workdir={cloud.folder}/a disk/run"
    for _ in range(2):
        cloud.do("start", *SETTINGS[:3], workdir)
        cloud.do("watch", "--zone=z1")
    assert [training[4:] for training in cloud.trainings(1)] == [[workdir], [workdir, "--resume"]]
    assert cloud.calls("storage") == []


def test_a_bucket_that_cannot_be_read_is_no_empty_one(cloud):
    cloud.tell(tpu=["READY"], errors={"ls": ["ERROR: 403 does not have storage.objects.list access"]})
    one_line(cloud.launch("start", *SETTINGS), 1, "step start", "a bucket that you may read")
    assert cloud.verbs() == []


def test_logs_follow_the_training_to_its_end(cloud):
    cloud.tell(tpu=["READY"])
    cloud.do("setup", "--zone=z1")
    cloud.trains(0)
    cloud.do("start", *SETTINGS)
    cloud.do("watch", "--zone=z1")
    assert "step 1 of worker1" in cloud.do("logs", "--zone=z1", "--worker=1").stdout


@pytest.mark.parametrize("command", ["setup", "start"])
def test_a_worker_out_of_reach_is_tried_again_and_then_told(cloud, command):
    cloud.tell(tpu=["READY"])
    cloud.do("setup", "--zone=z1")
    before = len(cloud.verbs())
    cloud.tell(unreachable={"1": 99})
    done = cloud.launch(command, *SETTINGS)
    assert "worker 1: Connection refused" in done.stderr
    one_line(done, 1, f"step {command} of sept-jax failed", "not reached in 3 tries: ./launch_tpu.sh status")
    assert len(cloud.verbs()) - before == 3
    cloud.tell(unreachable={"1": 2})
    cloud.do(command, *SETTINGS)
    assert len(cloud.verbs()) - before in (6, 7)  # setup copies, then installs
    if command == "start":  # the worker that was reached at first has not begun twice
        wait_for(lambda: len(cloud.trainings(1)) == 1)
        assert len(cloud.trainings(0)) == 1


def test_run_does_it_all_and_deletes_the_tpu(cloud):
    cloud.trains(0)
    done = cloud.do("run", *SETTINGS, "--config.steps=3")
    assert "the training has finished" in done.stderr
    assert list(dict.fromkeys(cloud.verbs())) == ["create", "scp", "ssh", "delete"]
    assert cloud.verbs()[-1] == "delete"
    assert cloud.trainings(1) == [[*TRAINING, "--config.steps=3"]]


@pytest.mark.parametrize("kept", [["--keep"], ["--workdir=/disk"]])
def test_run_keeps_the_tpu_where_asked_and_where_the_run_lies_on_it(cloud, kept):
    cloud.tell(tpu=["READY"])
    cloud.trains(0)
    kept = [flag.replace("/disk", f"{cloud.folder}/disk") for flag in kept]
    assert "sept-jax is billed until you delete it" in cloud.do("run", *SETTINGS, *kept).stderr
    assert "delete" not in cloud.verbs()


@pytest.mark.parametrize("queued", [[], ["--queued"]])
def test_run_on_spot_outlives_preemptions_with_the_same_workdir(cloud, queued):
    dies = ["READY", "READY", "PREEMPTED"]
    cloud.tell(next=[dies, dies, ["READY"]], training=["forever", "forever", "0"])
    done = cloud.do("run", *SETTINGS, "--spot", *queued)
    assert [verb for verb in cloud.verbs() if verb in ("create", "delete")] == ["create", "delete"] * 3
    assert all("--spot" in call for call in cloud.created())
    assert "restart 2" in done.stderr
    resumed = [*TRAINING, "--resume"]
    assert cloud.trainings(0) == cloud.trainings(1) == [TRAINING, resumed, resumed]


def test_run_on_spot_outlives_a_preemption_in_the_middle_of_setup(cloud):
    cloud.tell(next=[["READY", "PREEMPTED"]], training=["0", "0"], unreachable={"0": 3})
    cloud.do("run", *SETTINGS, "--spot")
    assert [verb for verb in cloud.verbs() if verb in ("create", "delete")] == ["create", "delete"] * 2
    assert cloud.trainings(1) == [TRAINING]  # nothing had begun before


def test_run_begins_again_on_workers_that_were_repaired(cloud):
    cloud.tell(tpu=["READY", "READY", "REPAIRING", "READY"], training=["0"])
    cloud.do("run", *SETTINGS)
    assert cloud.trainings(0) == [TRAINING, [*TRAINING, "--resume"]]


def test_run_goes_on_with_a_training_that_was_told_to_stop(cloud):
    cloud.trains("told")
    cloud.do("run", *SETTINGS)
    assert cloud.trainings(0) == cloud.trainings(1) == [TRAINING, [*TRAINING, "--resume"]]
    assert cloud.verbs().count("create") == 1


@pytest.mark.parametrize(
    ("state", "flags", "message"),
    [
        (
            ["PREEMPTED"],
            [],
            "sept-jax is PREEMPTED; next: ./launch_tpu.sh resume",
        ),  # on demand: no surprise on the bill
        (
            [],
            ["--spot"],
            "sept-jax was deleted; next: ./launch_tpu.sh resume",
        ),  # by hand, in another terminal
    ],
)
def test_run_makes_no_tpu_that_nobody_asked_for(cloud, state, flags, message):
    cloud.tell(next=[["READY", "READY", "GONE"]])
    gcloud = cloud.folder / "path" / "gcloud"
    gcloud.write_text(
        gcloud.read_text().replace(
            "if now in (",
            f'if now == "GONE":\n        cloud["tpu"] = {state}\n        describe(kind)\n    if now in (',
        )
    )
    one_line(cloud.launch("run", *SETTINGS, *flags), 1, message)
    assert cloud.verbs().count("create") == 1
    assert "delete" not in cloud.verbs()


def test_a_training_that_fails_ends_the_run_and_keeps_the_tpu_for_its_logs(cloud):
    cloud.trains(2)
    done = cloud.launch("run", *SETTINGS, "--spot")
    one_line(done, 1, "the training failed; next: ./launch_tpu.sh logs", "sept-jax is still billed")
    assert (cloud.verbs().count("create"), cloud.verbs().count("delete")) == (1, 0)
    assert len(cloud.trainings(0)) == 1


def test_delete_finds_out_what_there_is(cloud):
    cloud.tell(tpu=["READY"], queue=["ACTIVE"])
    cloud.do("delete", "--zone=z1")
    assert cloud.calls("queued-resources", "delete")[0][-1] == "--force"
    assert "there is nothing to delete" in cloud.do("delete", "--zone=z1").stderr
    cloud.tell(tpu=["READY"])
    cloud.do("delete", "--zone=z1", "--name=sept-jax")
    assert cloud.verbs() == ["delete", "delete"]


@pytest.mark.parametrize(
    ("command", "settings", "message"),
    [
        ("up", ["--accelerator=v4-8"], "--zone is missing: type --zone=... or export SEPT_ZONE=..."),
        ("up", ["--zone=z1"], "--accelerator is missing"),
        ("run", ["--zone=z1", "--accelerator=v4-8", "--workdir=gs://b/r"], "--config is missing"),
        ("start", ["--zone=z1", "--config=configs/a.py"], "--workdir is missing"),
        (
            "start",
            [*SETTINGS[:3], "--workdir=runs/x"],
            "must be gs://BUCKET/NAME or a path that begins with /",
        ),
        ("run", [*SETTINGS, "--config=configs/b.py"], "there is no such file"),
        ("up", [*SETTINGS, "--spott"], "--spott is no setting"),
        (
            "up",
            [*SETTINGS, "--zone", "z1"],
            "--zone is no setting: type ./launch_tpu.sh help (a value follows an =)",
        ),
        ("upp", SETTINGS, "upp is no command"),
    ],
)
def test_bad_settings_are_one_line_before_anything_is_called(cloud, command, settings, message):
    done = cloud.launch(command, *settings)
    assert message in one_line(done, 2)
    assert (done.stderr.count("\n"), done.stdout) == (1, "")
    assert cloud.calls() == []


def test_gcloud_that_is_not_there(cloud):
    (cloud.folder / "path" / "gcloud").unlink()
    (cloud.folder / "path" / "dirname").symlink_to(shutil.which("dirname"))
    done = cloud.launch("up", *SETTINGS, PATH=str(cloud.folder / "path"))
    one_line(done, 2, "gcloud is not installed", "then type gcloud init")


ALL = ("up", "setup", "start", "status", "logs", "watch", "stop", "resume", "delete", "run")


@pytest.mark.parametrize("command", ALL)
def test_a_dry_run_calls_nothing_and_prints_what_would_be_called(cloud, command):
    cloud.trains(0)
    if command not in ("up", "resume", "run"):
        cloud.tell(tpu=["READY"])
    if command in ("start", "logs", "watch"):
        cloud.do("setup", "--zone=z1")
    if command in ("logs", "watch"):
        cloud.do("start", *SETTINGS)
        cloud.do("watch", *SETTINGS)
    if command == "resume":
        (cloud.folder / "buckets" / "bucket" / "run").mkdir(parents=True)
        (cloud.folder / "buckets" / "bucket" / "run" / "config.json").touch()
    (cloud.folder / "calls").unlink(missing_ok=True)
    extra = "--config.data.path=/a b/it's"
    done = cloud.do(command, *SETTINGS, extra, "--dry-run")
    assert (cloud.calls(), done.stderr) == ([], "")

    cloud.do(command, *SETTINGS, extra)
    expected = different(cloud.calls())
    assert expected
    (cloud.folder / "calls").unlink()
    printed = re.sub(r"/[^ ]*/sept_jax\.tgz", f"{cloud.folder}/sept_jax.tgz", done.stdout)
    environment = {"PATH": f"{cloud.folder / 'path'}:/usr/bin:/bin", "CLOUD": str(cloud.folder)}
    subprocess.run(["bash", "-c", printed], env=environment, capture_output=True, timeout=30)
    assert different(cloud.calls()) == expected


def different(calls):
    """The calls without those that are made again and again, to see whether something has changed."""
    calls = [tuple(re.sub(r".*/sept_jax\.tgz", "sept_jax.tgz", word) for word in call) for call in calls]
    return list(dict.fromkeys(calls))


def test_help_names_every_command():
    for path in (TPU, SLURM):
        done = subprocess.run(["bash", path, "help"], capture_output=True, text=True)
        assert done.returncode == 0
        names = re.search(r"^  ([a-z |]+)\) ;;$", path.read_text(), re.MULTILINE)[1].split(" | ")
        for name in names:
            assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)


# Slurm

SRUN = """#!/bin/bash
printf '%s\\n' "$@" >"$CLOUD/srun"
trap 'exit 137' TERM # it kills its tasks
code=$(cat "$CLOUD/training")
case $code in
  finishes) sleep 0.02 && touch "$CLOUD/run/summary.json" && exit 0 ;;
  forever)
    touch "$CLOUD/trains"
    for _ in {1..500}; do
      [[ ! -e $CLOUD/told ]] || { sleep 0.2 && touch "$CLOUD/saved" && exit 0; }
      sleep 0.02
    done ;;
esac
exit "$code"
"""
KEEP = """#!/bin/bash
echo "$(basename "$0") $*" >>"$CLOUD/calls"
[[ $(basename "$0") != sbatch ]] || cat >"$CLOUD/job"
[[ $(basename "$0") != scancel || $1 != --signal=TERM ]] || touch "$CLOUD/told"
[[ ! -e "$CLOUD/$(basename "$0").out" ]] || cat "$CLOUD/$(basename "$0").out"
[[ ! -e "$CLOUD/$(basename "$0").fails" ]] || { echo "it is down" >&2; exit 1; }
"""


class Cluster:
    def __init__(self, folder):
        self.folder, self.tree = folder, folder / "a tree"
        for name in ("path", "a tree/configs", "a tree/.venv/bin"):
            (folder / name).mkdir(parents=True)
        for name in ("sbatch", "squeue", "scancel", "scontrol"):
            script(folder / "path" / name, KEEP)
        script(folder / "path" / "srun", SRUN)
        script(self.tree / ".venv" / "bin" / "python", "#!/bin/bash\n")
        (self.tree / "configs" / "a.py").touch()
        shutil.copy(SLURM, self.tree)
        self.workdir = folder / "run"
        self.settings = ["--config=configs/a.py", f"--workdir={self.workdir}"]
        self.environment = {
            "PATH": f"{folder / 'path'}:/usr/bin:/bin",
            "CLOUD": str(folder),
            "SLURM_JOB_ID": "7",
        }

    def launch(self, *arguments):
        command = ["bash", self.tree / "launch_slurm.sh", *arguments]
        options = {
            "env": self.environment,
            "cwd": self.folder,
            "capture_output": True,
            "text": True,
            "timeout": 30,
        }
        return subprocess.run(command, **options)

    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def job(self, *arguments):
        """The script that is submitted."""
        done = self.launch("start", *self.settings, *arguments)
        assert done.returncode == 0, done.stderr
        return (self.folder / "job").read_text()

    def runs(self, job, training):
        (self.folder / "training").write_text(str(training))
        if not (self.folder / "squeue.out").exists():
            (self.folder / "squeue.out").write_text("RUNNING\n")
        return subprocess.Popen(
            ["bash", "-c", job], env=self.environment, stderr=subprocess.PIPE, text=True, cwd=self.folder
        )

    def requeues(self):
        return sum(call.startswith("scontrol requeue") for call in self.calls())

    def training(self):
        return (self.folder / "srun").read_text().splitlines()


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path)


def test_slurm_job_has_one_process_a_gpu_and_comes_back(cluster):
    (cluster.folder / "sbatch.out").write_text("42\n")
    job = cluster.job("--nodes=2", "--gpus=8", "--sbatch=--partition=gpu", "--sbatch=--account=lab")
    directives = re.findall(r"^#SBATCH (.*)$", job.split("set -euo")[0], re.MULTILINE)
    assert set(directives) >= {
        "--nodes=2", "--ntasks-per-node=8", "--gpus-per-node=8", "--requeue", "--signal=B:USR1@300",
        "--open-mode=append", f"--output={cluster.workdir}/slurm-%j.log", "--partition=gpu", "--account=lab",
    }  # fmt: skip
    assert cluster.workdir.is_dir()  # Slurm does not make the log's folder
    assert cluster.calls()[-1] == "sbatch --parsable"


def test_slurm_job_starts_the_run_and_then_resumes_it(cluster):
    extra = '--config.data.path=/a b/it\'s "$HOME"'
    job = cluster.job(extra)
    assert cluster.runs(job, "finishes").wait() == 0
    python = f"{cluster.tree}/.venv/bin/python"
    first = [python, "-m", "sept_jax.train", "--distributed", *cluster.settings, extra]
    flags = ["--cpus-per-task=8", "--gpu-bind=none", "--kill-on-bad-exit=1"]
    assert cluster.training() == [*flags, *first]
    (cluster.workdir / "config.json").touch()
    assert cluster.runs(job, 3).wait() == 3
    assert cluster.training() == [*flags, *first, "--resume"]
    assert cluster.requeues() == 0  # neither what has finished nor what fails


def test_slurm_job_is_requeued_before_its_time_is_over(cluster):
    (cluster.folder / "run").mkdir()
    (cluster.folder / "run" / "summary.json").touch()  # of an earlier, shorter run
    process = cluster.runs(cluster.job(), "forever")
    wait_for((cluster.folder / "trains").exists)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=10) == 0
    assert "scancel --signal=TERM 7" in cluster.calls()
    assert (cluster.folder / "saved").exists()  # the job waits for it
    assert cluster.calls()[-1] == "scontrol requeue 7"


@pytest.mark.parametrize(
    ("code", "state", "requeues"), [(0, "RUNNING", 1), (143, "RUNNING", 1), (0, "COMPLETING", 0)]
)
def test_slurm_job_is_requeued_after_a_preemption_and_not_when_it_was_cancelled(
    cluster, code, state, requeues
):
    job = cluster.job()
    (cluster.folder / "squeue.out").write_text(f"{state}\n")
    assert cluster.runs(job, code).wait() == code  # Slurm has told the training to stop: there is no summary
    assert cluster.requeues() == requeues


def test_slurm_job_that_is_ended_itself_stays_away(cluster):
    process = cluster.runs(cluster.job(), "forever")
    wait_for((cluster.folder / "trains").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == -signal.SIGTERM
    assert cluster.requeues() == 0


def test_slurm_submits_a_workdir_once(cluster):
    (cluster.folder / "squeue.out").write_text("42 RUNNING\n")
    done = cluster.launch("start", *cluster.settings)
    assert (done.returncode, done.stderr) == (0, "sept_jax-run is in the queue already: 42 RUNNING\n")
    assert [call.split()[0] for call in cluster.calls()] == ["squeue"]
    assert cluster.launch("status", *cluster.settings).stdout == "42 RUNNING\n"
    assert cluster.launch("stop", *cluster.settings).returncode == 0
    assert cluster.calls()[-1].endswith(" --name=sept_jax-run")
    assert cluster.calls()[-1].startswith("scancel --user=")


@pytest.mark.parametrize(
    ("tool", "message"), [("sbatch", "sbatch refused the job"), ("squeue", "does not answer")]
)
def test_slurm_that_fails_is_told(cluster, tool, message):
    (cluster.folder / f"{tool}.fails").touch()
    done = cluster.launch("start", *cluster.settings)
    assert "it is down" in done.stderr
    one_line(done, 1, "step start failed", message, "next: ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["--config=configs/a.py"], "--workdir is missing"),
        (["--workdir=runs/x"], "--config is missing"),
        (["--workdir=runs/x", "--config=configs/b.py"], "there is no such file"),
        (["--workdir=a b", "--config=configs/a.py"], "has a space"),
        (["--workdir=gs://b/r", "--config=configs/a.py"], "must be a path"),
        (["--workdir=r", "--config=configs/a.py", "--gpus=all"], "must be numbers"),
        (["--workdir=r", "--config=configs/a.py", "--gpus=0"], "must be numbers above 0, one is '0'"),
        (["--workdir=r", "--config=configs/a.py", "--venv=nowhere"], "type python3 -m venv nowhere"),
        (["--workdir=r", "--partition=gpu"], "--partition=gpu is no setting"),
    ],
)
def test_slurm_bad_settings_are_one_line_before_anything_is_called(cluster, settings, message):
    done = cluster.launch("start", *settings)
    assert message in one_line(done, 2)
    assert done.stderr.count("\n") == 1
    assert cluster.calls() == []


def test_slurm_dry_run_prints_the_job_and_calls_nothing(cluster):
    done = cluster.launch("start", *cluster.settings, "--dry-run")
    assert cluster.calls() == []
    assert not cluster.workdir.exists()
    assert done.stdout == cluster.job()
    asked = cluster.calls()
    assert cluster.launch("stop", *cluster.settings, "--dry-run").stdout.startswith("scancel --user=")
    assert cluster.calls() == asked


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not on PATH")
def test_shellcheck(cluster):
    job = cluster.folder / "job.sh"
    job.write_text(cluster.launch("start", *cluster.settings, "--dry-run").stdout)
    made_later = "--exclude=SC1090,SC1091"  # what .ci/run sources
    done = subprocess.run(
        ["shellcheck", made_later, TPU, SLURM, ROOT / ".ci" / "run", job], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
