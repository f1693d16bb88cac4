"""Parameters stay in their files, and are read by the slices that are asked for."""

import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import scripted
from model_files import NAMES, golden, write_hf
from safetensors.numpy import save_file
from test_huggingface import shard

from sept_jax import experiment as experiments
from sept_jax import sharding
from sept_jax.errors import UserError
from sept_jax.experiment import place_params
from sept_jax.models import decoder
from sept_jax.models.huggingface import load_config, load_params
from sept_jax.models.layout import HUGGING_FACE, StoredParam, file_tensors

MESHES = [(1, 8, 1), (2, 2, 2)]


def in_memory(weights: dict, config) -> dict:
    """The parameters by path, from whole tensors: matrices turned but for the embedding, layers stacked."""
    found = {}
    for keys, _ in jax.tree_util.tree_leaves_with_path(decoder.abstract_params(config)):
        name = keys[-1].key
        arrays = [
            weights[HUGGING_FACE[name].format(layer=layer)].astype(np.float32)
            for layer in range(config.num_layers)
        ]
        arrays = [array.T if array.ndim == 2 and name != "embed" else array for array in arrays]
        found[jax.tree_util.keystr(keys)] = np.stack(arrays) if len(keys) > 1 else arrays[0]
    return found


def by_path(params) -> dict:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}


def random_index(shape, rng):
    """An int, a span, a span from the end or the whole axis, for all axes or the leading ones."""
    index = []
    for size in shape[: rng.integers(1, len(shape) + 1)]:
        low, high = sorted(rng.integers(0, size + 1, 2).tolist())
        kinds = (int(rng.integers(-size, size)), slice(low, high), slice(-max(low, 1), None), slice(None))
        index.append(kinds[rng.integers(len(kinds))])
    return tuple(index)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_every_slice_equals_that_of_the_whole(name, dtype, tmp_path):
    model = golden(name)
    model["weights"] = {key: weight.astype(dtype) for key, weight in model["weights"].items()}
    shard(tmp_path, model)
    config = load_config(tmp_path)
    stored, rng = by_path(load_params(tmp_path, config)), np.random.default_rng(0)
    expected = in_memory(model["weights"], config)
    assert stored.keys() == expected.keys()
    for path, whole in expected.items():
        leaf = stored[path]
        assert isinstance(leaf, StoredParam)
        assert (leaf.shape, leaf.dtype, leaf.size, leaf.nbytes) == (
            whole.shape, whole.dtype, whole.size, whole.nbytes
        )  # fmt: skip
        np.testing.assert_array_equal(leaf, whole, err_msg=path)
        np.testing.assert_array_equal(jnp.asarray(leaf), whole, err_msg=path)
        for index in [(), *(random_index(whole.shape, rng) for _ in range(20))]:
            part = leaf[index]
            assert part.dtype == np.float32
            np.testing.assert_array_equal(part, whole[index], err_msg=f"{path} {index}")


def test_what_is_no_slice(tmp_path):
    model = golden("qwen2")
    directory = write_hf(tmp_path, model["config"], model["weights"], tokenizer=False)
    leaf = load_params(directory, load_config(directory))["layers"]["up"]
    for index in (slice(0, 2, 2), (0, 0, 0, 0), 2, -3):
        with pytest.raises(IndexError):
            leaf[index]
    with pytest.raises(ValueError, match="no array yet"):
        np.asarray(leaf, copy=False)


def test_a_file_that_goes_after_the_headers_were_read(tmp_path):
    model = golden("qwen2")
    directory = write_hf(tmp_path, model["config"], model["weights"], tokenizer=False)
    params = load_params(directory, load_config(directory))
    (directory / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        params["layers"]["up"][0]


def recorded(params, counts):
    """The parameters; `counts` gets the entries read of each and the parts of each tensor."""

    def one(path, leaf):
        def read(name, index):
            part = leaf.read(name, index)
            counts.setdefault(jax.tree_util.keystr(path), []).append((name, str(index), part.size))
            return part

        return dataclasses.replace(leaf, read=read)

    return jax.tree_util.tree_map_with_path(one, params)


@pytest.fixture
def stored(tmp_path):
    """A model's config, its parameters in files, and the same in memory."""
    model = golden("qwen3")
    directory = write_hf(tmp_path, model["config"], model["weights"], tokenizer=False)
    config = load_config(directory)
    return config, load_params(directory, config), in_memory(model["weights"], config)


@pytest.mark.parametrize("at_once", [2**25, 64])
@pytest.mark.parametrize("mesh", MESHES)
def test_every_slice_is_read_once(mesh, at_once, stored, monkeypatch):
    """Whichever devices hold it, and whether a parameter comes whole or by layers."""
    monkeypatch.setattr(experiments, "_AT_ONCE", at_once)
    config, params, expected = stored
    mesh, counts = sharding.make_mesh(mesh), {}
    experiment = dataclasses.replace(scripted.experiment(), model=config, mesh=mesh)
    with jax.set_mesh(mesh):
        placed = place_params(experiment, recorded(params, counts))
    cut = sharding.tree_shardings(decoder.logical_axes(config), decoder.abstract_params(config), mesh)
    for (path, leaf), wanted in zip(by_path(placed).items(), jax.tree.leaves(cut), strict=True):
        np.testing.assert_array_equal(leaf, expected[path], err_msg=path)
        assert leaf.sharding == wanted, path
        assert sum(size for _, _, size in counts[path]) == leaf.size, path
        assert len(set(counts[path])) == len(counts[path]), path
        pieces = leaf.size // np.prod(wanted.shard_shape(leaf.shape))
        tensors = config.num_layers if "layers" in path else 1
        assert len(counts[path]) == pieces * tensors, path
    assert max(len(parts) for parts in counts.values()) >= 4 * config.num_layers


@pytest.mark.parametrize("mesh", MESHES)
def test_arrays_are_placed_as_files_are(mesh, stored):
    """Numpy's too, again and again, what was placed before being given away; what is on the mesh is left."""
    config, params, expected = stored
    mesh = sharding.make_mesh(mesh)
    experiment = dataclasses.replace(scripted.experiment(), model=config, mesh=mesh)
    host = jax.tree.map(np.asarray, params)
    for source in (host, host, params, params):
        placed = place_params(experiment, source)
        again = place_params(experiment, placed)
        for (path, leaf), same in zip(by_path(placed).items(), jax.tree.leaves(again), strict=True):
            np.testing.assert_array_equal(leaf, expected[path], err_msg=path)
            for one, other in zip(leaf.addressable_shards, same.addressable_shards, strict=True):
                assert one.data.unsafe_buffer_pointer() == other.data.unsafe_buffer_pointer()
        jax.block_until_ready(jax.jit(lambda p: jax.tree.map(jnp.negative, p), donate_argnums=0)(placed))


def wide_model(directory: pathlib.Path, dtype, limit: int) -> None:
    """Random weights in shards of at most `limit` bytes."""
    fields = {
        "model_type": "llama",
        "vocab_size": 8192,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24 // np.dtype(dtype).itemsize,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
    }
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(fields))
    rng, shards, weight_map = np.random.default_rng(0), [{}], {}
    for tensor in file_tensors(load_config(directory), HUGGING_FACE):
        array = rng.standard_normal(tensor.shape, np.float32).astype(dtype)
        if sum(other.nbytes for other in shards[-1].values()) + array.nbytes > limit:
            save_file(shards[-1], directory / f"{len(shards)}.safetensors")
            shards[-1].clear()
            shards.append({})
        shards[-1][tensor.name] = array
        weight_map[tensor.name] = f"{len(shards)}.safetensors"
    save_file(shards[-1], directory / f"{len(shards)}.safetensors")
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


CHILD = """
import json, os, pathlib, sys, types
import jax, numpy as np
from sept_jax import experiment, sharding
from sept_jax.models.huggingface import load_config, load_params
"""
MEMORY = """
mesh = sharding.make_mesh((1, -1, 1))
jax.jit(lambda x: x + 1)(np.zeros(3)).block_until_ready()
resting = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
config = load_config(pathlib.Path(sys.argv[1]))
given = types.SimpleNamespace(model=config, mesh=mesh)
placed = experiment.place_params(given, load_params(pathlib.Path(sys.argv[1]), config))
held = sum(shard.data.nbytes for leaf in jax.tree.leaves(placed) for shard in leaf.addressable_shards)
status = open("/proc/self/status").read()  # ru_maxrss would count what the parent held
peak = 1024 * int(status.partition("VmHWM:")[2].split()[0])
print(json.dumps([peak - resting - held, held]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("devices", [1, 8])
@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_peak_memory(dtype, devices, tmp_path):
    """The peak resident memory of a process that loads and places a model of four shards of 100 MB and a
    small one, above what it has with jax started and above the placed arrays, which lie in the same memory.

    Mapped files count. glibc is told to give freed blocks of 1 MiB back, as it does larger ones in any case.
    """
    limit = 100 * 2**20
    wide_model(tmp_path / "model", dtype, limit)
    flags = f"--xla_force_host_platform_device_count={devices}"
    done = subprocess.run(
        [sys.executable, "-c", CHILD + MEMORY, tmp_path / "model"],
        env=os.environ | {"XLA_FLAGS": flags, "MALLOC_MMAP_THRESHOLD_": str(2**20)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    above, held = json.loads(done.stdout.splitlines()[-1])
    sizes = [path.stat().st_size for path in (tmp_path / "model").glob("*.safetensors")]
    assert len(sizes) >= 4
    assert held >= sum(sizes) * 4 / np.dtype(dtype).itemsize - 2**20
    assert above < 1.3 * max(sizes), f"{above / 2**20:.0f} MiB"


TWO = """
jax.distributed.initialize(sys.argv[2], 2, int(sys.argv[3]))
experiment._AT_ONCE = int(sys.argv[4])
config = load_config(pathlib.Path(sys.argv[1]))
params = load_params(pathlib.Path(sys.argv[1]), config)
read = {}
def recorded(path, leaf):
    def count(name, index):
        part = leaf.read(name, index)
        read[path[-1].key] = read.get(path[-1].key, 0) + part.size
        return part
    return experiment.dataclasses.replace(leaf, read=count)
recording = jax.tree_util.tree_map_with_path(recorded, params)
for shape in ((1, 8, 1), (2, 2, 2)):
    read.clear()
    mesh = sharding.make_mesh(shape)
    with jax.set_mesh(mesh):
        placed = experiment.place_params(types.SimpleNamespace(model=config, mesh=mesh), recording)
    for leaf, whole in zip(jax.tree.leaves(placed), jax.tree.leaves(params)):
        for shard in leaf.addressable_shards:
            np.testing.assert_array_equal(shard.data, np.asarray(whole)[shard.index])
    print(json.dumps(read), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [2**25, 64])
def test_two_processes_read_their_own_slices(at_once, tmp_path):
    """Over (1, 8, 1) each of two processes with four devices has half of what is cut; over (2, 2, 2) a copy
    of the model."""
    model = golden("qwen3")
    directory = write_hf(tmp_path, model["config"], model["weights"], tokenizer=False)
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD + TWO, directory, address, str(rank), str(at_once)],
            env=os.environ | flags, stdout=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        printed = [child.communicate(timeout=120)[0] for child in children]
    finally:
        for child in children:
            child.kill()
    assert [child.returncode for child in children] == [0, 0]
    config = load_config(directory)
    sizes = {
        path[-1].key: leaf.size
        for path, leaf in jax.tree_util.tree_leaves_with_path(decoder.abstract_params(config))
    }
    cut = {name: size // 2 if not name.endswith("norm") else size for name, size in sizes.items()}
    for lines in printed:
        assert list(map(json.loads, lines.splitlines()[-2:])) == [cut, sizes]
