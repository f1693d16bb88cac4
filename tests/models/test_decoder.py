import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from sept_jax.models import decoder


def test_dense_and_its_gradient_equal_the_plain_product():
    x = jax.random.normal(jax.random.key(0), (3, 2, 5))
    w = jax.random.normal(jax.random.key(1), (5, 4))
    out, back = jax.vjp(lambda x, w: decoder.dense(x, w, jnp.float32), x, w)
    plain, plain_back = jax.vjp(lambda x, w: x @ w, x, w)
    np.testing.assert_allclose(out, plain, rtol=1e-6)
    for ours, theirs in zip(back(out), plain_back(out), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_dense_keeps_master_weight_gradients_in_f32():
    x, w = jnp.ones((2, 3), jnp.bfloat16), jnp.ones((3, 4), jnp.float32)
    out, back = jax.vjp(lambda x, w: decoder.dense(x, w, jnp.bfloat16), x, w)
    dx, dw = back(out)
    assert (out.dtype, dx.dtype, dw.dtype) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)


def test_dense_accumulates_in_f32():
    # 1 + 4096 * 2^-9 = 9 exactly; a bf16 accumulator loses every small term
    x = jnp.concatenate([jnp.ones((1, 1)), jnp.full((1, 4096), 2.0**-9)], 1).astype(jnp.bfloat16)
    assert decoder.dense(x, jnp.ones((4097, 1), jnp.bfloat16), jnp.float32)[0, 0] == 9.0


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_transposed_and_its_gradient(rows, dtype):
    x = jax.random.normal(jax.random.key(0), (rows, 5), dtype)
    out, back = jax.vjp(decoder.transposed, x)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, x.T)
    np.testing.assert_array_equal(back(3 * out)[0], 3 * x)


def test_no_product_of_dense_or_its_gradient_is_compiled_with_a_fold():
    """Folded ones XLA's CPU backend multiplies in f32."""
    x, w = jnp.ones((64, 32), jnp.bfloat16), jnp.ones((32, 48))

    def f(x, w):
        return jnp.sin(decoder.dense(x, w, jnp.float32)).sum()

    text = jax.jit(jax.grad(f, argnums=(0, 1))).lower(x, w).compile().as_text()
    products = re.findall(r" dot\(.*lhs_contracting_dims=({.*?}), rhs_contracting_dims=({.*?})", text)
    assert products == [("{1}", "{0}")] * 3


def test_rounded_by_hand():
    # bf16 has 8 bits: between 1 and 2 steps of 2^-7, halves to even
    x = jnp.asarray([1.0 + 2**-7, 1.0 + 2**-9, 1.0 + 2**-8, 1.0 + 3 * 2**-8])
    out = jax.jit(lambda x: decoder.rounded(x, jnp.bfloat16).astype(jnp.float32))(x)
    np.testing.assert_array_equal(out, [1.0 + 2**-7, 1.0, 1.0, 1.0 + 2**-6])
    assert decoder.rounded(x, jnp.float32) is x


def test_a_layer_takes_and_gives_the_compute_type_and_attends_in_the_working_one():
    layer = jax.tree.map(lambda p: p[0], tiny.params()["layers"])
    seen = []

    def attend(query, key, value):
        seen.extend((query.dtype, key.dtype, value.dtype))
        return query, None

    x = jnp.ones((2, 3, tiny.MODEL.width), jnp.bfloat16)
    out, _ = decoder.block(tiny.MODEL, layer)(x, jnp.zeros((2, 3), jnp.int32), attend)
    assert out.dtype == jnp.bfloat16
    assert seen == [decoder.working_type(jnp.bfloat16)] * 3 == [jnp.float32] * 3


def test_a_head_made_once_gives_the_same_logits():
    model = dataclasses.replace(tiny.MODEL, tie_embeddings=True)
    params = {name: leaf for name, leaf in tiny.params().items() if name != "head"}
    hidden = jax.random.normal(jax.random.key(0), (3, tiny.MODEL.width))
    once = decoder.head_logits(decoder.with_head(params), model, hidden)
    np.testing.assert_array_equal(decoder.head_logits(params, model, hidden), once)
    normed = decoder.rms_norm(hidden, params["final_norm"], model.norm_eps)
    np.testing.assert_allclose(once, normed @ params["embed"].T, rtol=1e-4, atol=1e-5)


def test_rms_norm_by_hand():
    # mean square of (3, 4) is 12.5
    out = decoder.rms_norm(jnp.asarray([3.0, 4.0]), jnp.asarray([1.0, 2.0]), 0.0)
    np.testing.assert_allclose(out, [3 / 12.5**0.5, 8 / 12.5**0.5], rtol=1e-6)


def test_rope_by_hand_and_relative():
    turned = decoder.rope(jnp.asarray([[[1.0, 0.0]]]), jnp.asarray([1]), np.asarray([np.pi / 2], np.float32))
    np.testing.assert_allclose(turned[0, 0], [0.0, 1.0], atol=1e-6)
    frequencies = np.asarray([1.0], np.float32)
    q, k = jnp.asarray([[[0.3, -1.2]]]), jnp.asarray([[[0.7, 0.4]]])

    def score(m, n):
        a, b = (decoder.rope(v, jnp.asarray([p]), frequencies) for v, p in ((q, m), (k, n)))
        return float((a * b).sum())

    assert score(5, 3) == pytest.approx(score(12, 10), abs=1e-5)


def test_logits_are_causal():
    params, tokens = tiny.params(), jnp.asarray([[3, 4, 5, 6, 7]])
    changed = tokens.at[0, 3].set(9)
    a, b = (decoder.logits(params, t, tiny.MODEL) for t in (tokens, changed))
    np.testing.assert_array_equal(a[0, :3], b[0, :3])
    assert np.abs(np.asarray(a[0, 3:] - b[0, 3:])).max() > 1e-3


@pytest.mark.parametrize("remat", [False, True])
def test_group_hidden_predicts_as_the_plain_forward_pass(remat):
    params, prompts = tiny.params(), tiny.prompts()
    paths = jnp.asarray(np.random.default_rng(1).integers(2, 19, (4, 3, 5)), jnp.int32)
    hidden = decoder.group_hidden(params, tiny.MODEL, prompts, paths, jnp.float32, remat)
    ours = decoder.head_logits(params, tiny.MODEL, hidden)
    for b in range(4):
        size = int(prompts.length[b])
        for g in range(3):
            sequence = [*prompts.tokens[b, :size], *paths[b, g]]
            for t in range(5):
                plain = tiny.next_logits(params, sequence[: size + t])
                np.testing.assert_allclose(ours[b, g, t], plain, atol=2e-4)  # of 8; AVX2: 6e-5


def make_teaching(remat, frozen):
    """A loss in bf16, and the layers' parameters that it is differentiated for: all, in f32, or norms alone,
    beside matrices that are frozen in bf16."""
    params, prompts = tiny.params(), tiny.prompts()
    paths = jnp.asarray(np.random.default_rng(1).integers(2, 19, (4, 3, 5)), jnp.int32)
    layers, fixed = params["layers"], decoder.for_compute(params, jnp.bfloat16)["layers"]
    trained = {name: leaf for name, leaf in layers.items() if not frozen or name.endswith("norm")}

    def loss(trained):
        whole = {**params, "layers": {**fixed, **trained}}
        hidden = decoder.group_hidden(whole, tiny.MODEL, prompts, paths, jnp.bfloat16, remat)
        return jnp.mean(jnp.sin(hidden.astype(jnp.float32)))

    return loss, trained


@pytest.mark.parametrize("frozen", [False, True])
def test_a_layer_made_again_has_the_same_gradient_in_bf16(frozen):
    (kept, trained), (again, _) = (make_teaching(remat, frozen) for remat in (False, True))
    slope, other = jax.grad(kept)(trained), jax.grad(again)(trained)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(slope))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0.05, atol=1e-4), slope, other)


def test_parameters_in_bf16_are_not_differentiated_in_silence():
    loss, trained = make_teaching(remat=True, frozen=False)
    with pytest.raises(TypeError, match="differentiate f32"):
        jax.grad(loss)(decoder.for_compute(trained, jnp.bfloat16))


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="what XLA's CPU backend does to bf16")
@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_kept_of_layers_in_bf16_has_no_copy_in_f32(frozen):
    loss, trained = make_teaching(remat=True, frozen=frozen)
    text = jax.jit(jax.grad(loss)).lower(trained).compile().as_text()
    layers = tiny.MODEL.num_layers
    assert f"u16[{layers},4,3,5,16]" in text  # the paths' hidden states
    assert f"f32[{layers},4,3,5,16]" not in text
    assert (f"f32[{layers},16,24]" in text) != frozen  # an MLP's weights


def test_long_paths_in_parts_are_what_they_are_whole(monkeypatch):
    params, prompts = tiny.params(), tiny.prompts((5, 3))
    paths = jnp.asarray(np.random.default_rng(0).integers(2, 19, (2, 3, 7)), jnp.int32)

    def of(params):
        return decoder.group_hidden(params, tiny.MODEL, prompts, paths, jnp.float32, True)

    def loss(params):
        return jnp.mean(jnp.sin(of(params) / 100))

    whole, slope = of(params), jax.grad(loss)(params)
    monkeypatch.setattr(decoder, "QUERIES", 3)  # parts of 3, 3 and 1
    np.testing.assert_allclose(of(params), whole, rtol=1e-5, atol=1e-3)  # of 240; AVX2: 2e-4
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), jax.grad(loss)(params), slope
    )


def test_decode_equals_the_plain_forward_pass_token_by_token():
    params, prompts = tiny.params(), tiny.prompts()
    paths = jnp.asarray(np.random.default_rng(2).integers(2, 19, (4, 2, 3)), jnp.int32)
    hidden, prompt_caches = decoder.prefill(params, tiny.MODEL, prompts, jnp.float32)
    layers = [jax.tree.map(lambda p, i=i: p[i], params["layers"]) for i in range(2)]
    caches = decoder.empty_caches(tiny.MODEL, 4, 2, 3, jnp.float32)
    for b in range(4):
        plain = tiny.next_logits(params, prompts.tokens[b, : prompts.length[b]])
        first = decoder.head_logits(params, tiny.MODEL, hidden)[b]
        np.testing.assert_allclose(first, plain, atol=5e-5)  # of 10; AMX: 2.6e-5
    for at in range(3):
        step, caches = decoder.decode(
            params, layers, tiny.MODEL, paths[:, :, at], jnp.asarray(at), prompts.length, prompt_caches,
            caches, jnp.float32,
        )  # fmt: skip
        for b in range(4):
            size = int(prompts.length[b])
            for g in range(2):
                plain = tiny.next_logits(params, [*prompts.tokens[b, :size], *paths[b, g, : at + 1]])
                np.testing.assert_allclose(step[b, g], plain, atol=5e-5)


def test_axes_and_abstract_parameters_fit_the_real_ones():
    made, abstract = tiny.params(), decoder.abstract_params(tiny.MODEL)
    axes = decoder.logical_axes(tiny.MODEL)
    assert jax.tree.map(jnp.shape, made) == jax.tree.map(lambda leaf: leaf.shape, abstract)
    ranks = jax.tree.map(lambda leaf, names: leaf.ndim == len(names), made, axes)
    assert all(jax.tree.leaves(ranks))
