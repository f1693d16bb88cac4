"""What a training step takes on a slice of TPUs, before there is one: see `sept_jax.plan`."""
