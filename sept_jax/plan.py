"""Whether a training step fits on a slice of TPUs, and how long it takes there at best; no TPU, no weights.

python -m sept_jax.plan --config=configs/gsm8k.py --topology=v5e:4x4 [--size=7B] [--mesh=1x4x4] [--json=OUT]

Sampling, the scoring pass and the update are compiled for the slice by the compiler for TPUs itself
(`pip install -e '.[tpu]' -c constraints.txt`). docs/scaling.md tells how to read what is printed.
"""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags
from ml_collections import ConfigDict

from sept_jax import command
from sept_jax.errors import UserError
from sept_jax.metrics import write_json
from sept_jax.planning import estimate, verdict
from sept_jax.planning.chips import Topology, mesh_shapes, parse_mesh, tpu_topology
from sept_jax.planning.estimate import MeshShape, Work
from sept_jax.planning.programs import LOWER, Program, compile_program
from sept_jax.planning.verdict import GB, Proposal
from sept_jax.planning.workload import Workload, make_workload, model_shape

PROBE = (4, 8)
"""Layers of the two models whose sampling programs are compiled in place of a deeper one's."""
ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Plan:
    """A workload on a mesh of a slice: what was compiled for it, and whether it fits. Where it does not,
    `proposal` is what does, with its own plan."""

    work: Workload
    topology: Topology
    mesh: MeshShape
    state: dict[str, float]
    programs: dict[str, Program]
    fits: bool
    why: str
    proposal: "tuple[Proposal, Plan] | None" = None


def make_plan(
    work: Workload,
    topology: Topology,
    mesh: MeshShape | None = None,
    probe: Sequence[int] = PROBE,
    propose: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> Plan:
    """Compiles a step on the slice, on the given mesh or the best by estimate. If it does not fit, and
    `propose`, also what does by estimate, until one fits as compiled.

    `probe` are layers to compile the sampler with, see `compile_program`; empty: all of them. `tell` gets a
    line before each program.

    Raises:
      UserError: the mesh is none of the slice, or the batch does not divide over it.
    """
    shape = verdict.choose_mesh(work, topology, mesh_shapes(topology)) if mesh is None else mesh
    made = tried = _compile(work, topology, shape, probe, tell)
    below = topology.chip.hbm_bytes
    if propose and not made.fits:
        tell(f"{made.why}; looking for what fits")
    for _ in range(ATTEMPTS if propose and not made.fits else 0):
        # what did not fit tells how far the estimate is off
        below *= min(1.0, estimate.peak_bytes(tried.work, tried.mesh) / _peak(tried))
        proposal = next(verdict.proposals(work, topology.chip, mesh_shapes(topology), mesh, below), None)
        if proposal is None:
            break
        tried = _compile(proposal.work, topology, proposal.mesh, probe, tell, give_up=True)
        if tried.fits:
            return dataclasses.replace(made, proposal=(proposal, tried))
        below = topology.chip.hbm_bytes
    return made


def _peak(plan: Plan) -> float:
    return max(verdict.peaks(plan.work, plan.state, plan.programs).values())


def _compile(
    work: Workload,
    topology: Topology,
    shape: MeshShape,
    probe: Sequence[int],
    tell: Callable[[str], None],
    give_up: bool = False,
) -> Plan:
    """Compiles all programs of a step, or with `give_up` those until one does not fit."""
    mesh = verdict.check_mesh(work, topology, shape)
    state, programs = verdict.state_bytes(work, mesh), {}
    for name in LOWER:
        tell(f"compiling {name} for the mesh {'x'.join(map(str, shape))}")
        programs[name] = compile_program(name, work, mesh, probe if name == "sampling" else ())
        judged = verdict.verdict(work, state, programs, topology.chip)
        if give_up and not judged[0]:
            break
    return Plan(work, topology, shape, state, programs, *judged)


def stages(plan: Plan) -> dict[str, Work]:
    """One device's work in each stage of a step: FLOPs and bytes moved by the shapes, bytes sent as compiled
    (by the shapes too where that failed)."""
    found = estimate.step_work(plan.work, plan.mesh)
    runs = {
        "sampling": [("sampling", plan.work.chunks)],
        "scoring": [("scoring", plan.work.micro_batches)],
        "update": [("update", plan.work.micro_batches), ("apply", 1)],
    }
    for stage, parts in runs.items():
        if any(plan.programs[name].too_big for name, _ in parts):
            continue
        each = [(c, n) for name, n in parts for c in plan.programs[name].collectives.values()]
        found[stage] = dataclasses.replace(
            found[stage],
            sent_bytes=sum(n * c.sent_bytes for c, n in each),
            hops=sum(n * c.hops for c, n in each),
        )
    return found


def record(plan: Plan) -> dict[str, Any]:
    """The plan as JSON; bytes and FLOPs of one device, seconds of one step."""
    work, chip = plan.work, plan.topology.chip
    done = stages(plan)
    took = estimate.step_seconds(work, done, chip)
    tops = verdict.peaks(work, plan.state, plan.programs)
    top = max(tops, key=tops.get)
    found = {
        "fits": plan.fits,
        "why": plan.why,
        "bytes_per_device": plan.state
        | {
            "gradients": plan.state["parameters"],
            "caches": estimate.cache_bytes(work, plan.mesh),
            "temporaries": {name: program.temporary_bytes for name, program in plan.programs.items()},
            "code": sum(program.code_bytes for program in plan.programs.values()),
            "peaks": tops,
            "peak": tops[top],
            "peak_stage": top,
            "hbm": chip.hbm_bytes,
        },
        "flops": {name: stage.flops for name, stage in done.items()},
        "seconds_estimate": took,
        "tokens_per_s_estimate": work.tokens / took["step"],
        "topology": plan.topology.name,
        "chips": len(plan.topology.devices),
        "mesh": list(plan.mesh),
        "roofline": {
            name: dataclasses.asdict(stage) | {"seconds": estimate.seconds(stage, chip)}
            for name, stage in done.items()
        },
        "programs": {name: dataclasses.asdict(program) for name, program in plan.programs.items()},
        "workload": {
            "model": dataclasses.asdict(work.model),
            "parameters": estimate.parameters(work.model),
            "lora": work.lora and dataclasses.asdict(work.lora),
            "batch": work.batch,
            "group_size": work.group,
            "prompt_tokens": work.prompt,
            "new_tokens": work.new,
            "chunks": work.chunks,
            "micro_batches": work.micro_batches,
            "logit_chunk": work.update.logit_chunk,
            "scoring_passes": work.passes,
        },
        "proposal": None,
    }
    if plan.proposal:
        proposal, inner = plan.proposal
        found["proposal"] = {"settings": proposal.settings, "plan": record(inner)}
    return found


def describe(plan: Plan) -> str:
    """The plan in words and tables."""
    work, found = plan.work, record(plan)
    lines = [
        f"{work.model.family} of {estimate.parameters(work.model) / 1e9:.1f} billion parameters on "
        f"{plan.topology.name}, {len(plan.topology.devices)} chips, mesh {'x'.join(map(str, plan.mesh))} "
        f"(data x fsdp x tensor)",
        f"{work.batch} problems x {work.group} paths, {work.prompt} + {work.new} tokens, "
        f"{work.micro_batches} micro-batches, "
        + (f"an adapter of rank {work.lora.rank}" if work.lora else "AdamW on all parameters"),
        "",
        "GB a chip",
    ]
    sizes = found["bytes_per_device"]
    kept = ("parameters", "optimizer", "gradients", "frozen", "references", "caches", "code")
    lines += [f"  {name:<14}{sizes[name] / GB:8.2f}" for name in kept if sizes[name]]
    lines += [
        "",
        "program       temporaries    peak   compiler's own, s   compiled in   collectives sent, GB",
    ]
    for name, program in plan.programs.items():
        sent = ", ".join(f"{kind} {c.sent_bytes / GB:.3g}" for kind, c in program.collectives.items())
        at = f" (on {' and '.join(map(str, program.layers))} layers)" if len(program.layers) > 1 else ""
        lines.append(
            f"  {name:<12}{program.temporary_bytes / GB:9.2f}{sizes['peaks'][name] / GB:11.2f}"
            f"{'-' if program.own_seconds is None else format(program.own_seconds, '.2f'):>20}"
            f"{program.compile_seconds:12.0f} s   {sent or '-'}{at}"
        )
    lines += [
        "",
        "stage         TFLOP a chip   GB moved   GB sent   compute   memory   network, s   at least, s",
    ]
    for name, stage in found["roofline"].items():
        parts = stage["seconds"]
        lines.append(
            f"  {name:<12}{stage['flops'] / 1e12:14.1f}{stage['hbm_bytes'] / GB:11.0f}"
            f"{stage['sent_bytes'] / GB:10.1f}{parts['compute']:10.2f}{parts['hbm']:9.2f}"
            f"{parts['network']:10.2f}{parts['bound']:14.2f}"
        )
    took = found["seconds_estimate"]["step"]
    lines += [
        f"a step, with {work.passes} scoring passes, takes at least {took:.1f} s: at most "
        f"{found['tokens_per_s_estimate']:,.0f} tokens/s",
        "",
        f"fits: {plan.why}" if plan.fits else f"does not fit, because {plan.why}",
    ]
    if plan.proposal:
        proposal, inner = plan.proposal
        flags_ = verdict.as_flags(proposal.settings)
        lines += [f"what does, as compiled: {flags_}", "", describe(inner)]
    elif not plan.fits:
        lines.append(
            "no change of mesh, micro-batches, chunks, batch or adapter was found that fits: take more chips"
        )
    else:
        lines.append(f"type --config.mesh='{plan.mesh}'")
    return "\n".join(lines)


def main(config: ConfigDict) -> None:
    given = flags.FLAGS
    if not given.topology:
        raise UserError("--topology is missing: type --topology=v5e:4x4, or another slice")
    jax.config.update("jax_platforms", "cpu")  # the compiler for TPUs needs none
    jax.config.update("jax_enable_compilation_cache", False)  # without a TPU what it keeps cannot be loaded
    work = make_workload(config, model_shape(config, given.size))
    made = make_plan(
        work,
        tpu_topology(given.topology),
        parse_mesh(given.mesh) if given.mesh else None,
        () if given.exact else PROBE,
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    if given.json:
        write_json(Path(given.json), record(made))
    print(describe(made))


if __name__ == "__main__":
    flags.DEFINE_string("topology", None, "The slice: v4, v5e, v5p or v6e and its torus, such as v5e:4x4.")
    flags.DEFINE_string("mesh", None, "data x fsdp x tensor, such as 1x4x4; by default the best by estimate.")
    flags.DEFINE_string(
        "size", None, "A published shape in place of config.model.path: 0.5B, 1.5B, 7B, 32B, 70B."
    )
    flags.DEFINE_string("json", None, "A file to write all figures to.")
    flags.DEFINE_bool("exact", False, "Compile sampling with all layers, which takes minutes.")
    command.run(main)
