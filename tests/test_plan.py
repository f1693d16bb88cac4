import dataclasses
import importlib.util
import json
import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from configs import gsm8k
from sept_jax import plan
from sept_jax.errors import UserError
from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig
from sept_jax.models.families import config_to_hf
from sept_jax.planning import chips, estimate, verdict
from sept_jax.planning.chips import CHIPS, Chip, Topology
from sept_jax.planning.estimate import Work
from sept_jax.planning.hlo import Collective, collectives
from sept_jax.planning.programs import (
    LOWER,
    Program,
    abstract_state,
    bytes_on_device,
    compile_program,
    extrapolate,
    too_big_bytes,
)
from sept_jax.planning.workload import SIZES, make_workload, model_shape

WIDE = ModelConfig(
    family="llama",
    vocab_size=1024,
    width=128,
    mlp_width=512,
    num_layers=1,
    num_heads=4,
    num_kv_heads=4,
    head_dim=32,
    rope_theta=1e4,
    norm_eps=1e-5,
    max_length=4096,
    tie_embeddings=False,
    qkv_bias=False,
    qk_norm=False,
)
"""Wide enough for its matrix products to outweigh everything else."""
CHIP = Chip(
    "cpu", hbm_bytes=10**9, flops_per_s=1e12, hbm_bytes_per_s=1e10, link_bytes_per_s=1e9, torus_axes=3
)


def config(**changes):
    made = gsm8k.get_config()
    made.prompt.buckets = (8, 32)
    settings = {
        "method": "majority",  # whose loss compiles fastest
        "batch": 8,
        "sampling.group_size": 2,
        "sampling.max_new_tokens": 16,
        "sampling.compactions": 0,
        "sampling.growths": 0,
        "memory.micro_batches": 1,
        "memory.logit_chunk": 16,
    }
    made.update_from_flattened_dict(settings | changes)
    return made


def workload(model=WIDE, **changes):
    return make_workload(config(**changes), model)


def large(size, **changes):
    """16 problems x 16 paths of 512 + 1,024 tokens, all parameters trained, at a published size."""
    made = config(
        **{"batch": 16, "sampling.group_size": 16, "sampling.max_new_tokens": 1024, "memory.logit_chunk": 64}
        | changes
    )
    made.prompt.buckets = (512,)
    return make_workload(made, SIZES[size])


@pytest.fixture(scope="module")
def eight():
    return Topology("cpu:2x2x2", CHIP, jax.devices())


@pytest.fixture(scope="module")
def one():
    return Topology("cpu:1x1x1", CHIP, jax.devices()[:1])


# chips and slices


def test_the_table_of_chips_holds_the_published_figures():
    assert sorted(CHIPS) == ["v4", "v5e", "v5p", "v6e"]
    assert [CHIPS[name].hbm_bytes / 2**30 for name in sorted(CHIPS)] == pytest.approx(
        [30.75, 15.75, 95.74, 31.25]
    )
    assert [CHIPS[name].flops_per_s for name in sorted(CHIPS)] == [275e12, 197e12, 459e12, 918e12]
    ports = [2 * CHIPS[name].torus_axes * CHIPS[name].link_bytes_per_s * 8 for name in sorted(CHIPS)]
    assert ports == [2400e9, 1600e9, 4800e9, 3200e9]  # bit/s a chip
    assert CHIPS["v5e"].ring_bytes_per_s == 100e9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v9:4x4", "--topology=v9:4x4: expected a chip (v4, v5e, v5p, v6e) and its slice, such as v5e:4x4"),
        ("v5e", "--topology=v5e: expected a chip"),
        ("v5e:4", "--topology=v5e:4: expected a chip"),
        ("v5e:4x4x4", "--topology=v5e:4x4x4: a slice of v5e has 2 axes, such as v5e:4x4"),
        ("v5p:4x4", "--topology=v5p:4x4: a slice of v5p has 3 axes, such as v5p:4x4x4"),
        ("v5e:0x4", "--topology=v5e:0x4: a slice of v5e has 2 axes"),
    ],
)
def test_a_slice_that_is_none_says_what_to_type(text, says):
    with pytest.raises(UserError) as error:
        chips.tpu_topology(text)
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


def test_without_libtpu_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"type pip install -e '\.\[tpu\]'"):
        chips.tpu_topology("v5e:4x4")


def test_a_mesh_has_the_chips_of_the_slice(eight):
    assert chips.parse_mesh("1x4x2") == (1, 4, 2)
    assert dict(chips.make_mesh(eight, (1, 4, 2)).shape) == {"data": 1, "fsdp": 4, "tensor": 2}
    with pytest.raises(UserError, match="--mesh=1x4: expected data x fsdp x tensor, such as 1x4x4"):
        chips.parse_mesh("1x4")
    for shape in ((1, 4, 4), (8, 0, 1), (8, 1)):
        with pytest.raises(UserError, match="its product must be the number of chips of cpu:2x2x2, 8"):
            chips.make_mesh(eight, shape)
    assert len(chips.mesh_shapes(eight)) == 10  # the ordered factorisations of 8 into three


# the model's shape


@pytest.mark.parametrize(
    ("size", "billions"), [("0.5B", 0.494), ("1.5B", 1.544), ("7B", 7.616), ("32B", 32.76), ("70B", 70.55)]
)
def test_the_named_sizes_have_as_many_parameters_as_published(size, billions):
    leaves = jax.tree.leaves(decoder.abstract_params(SIZES[size]))
    count = sum(math.prod(leaf.shape) for leaf in leaves)
    assert count / 1e9 == pytest.approx(billions, rel=1e-3)
    assert estimate.parameters(SIZES[size]) == pytest.approx(count, rel=1e-3)  # but for norms and biases


def test_only_the_config_of_a_model_directory_is_read(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config_to_hf(WIDE)))
    made = config(**{"model.path": str(tmp_path)})
    assert model_shape(made) == WIDE
    assert model_shape(made, "7B") == SIZES["7B"]
    (tmp_path / "config.json").unlink()
    with pytest.raises(UserError, match=r"config.json: No such file"):
        model_shape(made)


def test_a_model_that_is_none_says_what_to_type(tmp_path):
    with pytest.raises(UserError, match=r"--size=8B: expected one of 0.5B, 1.5B, 7B, 32B, 70B"):
        model_shape(config(), "8B")
    for path in (str(tmp_path / "none.gguf"), "nobody/nothing"):
        with pytest.raises(UserError, match=f"config.model.path is '{path}'.*--size=7B"):
            model_shape(config(**{"model.path": path}))


def test_a_model_that_takes_fewer_tokens_is_refused():
    with pytest.raises(UserError, match=r"max_new_tokens is 16: .* the model takes 40"):
        workload(dataclasses.replace(WIDE, max_length=40))


# FLOPs


@pytest.mark.parametrize(
    ("program", "changes"),
    [
        ("sampling", {"sampling.max_new_tokens": 2, "prompt.buckets": (8, 128)}),
        ("scoring", {}),
        ("update", {"memory.remat": False}),
        ("update", {"memory.remat": True}),
        ("update", {"memory.remat": True, "lora.rank": 8}),
    ],
)
def test_flops_are_those_that_xla_counts(one, program, changes):
    """One layer, one chunk of logits and one token more than the first: no loop's body runs twice."""
    work = workload(**changes)
    counted = compile_program(program, work, chips.make_mesh(one, (1, 1, 1))).flops_once
    derived = {
        "sampling": estimate.sampling_flops,
        "scoring": estimate.scoring_flops,
        "update": estimate.update_flops,
    }[program](work)
    assert derived == pytest.approx(counted, rel=0.05)


def test_flops_by_hand():
    """2 problems x 2 paths, 8 + 4 tokens, a layer of 196,608 + 65,536 weights, a head of 131,072."""
    work = workload(**{"batch": 2, "sampling.max_new_tokens": 4, "prompt.buckets": (8,)})
    layer = 4 * 128 * 128 + 3 * 128 * 512
    assert estimate.layer_weights(WIDE) == layer
    assert estimate.head_weights(WIDE) == 128 * 1024
    forward = 2 * 32 * layer + 4 * 16 * 8 * 128 + 4 * 16 * 12 * 128 + 2 * 16 * 128 * 1024
    assert estimate.scoring_flops(work) == forward
    decode = 3 * (2 * 4 * (layer + 128 * 1024) + 4 * 4 * 12 * 128)
    assert estimate.sampling_flops(work) == 2 * 16 * layer + 4 * 16 * 8 * 128 + 2 * 2 * 128 * 1024 + decode
    again = forward - 2 * 16 * 128 * 1024 - 2 * 32 * 512 * 128  # the layers, but for their last product
    assert estimate.update_flops(work) == 3 * forward + again + 2 * 16 * 128 * 1024


def test_the_roofline_is_the_slowest_resource():
    parts = estimate.seconds(Work(flops=2e12, hbm_bytes=1e10, sent_bytes=1e9, hops=1000), CHIP)
    assert parts == {"compute": 2.0, "hbm": 1.0, "network": pytest.approx(0.501), "bound": 2.0}
    added = Work(1, 2, 3, 4) + Work(1, 1, 1, 1).times(2)
    assert added == Work(3, 4, 5, 6)


def test_a_step_counts_the_scoring_passes_that_it_takes():
    asked = {"scoring.weights.answer_gain": 1.0, "scoring.weights.self_check": 1.0, "loss.kl_weight": 0.1}
    assert workload().passes == 0
    work = workload(**asked)
    assert (work.passes, work.references) == (3, 1)
    assert workload(**asked | {"lora.rank": 4}).references == 0  # the frozen parameters are the start
    each = estimate.step_seconds(work, {name: Work(1e12, 0, 0, 0) for name in estimate.STAGES}, CHIP)
    assert each == {"sampling": 1.0, "scoring": 1.0, "update": 1.0, "step": 5.0}


# collectives

HLO = """HloModule made

%fused.1 (p: bf16[4]) -> bf16[16] {
  %p = bf16[4]{0} parameter(0)
  ROOT %ag.1 = bf16[16]{0} all-gather(%p), channel_id=1, replica_groups=[2,4]<=[8], dimensions={0}
}

%fused.2 (p.2: bf16[4]) -> bf16[16] {
  %p.2 = bf16[4]{0} parameter(0)
  ROOT %ag.2 = bf16[16]{0} all-gather(%p.2), channel_id=1, replica_groups=[2,4]<=[8], dimensions={0}
}

%all-reduce-scatter.1 (p.3: f32[8]) -> f32[4] {
  %p.3 = f32[8]{0} parameter(0)
  ROOT %ar.1 = f32[8]{0} all-reduce(%p.3), channel_id=2, replica_groups={{0,1},{2,3}}, to_apply=%add
}

%body (s: (s32[], bf16[4])) -> (s32[], bf16[4]) {
  %s = (s32[], bf16[4]{0}) parameter(0)
  %f.1 = bf16[16]{0} fusion(%s), kind=kLoop, calls=%fused.1
  %f.2 = bf16[16]{0} fusion(%f.1), kind=kLoop, calls=%fused.2
  ROOT %t = (s32[], bf16[4]{0}) tuple(%f.2)
}

%counted (s.2: (s32[], bf16[4])) -> pred[] {
  %limit = s32[]{:T(128)} constant(5)
  %s.2 = (s32[], bf16[4]{0}) parameter(0)
  %i = s32[] get-tuple-element(%s.2), index=0
  ROOT %lt = pred[] compare(%i, %limit), direction=LT
}

%free (s.3: (s32[], bf16[4])) -> pred[] {
  %s.3 = (s32[], bf16[4]{0}) parameter(0)
  ROOT %any = pred[] fusion(%s.3), kind=kLoop, calls=%none
}

%outer (s.4: (s32[], bf16[4])) -> (s32[], bf16[4]) {
  %s.4 = (s32[], bf16[4]{0}) parameter(0)
  %ar.2 = (f32[3]{0}, f32[]) all-reduce(%s.4), channel_id=3, replica_groups=mesh['a'=2,'b'=4] {'b'}, use=1
  ROOT %w.1 = (s32[], bf16[4]{0}) while(%s.4), condition=%counted, body=%body
}

ENTRY %main (p.5: bf16[4]) -> bf16[4] {
  %p.5 = bf16[4]{0} parameter(0)
  %rs = f32[4]{0} fusion(%p.5), kind=kCustom, calls=%all-reduce-scatter.1
  %cp = (bf16[4]{0}, bf16[4]{0}, u32[], u32[]) collective-permute-start(%p.5), channel_id=4
  %w.2 = (s32[], bf16[4]{0}) while(%cp), condition=%free, body=%outer
  ROOT %w.3 = (s32[], bf16[4]{0}) while(%w.2), condition=%free, body=%outer
}
"""


def test_collectives_count_as_often_as_their_loops_run():
    found = collectives(HLO, [10])
    # 5 turns in each of 10; 32 bytes of which a device sends three quarters; two hops around four devices
    assert found["all-gather"] == Collective(50, 50 * 32, 50 * 24, 100)
    assert found["all-reduce"] == Collective(10, 10 * 16, 10 * 24, 40)
    assert found["reduce-scatter"] == Collective(1, 16, 16, 1)
    assert found["collective-permute"] == Collective(1, 8, 8, 1)
    assert set(collectives(HLO)) == {"reduce-scatter", "collective-permute"}  # the loops never run


def test_collectives_of_a_compiled_program(eight):
    """A scan over 6 layers whose products are summed over 2 devices."""
    mesh = chips.make_mesh(eight, (1, 4, 2))
    weights = jax.ShapeDtypeStruct(
        (6, 16, 16), jnp.float32, sharding=NamedSharding(mesh, PartitionSpec(None, "tensor", None))
    )
    x = jax.ShapeDtypeStruct((4, 16), jnp.float32, sharding=NamedSharding(mesh, PartitionSpec()))
    with jax.set_mesh(mesh):
        lowered = jax.jit(lambda x, w: jax.lax.scan(lambda c, m: (c @ m, None), x, w)[0]).lower(x, weights)
        found = collectives(lowered.compile().as_text())
    assert (found["all-reduce"].count, found["all-reduce"].hops) == (6, 12)
    assert found["all-reduce"].sent_bytes == found["all-reduce"].result_bytes  # 2 x 1/2 of it


# memory and verdict


def test_state_bytes_follow_the_shardings(eight):
    work = workload()
    sizes = verdict.state_bytes(work, chips.make_mesh(eight, (1, 4, 2)))
    matrices, norms = estimate.parameters(WIDE), 3 * 128
    assert sizes["parameters"] == 4 * (matrices / 8 + norms)
    assert sizes["optimizer"] == pytest.approx(2 * sizes["parameters"], abs=100)
    assert sizes["frozen"] == sizes["references"] == 0
    adapted = workload(**{"lora.rank": 4})
    sizes = verdict.state_bytes(adapted, chips.make_mesh(eight, (1, 4, 2)))
    assert sizes["frozen"] == 2 * matrices / 8 + 4 * norms
    # A [in, rank] is cut where the weight's rows are, B [rank, out] where its columns are
    factors = 4 * 128 * (3 / 4 + 3 / 2 + 1 / 2 + 1 / 4) + 4 * (2 * 128 / 4 + 2 * 512 / 2 + 512 / 2 + 128 / 4)
    assert sizes["parameters"] == 4 * factors


def test_the_abstract_state_is_that_of_training(eight):
    work = workload(batch=8)
    state = abstract_state(work, chips.make_mesh(eight, (1, 4, 2)))
    assert state.policy is state.trainable
    query = state.trainable["layers"]["query"]
    assert (query.shape, query.dtype) == ((1, 128, 128), jnp.float32)
    assert query.sharding.spec == PartitionSpec(None, "fsdp", "tensor")
    assert bytes_on_device(query) == 128 * 128 * 4 / 8
    moments = [leaf for leaf in jax.tree.leaves(state.opt_state) if leaf.shape == (1, 128, 512)]
    assert len(moments) == 4  # of gate and up
    assert {leaf.sharding.spec for leaf in moments} == {PartitionSpec(None, "fsdp", "tensor")}


PROGRAMS = {
    "update": Program("update", 200.0, 110.0, 100.0, 500.0, 10.0),
    "sampling": Program("sampling", 100.0, 5.0, 0.0, 50.0, 10.0),
    "apply": Program("apply", 400.0, 300.0, 300.0, 20.0, 10.0),
}
STATE = {"parameters": 100.0, "optimizer": 200.0, "frozen": 0.0, "references": 7.0}


def test_a_peak_is_what_runs_and_what_stays_beside_it():
    assert verdict.peaks(workload(), STATE, PROGRAMS) == {
        "update": 200 + 10 + 500 + 30 + 200 + 7,  # the optimizer's state stays
        "sampling": 100 + 5 + 50 + 30 + 200 + 7,
        "apply": 400 + 20 + 30 + 7,
    }
    adapted = verdict.peaks(workload(**{"lora.rank": 4}), STATE | {"frozen": 40.0}, PROGRAMS)
    assert adapted["sampling"] == 100 + 5 + 50 + 30 + 200 + 7  # the base is among its arguments
    assert adapted["apply"] == 400 + 20 + 30 + 40 + 7


def test_the_verdict_names_what_is_too_big():
    work = workload()
    fits, why = verdict.verdict(work, STATE, PROGRAMS, dataclasses.replace(CHIP, hbm_bytes=947))
    assert fits
    assert why.startswith("the most that a chip holds is 0.0 GB, in update")
    scaled = {
        name: dataclasses.replace(program, temporary_bytes=program.temporary_bytes * 1e8)
        for name, program in PROGRAMS.items()
    }
    fits, why = verdict.verdict(work, STATE, scaled, dataclasses.replace(CHIP, hbm_bytes=16 * 10**9))
    assert not fits
    assert why == (
        "update takes 50.0 GB a chip of 16.0 GB: 0.0 GB arguments and results, 50.0 GB temporaries, "
        "0.0 GB that stays beside it"
    )
    refused = {**PROGRAMS, "sampling": dataclasses.replace(PROGRAMS["sampling"], too_big="out of memory")}
    fits, why = verdict.verdict(work, STATE, refused, CHIP)
    assert not fits
    assert why.startswith("sampling takes")


def test_the_compilers_complaint_is_read():
    message = "the total memory required for HLO temporaries (16.50G) exceeds available HBM (15.75G)."
    assert too_big_bytes(message) == 16.5 * 2**30
    assert too_big_bytes("out of something else") is None


def test_fewer_layers_are_continued_on_a_line():
    few = Program(
        "sampling",
        10.0,
        1.0,
        0.0,
        100.0,
        4.0,
        7.0,
        3.0,
        None,
        {"all-reduce": Collective(2, 4, 6, 8)},
        (2,),
        1.0,
    )
    more = dataclasses.replace(
        few, argument_bytes=14.0, temporary_bytes=130.0, layers=(4,),
        collectives={"all-reduce": Collective(4, 8, 12, 16), "all-gather": Collective(1, 1, 1, 1)},
    )  # fmt: skip
    whole = extrapolate(few, more, 8)
    assert (whole.argument_bytes, whole.output_bytes, whole.temporary_bytes) == (22.0, 1.0, 190.0)
    assert whole.collectives["all-reduce"] == Collective(8, 16, 24, 32)
    assert whole.collectives["all-gather"] == Collective(3, 3, 3, 3)
    assert (whole.layers, whole.compile_seconds, whole.own_seconds) == ((2, 4), 2.0, None)
    assert extrapolate(few, dataclasses.replace(more, too_big="no"), 8).too_big == "no"


def test_a_deep_model_is_compiled_with_few_layers(eight):
    mesh, work = chips.make_mesh(eight, (1, 4, 2)), workload(dataclasses.replace(WIDE, num_layers=6))
    made = compile_program("scoring", work, mesh, probe=(2, 1))
    assert made.layers == (1, 2)
    whole = verdict.state_bytes(work, mesh)["parameters"]
    assert made.argument_bytes - whole == pytest.approx(0, abs=1000)  # prompts and rollouts


# meshes and proposals


def slice_of(chip, *sizes):
    """A slice by its size alone: the mesh's devices are not asked for anything."""
    return Topology(f"{chip}:{'x'.join(map(str, sizes))}", CHIPS[chip], jax.devices()[:1] * math.prod(sizes))


SHAPES_16 = [(d, f, 16 // d // f) for d in (1, 2, 4, 8, 16) for f in (1, 2, 4, 8, 16) if d * f <= 16]


def test_the_mesh_is_the_fastest_that_fits():
    small = large("0.5B", **{"memory.micro_batches": 1, "sampling.group_size": 4})
    chosen = verdict.choose_mesh(small, slice_of("v5e", 4, 4), SHAPES_16)
    assert chosen == (1, 8, 2)  # the optimizer reads and writes an eighth
    work = large("7B", **{"memory.micro_batches": 4, "sampling.group_size": 4})
    assert verdict.choose_mesh(work, slice_of("v5e", 4, 4), SHAPES_16) == (1, 4, 4)
    assert not verdict.is_possible(work, (1, 16, 1))  # pieces of 4 problems
    assert not verdict.is_possible(work, (1, 2, 8))  # 4 KV heads
    with pytest.raises(UserError, match=r"batch is 16, in 16 micro-batches and 1 chunks: .* v5e:4x4"):
        verdict.choose_mesh(large("7B", **{"memory.micro_batches": 16}), slice_of("v5e", 4, 4), SHAPES_16)


def test_a_batch_that_the_mesh_does_not_cut_says_so(eight):
    with pytest.raises(UserError, match=r"memory.micro_batches is 4: 2 of the batch's 8 problems at a time"):
        verdict.check_mesh(workload(**{"memory.micro_batches": 4}), eight, (1, 4, 2))


def test_proposals_begin_with_what_changes_least():
    topology, work = (
        slice_of("v5e", 4, 4),
        large("7B", **{"memory.micro_batches": 1}),
    )
    first = next(verdict.proposals(work, topology.chip, SHAPES_16, (1, 16, 1), topology.chip.hbm_bytes))
    assert first.settings == {"mesh": (1, 4, 4), "memory.micro_batches": 4}
    assert verdict.as_flags(first.settings) == "--config.mesh='(1, 4, 4)' --config.memory.micro_batches=4"
    assert first.estimated_bytes == estimate.peak_bytes(first.work, first.mesh) < topology.chip.hbm_bytes
    # in a little less there is no room for AdamW on all parameters with all 16 paths
    work = large("7B", **{"memory.micro_batches": 4})
    found = list(verdict.proposals(work, topology.chip, SHAPES_16, None, 14.9e9))
    assert found[0].settings == {"mesh": (1, 4, 4), "sampling.group_size": 8}
    adapted = next(p for p in found if p.work.group == 16)
    assert adapted.settings["lora.rank"] == 16
    assert "--config.lora.rank=16 --config.lora.alpha=32" in verdict.as_flags(adapted.settings)
    assert not list(verdict.proposals(work, topology.chip, SHAPES_16, None, 1e9))


def test_what_is_proposed_is_compiled_before_it_is_said(eight, monkeypatch):
    """Compiling takes 1.5 times what is estimated: the proposal leaves that much room."""
    asked = []

    def compiled(name, work, mesh, probe=()):
        asked.append((name, work.batch, work.group))
        shape = tuple(mesh.shape.values())
        peak = estimate.peak_bytes(work, shape) if name == "update" else 0.0
        kept = estimate.resident_bytes(work, shape)
        return Program(name, temporary_bytes=max(1.5 * peak - kept["optimizer"], 0.0), layers=(1,))

    monkeypatch.setattr(plan, "compile_program", compiled)
    work = workload(**{"sampling.max_new_tokens": 512})
    estimated = estimate.peak_bytes(work, (1, 4, 2))
    small = dataclasses.replace(eight, chip=dataclasses.replace(CHIP, hbm_bytes=int(1.3 * estimated)))
    told = []
    made = plan.make_plan(work, small, (1, 4, 2), tell=told.append)
    assert told[0] == "compiling update for the mesh 1x4x2"
    assert not made.fits
    proposal, inner = made.proposal
    assert inner.fits
    assert proposal.settings
    assert estimate.peak_bytes(proposal.work, proposal.mesh) < estimated / 1.1
    assert asked[: len(LOWER)] == [(name, 8, 2) for name in LOWER]
    text = plan.describe(made)
    assert "does not fit, because update takes" in text
    assert f"what does, as compiled: {verdict.as_flags(proposal.settings)}" in text
    tiny = dataclasses.replace(eight, chip=dataclasses.replace(CHIP, hbm_bytes=1000))
    assert plan.make_plan(work, tiny, (1, 4, 2)).proposal is None


# a whole plan


@pytest.fixture(scope="module")
def whole(eight):
    return plan.make_plan(workload(**{"sampling.max_new_tokens": 4}), eight)


def test_a_plan_for_eight_devices(whole, eight):
    assert whole.fits
    assert set(whole.programs) == {"update", "scoring", "sampling", "apply"}
    assert math.prod(whole.mesh) == 8
    state = verdict.state_bytes(whole.work, chips.make_mesh(eight, whole.mesh))
    for name, taken in (("sampling", 1), ("update", 2), ("apply", 4)):  # gradients, moments
        assert whole.programs[name].argument_bytes == pytest.approx(taken * state["parameters"], rel=0.05)
    update = whole.programs["update"]
    assert update.alias_bytes == pytest.approx(state["parameters"], rel=0.01)  # gradients are added in place
    done = plan.stages(whole)
    assert done["update"].sent_bytes == pytest.approx(
        sum(
            c.sent_bytes
            for c in (*update.collectives.values(), *whole.programs["apply"].collectives.values())
        )
    )


def test_the_json_of_a_plan(whole):
    found = json.loads(json.dumps(plan.record(whole)))
    assert set(found) >= {
        "fits",
        "why",
        "bytes_per_device",
        "flops",
        "seconds_estimate",
        "tokens_per_s_estimate",
        "programs",
        "roofline",
        "workload",
        "proposal",
    }
    assert set(found["flops"]) == {"sampling", "scoring", "update"}
    assert set(found["seconds_estimate"]) == {"sampling", "scoring", "update", "step"}
    sizes = found["bytes_per_device"]
    assert sizes["peak"] == max(sizes["peaks"].values()) <= sizes["hbm"] == CHIP.hbm_bytes
    assert found["tokens_per_s_estimate"] == pytest.approx(8 * 2 * 4 / found["seconds_estimate"]["step"])
    assert found["flops"]["update"] * 8 == pytest.approx(estimate.update_flops(whole.work))


def test_a_plan_in_words(whole):
    text = plan.describe(whole)
    assert "8 problems x 2 paths, 32 + 4 tokens, 1 micro-batches, AdamW on all parameters" in text
    assert text.endswith(f"type --config.mesh='{whole.mesh}'")


def test_an_adapter_is_planned_beside_its_base(eight):
    work = workload(**{"lora.rank": 4})
    mesh = chips.make_mesh(eight, (1, 4, 2))
    state = verdict.state_bytes(work, mesh)
    compiled = compile_program("sampling", work, mesh)
    assert compiled.argument_bytes == pytest.approx(state["parameters"] + state["frozen"], rel=0.01)


def run_command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "sept_jax.plan", "--config=configs/gsm8k.py", *arguments],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stderr.strip().splitlines()[-1]


def test_the_command_tells_errors_in_one_line():
    assert run_command("--size=7B") == (
        2,
        "error: --topology is missing: type --topology=v5e:4x4, or another slice",
    )


# the compiler for TPUs


@pytest.fixture
def tpu():
    if importlib.util.find_spec("libtpu") is None:
        pytest.skip("libtpu is not installed: pip install -e '.[tpu]' -c constraints.txt")
    return chips.tpu_topology


@pytest.mark.slow
def test_7b_fits_on_v5e_4x4(tpu):
    work = large("7B", **{"memory.micro_batches": 4})
    made = plan.make_plan(work, tpu("v5e:4x4"), probe=(2, 4), propose=False)
    assert made.fits, made.why
    assert made.mesh == (1, 4, 4)


@pytest.mark.slow
def test_70b_fits_on_v5p_4x4x4(tpu):
    made = plan.make_plan(large("70B"), tpu("v5p:4x4x4"), probe=(2, 4), propose=False)
    assert made.fits, made.why
    assert made.mesh == (1, 16, 4)


@pytest.mark.slow
def test_the_torus_must_be_cut_along_its_axes(tpu):
    with pytest.raises(UserError, match="--mesh=1x8x8: each of its axes must be a product of whole axes"):
        chips.make_mesh(tpu("v5p:4x4x4"), (1, 8, 8))
    with pytest.raises(UserError, match="libtpu knows no such slice"):
        tpu("v5e:3x5")
