from setuptools import find_packages, setup

GYM = ["reasoning-gym>=0.1.25,<0.2"]
NOTEBOOKS = ["ipykernel>=7.0", "nbclient>=0.10", "nbformat>=5.10"]

setup(
    name="sept_jax",
    version="0.1.0",
    description="Self-Training with Process Rewards: label-free, reward-model-free reasoning in JAX",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["sept_jax", "sept_jax.*"]),
    install_requires=[
        "absl-py>=2.1",
        "array_record>=0.8",
        "etils>=1.9",
        "flax>=0.12.8,<0.13",
        "gguf>=0.17",
        "huggingface_hub>=1.0",
        "importlib_resources>=6.4",  # tensorflow-datasets imports it without declaring it
        "jax>=0.10.2,<0.11",
        "jaxtyping>=0.3.11",
        "jinja2>=3.1",
        "math-verify>=0.8",
        "matplotlib>=3.9",
        "ml-collections>=1.1",
        "ml_dtypes>=0.5",
        "numpy>=2.0",
        "optax>=0.2.8,<0.3",
        "orbax-checkpoint>=0.12,<0.13",
        "safetensors>=0.8",
        "scipy>=1.12",
        "sympy>=1.13",
        "tensorboardX>=2.6.4",
        "tensorflow-datasets>=4.9.9",
        "tokenizers>=0.22",
        "tqdm>=4.66",
        "transformers>=5.0,<6",
    ],
    extras_require={
        "gym": GYM,
        "notebooks": NOTEBOOKS,
        "test": [
            "beartype>=0.20",
            "hypothesis>=6.100",
            "pytest>=8.4",
            "pytest-xdist>=3.6",
            "ruff==0.17.6",
            *GYM,
            *NOTEBOOKS,
        ],
        "peer": ["accelerate>=1.10", "datasets>=4.7", "peft>=0.18", "torch==2.13.0", "trl>=1.16,<2"],
        "cuda12": ["jax[cuda12]>=0.10.2,<0.11"],
        "cuda13": ["jax[cuda13]>=0.10.2,<0.11"],
        "tpu": ["gcsfs>=2025.3", "jax[tpu]>=0.10.2,<0.11"],
    },
)
