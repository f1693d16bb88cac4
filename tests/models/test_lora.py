import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tiny
from make_golden import reference_logits
from model_files import golden, write_hf
from safetensors.numpy import load_file
from test_update import OPTIMIZER, assert_trees_close, make_batch

from sept_jax.errors import UserError
from sept_jax.experiment import policy, start_policy
from sept_jax.models import decoder, lora
from sept_jax.models.config import Lora
from sept_jax.models.export import export_adapter, export_hf
from sept_jax.models.load import load_model
from sept_jax.records import TrainState
from sept_jax.update import UpdateConfig, micro_batches, path_logprobs, update

ADAPTED = dataclasses.replace(tiny.MODEL, lora=Lora(rank=2, alpha=3.0, projections=("query", "up", "down")))


def adapter(config=ADAPTED, seed=1):
    """Factors none of which is zero."""
    made = lora.init_adapter(config, jax.random.key(seed))
    return jax.tree.map(lambda p: p + 0.1 * jax.random.normal(jax.random.key(p.size), p.shape), made)


def test_split_and_join_are_inverse():
    params = decoder.init_params(ADAPTED, jax.random.key(0))
    factors, base = lora.split(params)
    assert sorted(factors["layers"]) == [
        f"{name}_lora_{factor}" for name in ("down", "query", "up") for factor in "ab"
    ]
    assert factors["layers"]["up_lora_a"].shape == (2, 16, 2)
    assert factors["layers"]["up_lora_b"].shape == (2, 2, 24)
    assert_trees_close(lora.join(factors, base), params, atol=0)
    assert jax.tree.structure(base) == jax.tree.structure(tiny.params())
    assert lora.join(params, {}) is params


def test_a_new_adapter_changes_nothing():
    factors = lora.init_adapter(ADAPTED, jax.random.key(1))
    tokens = tiny.prompts().tokens
    plain = decoder.logits(tiny.params(), tokens, tiny.MODEL)
    adapted = decoder.logits(lora.join(factors, tiny.params()), tokens, ADAPTED)
    np.testing.assert_array_equal(adapted, plain)
    assert float(jnp.abs(factors["layers"]["query_lora_a"]).min()) > 0


def test_merged_and_beside_the_weights_are_the_same_model():
    tokens = tiny.prompts().tokens
    beside = decoder.logits(lora.join(adapter(), tiny.params()), tokens, ADAPTED)
    merged = lora.merge(adapter(), tiny.params(), ADAPTED)
    np.testing.assert_allclose(decoder.logits(merged, tokens, tiny.MODEL), beside, rtol=1e-4, atol=1e-4)
    assert float(jnp.abs(beside - decoder.logits(tiny.params(), tokens, tiny.MODEL)).max()) > 0.1
    factors = adapter()["layers"]
    by_hand = tiny.params()["layers"]["up"][1] + 1.5 * (factors["up_lora_a"][1] @ factors["up_lora_b"][1])
    np.testing.assert_allclose(merged["layers"]["up"][1], by_hand, rtol=1e-5)
    np.testing.assert_array_equal(merged["layers"]["gate"], tiny.params()["layers"]["gate"])


def state_of(trainable, frozen):
    return TrainState(
        trainable, frozen, OPTIMIZER.init(trainable), jnp.zeros((), jnp.int32), jax.random.key(0)
    )


def test_a_change_that_bf16_would_round_away_is_sampled_with():
    frozen = decoder.for_compute(tiny.params(), jnp.bfloat16)
    small = jax.tree.map(lambda factor: 0.01 * factor, adapter())
    merged = lora.merge(small, frozen, ADAPTED)["layers"]["up"].astype(jnp.bfloat16)
    assert float((merged != frozen["layers"]["up"]).mean()) < 0.05
    factors, base = lora.split(policy(state_of(small, frozen)))
    assert_trees_close(factors, small, atol=0)
    assert_trees_close(base, frozen, atol=0)


def test_the_start_is_the_base():
    tokens, frozen = tiny.prompts().tokens, tiny.params()
    start = decoder.logits(start_policy(state_of(adapter(), frozen)), tokens, ADAPTED)
    np.testing.assert_array_equal(start, decoder.logits(frozen, tokens, tiny.MODEL))
    assert start_policy(state_of(frozen, {})) is None


def run(trainable, frozen, model, pieces=1):
    return update(
        state_of(trainable, frozen), micro_batches(jax.device_get(make_batch()), pieces, 1),
        optimizer=OPTIMIZER, model=model, config=UpdateConfig(logit_chunk=6), dtype=jnp.float32,
    )  # fmt: skip


def test_the_adapters_gradient_is_the_chain_rule_on_the_merged_weights():
    """dA = scale dW B^T and dB = scale A^T dW, dW the gradient of the plain model at the merged weights."""
    factors, base = adapter(), tiny.params()
    merged = lora.merge(factors, base, ADAPTED)
    whole, whole_metrics = run(jax.tree.map(jnp.copy, merged), {}, tiny.MODEL)
    state, metrics = run(jax.tree.map(jnp.copy, factors), base, ADAPTED, pieces=4)
    assert float(metrics["loss"]) == pytest.approx(float(whole_metrics["loss"]), rel=1e-3)
    # the first moments are the gradients times the same 0.1, clipped by the global norm of each
    clip = [min(1.0, 1.0 / float(m["grad_norm"])) for m in (metrics, whole_metrics)]
    found = jax.tree.map(lambda m: m / clip[0], optax.tree.get(state.opt_state, "mu"))["layers"]
    dense = jax.tree.map(lambda m: m / clip[1], optax.tree.get(whole.opt_state, "mu"))["layers"]
    for name in ADAPTED.lora.projections:
        a, b = factors["layers"][f"{name}_lora_a"], factors["layers"][f"{name}_lora_b"]
        expected_a = 1.5 * jnp.einsum("lio,lro->lir", dense[name], b)
        expected_b = 1.5 * jnp.einsum("lir,lio->lro", a, dense[name])
        np.testing.assert_allclose(found[f"{name}_lora_a"], expected_a, rtol=1e-2, atol=1e-4)
        np.testing.assert_allclose(found[f"{name}_lora_b"], expected_b, rtol=1e-2, atol=1e-4)


def test_the_base_stays_and_the_optimizer_holds_the_adapter_alone():
    base = jax.tree.map(jnp.copy, tiny.params())
    state, _ = run(lora.init_adapter(ADAPTED, jax.random.key(1)), base, ADAPTED)
    assert_trees_close(state.frozen, tiny.params(), atol=0)
    moments = jax.tree.leaves(optax.tree.get(state.opt_state, "mu"))
    assert sum(m.size for m in moments) == 2 * 2 * ((16 + 16) + (16 + 24) + (24 + 16))
    assert float(jnp.abs(state.trainable["layers"]["up_lora_b"]).max()) > 0


def test_no_gradient_of_a_frozen_weight_is_computed():
    """Two thirds of the plain update's operations, and a little for the factors: compiled, not promised."""
    model = dataclasses.replace(
        tiny.MODEL, width=64, mlp_width=512, num_layers=4, head_dim=16, vocab_size=19, qkv_bias=False
    )
    adapted = dataclasses.replace(model, lora=Lora(rank=1, alpha=1.0))
    batch = make_batch()

    def flops(config, trainable, frozen):
        def value(trainable):
            params = lora.join(trainable, frozen)
            logprob, _ = path_logprobs(params, config, batch.prompts, batch.rollouts, jnp.float32)
            return logprob.sum()

        # a scan's body counts once in the cost analysis: the same for both
        return jax.jit(jax.grad(value)).lower(trainable).compile().cost_analysis()["flops"]

    params = decoder.init_params(model, jax.random.key(0))
    factors = lora.init_adapter(adapted, jax.random.key(0))
    assert flops(adapted, factors, params) < 0.8 * flops(model, params, {})


@pytest.mark.peer
@pytest.mark.parametrize("name", ["llama_tied", "qwen2"])
def test_peft_gives_the_same_logits(name, tmp_path):
    import peft
    from transformers import AutoModelForCausalLM

    model = golden(name)
    config, params, tokenizer = load_model(
        str(write_hf(tmp_path / "source", model["config"], model["weights"]))
    )
    adapted = dataclasses.replace(config, lora=Lora(rank=3, alpha=6.0))
    factors = adapter(adapted)
    export_hf(tmp_path / "base", config, params, tokenizer)
    export_adapter(tmp_path / "adapter", adapted, factors, str(tmp_path / "base"))
    theirs = peft.PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(tmp_path / "base"), tmp_path / "adapter"
    )
    tokens = np.random.default_rng(0).integers(0, config.vocab_size, (2, 40)).astype(np.int32)
    found = np.asarray(
        decoder.logits(lora.join(factors, jax.tree.map(jnp.asarray, params)), jnp.asarray(tokens), adapted)
    )
    expected = reference_logits(theirs.eval(), tokens)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_an_exported_adapter(tmp_path):
    export_adapter(tmp_path / "out", ADAPTED, adapter(), "some/model")
    fields = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert (fields["r"], fields["lora_alpha"], fields["base_model_name_or_path"]) == (2, 3.0, "some/model")
    assert fields["target_modules"] == ["q_proj", "up_proj", "down_proj"]
    tensors = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert len(tensors) == 2 * 3 * 2
    name = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"
    np.testing.assert_array_equal(tensors[name], adapter()["layers"]["up_lora_a"][1].T)
    with pytest.raises(UserError, match="out exists: expected a new or empty directory"):
        export_adapter(tmp_path / "out", ADAPTED, adapter(), None)
