import os
import re
import shutil
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from sept_jax.checkpoint import Checkpoints
from sept_jax.errors import UserError

MODEL = {"family": "llama", "hidden_size": 8, "rope": {"theta": 1e4}}


def make_tree(seed=0):
    params = {
        "w": jax.random.normal(jax.random.key(seed), (8, 6), jnp.bfloat16),
        "b": jax.random.normal(jax.random.key(seed + 1), (6,)) * jnp.float32(1e-38),
        "layers": [jnp.arange(5), jnp.array([jnp.nan, jnp.inf, -0.0])],
    }
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3, mu_dtype=jnp.float32))
    return {
        "state": {"params": params, "opt": optimizer.init(params), "frozen": {}, "step": jnp.int32(seed)},
        "key": jax.random.key(seed + 7),
        "curriculum": (
            np.arange(3, dtype=np.int64) << 40,
            np.array([0.1, 0.2]),
            np.array(True),
            np.zeros((0, 4)),
        ),
    }


def bits(leaf):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    array = np.ascontiguousarray(leaf)
    return array.shape, str(array.dtype), array.tobytes()


def assert_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert type(one) is type(other)
        assert one.dtype == other.dtype
        assert bits(one) == bits(other)


def abstract(tree):
    def shape(leaf):
        return leaf if isinstance(leaf, np.ndarray) else jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)

    return jax.tree.map(shape, tree)


@pytest.mark.parametrize("as_like", [abstract, lambda tree: tree], ids=["shapes", "arrays"])
def test_round_trip_is_exact(tmp_path, as_like):
    tree = make_tree()
    first = Checkpoints(tmp_path, keep=2, model=MODEL)
    first.save(3, tree, {"seconds": 1.5, "config": {"a": None}})
    first.close()
    second = Checkpoints(tmp_path, keep=2, model=MODEL)
    found, metadata = second.restore(None, as_like(tree))
    assert_same(found, tree)
    assert metadata == {"seconds": 1.5, "config": {"a": None}}
    assert jax.random.bits(found["key"]) == jax.random.bits(tree["key"])
    second.close()


def test_a_saved_array_may_be_donated_and_changed_at_once(tmp_path):
    update = jax.jit(lambda x: x + 1, donate_argnums=0)
    weights, counts = jnp.zeros((512, 1024)), np.zeros(1000)
    checkpoints = Checkpoints(tmp_path, keep=9, model=MODEL)
    for step in range(4):
        checkpoints.save(step, {"w": weights, "n": counts}, {})
        weights = update(weights)
        counts += 1
    checkpoints.wait()
    for step in range(4):
        found, _ = checkpoints.restore(step, {"w": weights, "n": counts})
        assert np.unique(found["w"]).tolist() == [step]
        assert np.unique(found["n"]).tolist() == [step]
    checkpoints.close()


def test_restores_onto_the_sharding_that_is_asked_for(tmp_path):
    mesh = jax.make_mesh((2, 4), ("data", "fsdp"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
    split = NamedSharding(mesh, PartitionSpec("fsdp", None))
    everywhere = NamedSharding(mesh, PartitionSpec())
    tree = {"w": jnp.arange(48.0).reshape(8, 6), "key": jax.random.key(1)}
    checkpoints = Checkpoints(tmp_path, keep=1, model=MODEL)
    checkpoints.save(1, tree, {})
    like = {
        "w": jax.ShapeDtypeStruct((8, 6), jnp.float32, sharding=split),
        "key": jax.ShapeDtypeStruct((), tree["key"].dtype, sharding=everywhere),
    }
    found, _ = checkpoints.restore(1, like)
    assert found["w"].sharding == split
    assert found["key"].sharding.is_equivalent_to(everywhere, 0)
    assert_same(found, tree)
    checkpoints.save(2, found, {})
    back, _ = checkpoints.restore(2, tree)
    assert back["w"].sharding == tree["w"].sharding
    assert_same(back, tree)
    checkpoints.close()


def test_part_of_the_tree(tmp_path):
    tree = make_tree()
    checkpoints = Checkpoints(tmp_path, keep=1, model=MODEL)
    checkpoints.save(0, tree, {})
    found, _ = checkpoints.restore(0, {"key": tree["key"]})
    assert_same(found, {"key": tree["key"]})
    checkpoints.close()


def test_keeps_the_base_and_the_newest(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2, model=MODEL)
    assert checkpoints.latest() is None
    assert checkpoints.steps() == []
    for step in (0, 5, 10, 15):
        checkpoints.save(step, {"n": np.array(step)}, {})
    checkpoints.wait()
    assert checkpoints.steps() == [0, 10, 15]
    assert checkpoints.latest() == 15
    checkpoints.close()
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["0", "10", "15"]


def test_the_best_is_kept_until_there_is_a_better(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1, model=MODEL)
    kept = []
    for step, best in ((0, 0), (5, 5), (10, 5), (15, 5), (20, 20), (25, 20)):
        checkpoints.save(step, {"n": np.array(step)}, {}, [best])
        checkpoints.wait()
        kept.append(checkpoints.steps())
    assert kept == [[0], [0, 5], [0, 5, 10], [0, 5, 15], [0, 15, 20], [0, 20, 25]]
    checkpoints.close()


def test_the_newest_of_some(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=9, model=MODEL)
    for step in (0, 5, 10):
        checkpoints.save(step, {"n": np.array(step)}, {"step": step})
    checkpoints.wait()
    like = {"n": np.array(0)}
    among = (None, [0, 5], [0, 7], [0, 5, 7])
    assert [checkpoints.restore(None, like, some)[1]["step"] for some in among] == [10, 5, 0, 5]
    flip_a_bit(tmp_path / "5" / "manifest.json")
    checkpoints.close()
    again = Checkpoints(tmp_path, keep=9, model=MODEL)
    assert again.restore(None, like, [0, 5])[1]["step"] == 0
    again.close()


def test_what_is_saved_outlives_a_later_step_that_cannot_be_read(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1, model=MODEL)
    for step in (0, 10):
        checkpoints.save(step, {"n": np.array(step)}, {"step": step})
    checkpoints.wait()
    flip_a_bit(tmp_path / "10" / "manifest.json")
    checkpoints.save(5, {"n": np.array(5)}, {"step": 5})
    checkpoints.close()
    again = Checkpoints(tmp_path, keep=1, model=MODEL)
    assert again.restore(None, {"n": np.array(0)})[1]["step"] == 5
    again.close()


def test_a_step_that_exists_is_replaced(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2, model=MODEL)
    for value in (1, 2):
        checkpoints.save(5, {"n": np.array(value)}, {"value": value})
    found, metadata = checkpoints.restore(5, {"n": np.array(0)})
    assert (found["n"], metadata["value"]) == (2, 2)
    checkpoints.close()


def test_missing_checkpoints(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2, model=MODEL)
    with pytest.raises(UserError, match="has no checkpoint: it has none; pass the --workdir"):
        checkpoints.restore(None, {})
    checkpoints.save(4, {"n": np.array(1)}, {})
    checkpoints.wait()
    with pytest.raises(UserError, match="no checkpoint of step 3: it has steps 4"):
        checkpoints.restore(3, {"n": np.array(1)})
    checkpoints.close()


@pytest.mark.parametrize(
    ("model", "like", "difference"),
    [
        ({**MODEL, "hidden_size": 16}, None, r"model\.hidden_size is 8 there and 16 here"),
        (
            {**MODEL, "rope": {"theta": 1e6}},
            None,
            r"model\.rope\.theta is 10000\.0 there and 1000000\.0 here",
        ),
        (MODEL, {"p": {"w": np.zeros((2, 4))}}, r"p/w is float64\[2, 3\] there and float64\[2, 4\] here"),
        (
            MODEL,
            {"p": {"w": np.zeros((2, 3), np.float32)}},
            r"p/w is float64\[2, 3\] there and float32\[2, 3\] here",
        ),
        (
            MODEL,
            {"p": {"v": np.zeros((2, 3))}},
            r"p/v is missing there and float64\[2, 3\] here; p/w is float64",
        ),
        (
            MODEL,
            {"p": {}, "q": np.zeros(1)},
            r"p/w is float64\[2, 3\] there and missing here; q is missing there",
        ),
    ],
)
def test_a_checkpoint_of_another_model_names_what_differs(tmp_path, model, like, difference):
    tree = {"p": {"w": np.ones((2, 3))}}
    first = Checkpoints(tmp_path, keep=2, model=MODEL)
    first.save(1, tree, {})
    first.close()
    second = Checkpoints(tmp_path, keep=2, model=model)
    with pytest.raises(UserError, match=rf"1 is of another model: {difference}.*pass the config"):
        second.restore(None, like or tree)
    second.close()


def run_python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], capture_output=True, text=True
    )


def truncate(file):
    os.truncate(file, file.stat().st_size // 2)


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, os.unlink])
def test_every_damaged_file_is_told_and_the_checkpoint_before_is_used(tmp_path, damage, caplog):
    tree = {"w": jax.random.normal(jax.random.key(0), (64, 64)), "n": np.arange(9)}
    whole = Checkpoints(tmp_path / "whole", keep=2, model={})
    for step in (0, 1):
        whole.save(step, tree, {"step": step})
    whole.close()
    files = [file for file in (tmp_path / "whole" / "1").rglob("*") if file.is_file() and file.stat().st_size]
    assert len(files) >= 5
    for number, file in enumerate(files):
        copy = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", copy)
        damage(copy / file.relative_to(tmp_path / "whole"))
        checkpoints = Checkpoints(copy, keep=2, model={})
        caplog.clear()
        found, metadata = checkpoints.restore(None, tree)
        assert metadata == {"step": 0}
        assert_same(found, tree)
        if file.name == "manifest.json" and damage is os.unlink:
            assert checkpoints.steps() == [0]  # a save that was cut off
        else:
            said = rf"checkpoint {copy}/1 is truncated or corrupt \(.*\): the one before is of step 0"
            assert re.search(said, caplog.text)
            with pytest.raises(UserError, match=said):
                checkpoints.restore(1, tree)
        checkpoints.save(1, tree, {"step": 1})
        assert checkpoints.restore(None, tree)[1] == {"step": 1}
        checkpoints.close()


def test_no_checkpoint_is_whole(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2, model={})
    checkpoints.save(0, {"n": np.arange(9)}, {})
    checkpoints.wait()
    flip_a_bit(tmp_path / "0" / "manifest.json")
    with pytest.raises(UserError, match=r"0 is truncated or corrupt \(.*\): there is none before it"):
        checkpoints.restore(None, {"n": np.arange(9)})
    checkpoints.close()


def test_a_file_that_was_not_saved_is_told(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2, model={})
    checkpoints.save(0, {"n": np.arange(9)}, {})
    checkpoints.close()
    (tmp_path / "0" / "arrays" / "more").write_text("x")
    with pytest.raises(UserError, match="arrays/more is not what was saved"):
        Checkpoints(tmp_path, keep=2, model={}).restore(None, {"n": np.arange(9)})


def test_a_disk_that_fills_up_while_saving(tmp_path):
    done = run_python(
        """
        import resource, signal, sys
        import jax, numpy as np
        from sept_jax.checkpoint import Checkpoints
        from sept_jax.errors import UserError

        tree = {"w": np.random.default_rng(0).normal(size=200_000)}
        checkpoints = Checkpoints(sys.argv[1], keep=2, model={})
        checkpoints.save(1, tree, {})
        checkpoints.wait()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        try:
            checkpoints.save(2, tree, {})
            checkpoints.wait()
        except UserError as error:
            print(error)
        print(checkpoints.steps(), checkpoints.latest())
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        checkpoints.save(2, tree, {})
        checkpoints.close()
        found, _ = Checkpoints(sys.argv[1], keep=2, model={}).restore(2, tree)
        print(np.array_equal(found["w"], tree["w"]))
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    told, steps, again = done.stdout.splitlines()
    assert "is not saved, the disk is full" in told
    assert told.endswith("step 1 is intact: make room, then run the same command with --resume")
    assert steps == "[1] 1"
    assert again == "True"
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["1", "2"]


def test_a_process_killed_while_saving_leaves_no_step(tmp_path):
    done = run_python(
        """
        import os, sys
        import jax, numpy as np
        from sept_jax.checkpoint import Checkpoints

        checkpoints = Checkpoints(sys.argv[1], keep=2, model={})
        checkpoints.save(1, {"n": np.arange(5)}, {})
        checkpoints.wait()
        os.rename = os.replace = lambda *paths, **options: os._exit(9)
        checkpoints.save(2, {"n": np.arange(5)}, {})
        checkpoints.wait()
        """,
        tmp_path,
    )
    assert done.returncode == 9, done.stderr
    assert [folder.name for folder in tmp_path.iterdir() if folder.name != "1"] != []
    checkpoints = Checkpoints(tmp_path, keep=2, model={})
    assert checkpoints.steps() == [1]
    found, _ = checkpoints.restore(None, {"n": np.arange(5)})
    assert found["n"].tolist() == [0, 1, 2, 3, 4]
    checkpoints.save(3, {"n": np.arange(5)}, {})
    checkpoints.close()
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["1", "3"]
