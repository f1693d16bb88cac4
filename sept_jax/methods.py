"""The methods that run in the loop, one entry each: what is rewarded, and how that becomes an update.

All share sampling, compute and evaluation; `config.method` names one. What a config leaves open (None) is the
method's own: its advantage estimator, contrastive weight, sampling temperature and whether problems are drawn
by the curriculum.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Array, Float, Int
from ml_collections import ConfigDict

from sept_jax.checks.answers import final_answer
from sept_jax.grading import is_correct
from sept_jax.records import Evidence, Problem, Rollouts, Steps, StepTexts
from sept_jax.scoring import Judge
from sept_jax.scoring.trajectory import trajectory_reward
from sept_jax.sharding import fetch_batch, place_batch
from sept_jax.update import path_certainty


@dataclasses.dataclass(frozen=True)
class Group:
    """What a path reward may read: problems with their paths, the policy that drew them, a key, and the
    problems' places `rows` in the whole batch, of `count`."""

    problems: tuple[Problem, ...]
    texts: StepTexts
    rollouts: Rollouts
    steps: Steps
    evidence: Evidence
    judge: Judge
    key: Array
    rows: Int[np.ndarray, " B"]
    count: int


Reward = Callable[[Group], Float[np.ndarray, "B G"]]


def majority(group: Group) -> Float[np.ndarray, "B G"]:
    """1 for a path whose final answer is the group's most frequent one (of ties the first), else 0: test-time
    reinforcement learning (Zuo et al. 2025, arXiv 2504.16084, equation 2; Shafayat et al. 2025)."""
    answers = np.asarray(group.evidence.answer_id)
    same = (answers[:, :, None] == answers[:, None, :]) & (answers >= 0)[:, :, None]
    votes = same.sum(-1)
    most = np.take_along_axis(answers, votes.argmax(-1)[:, None], 1)
    return ((answers == most) & (votes > 0)).astype(np.float32)


def self_certainty(group: Group) -> Float[np.ndarray, "B G"]:
    """The mean over a path's tokens of KL(uniform || policy), nats (Zhao et al. 2025, arXiv 2505.19590,
    equation 3)."""
    judge = group.judge
    rollouts = place_batch(group.rollouts, jax.sharding.get_mesh())
    certainty = path_certainty(
        judge.params, judge.model, judge.prompts, rollouts, judge.dtype,
        judge.logit_chunk, judge.micro_batches,
    )  # fmt: skip
    return _token_mean(fetch_batch(certainty), group.rollouts)


def entropy(group: Group) -> Float[np.ndarray, "B G"]:
    """Minus the mean entropy of a path's tokens, nats (RENT, Prabhudesai et al. 2025, arXiv 2505.22660,
    equation 2)."""
    return -_token_mean(group.rollouts.entropy, group.rollouts)


def _token_mean(values: Float[np.ndarray, "B G T"], rollouts: Rollouts) -> Float[np.ndarray, "B G"]:
    return values.sum(-1) / np.maximum(rollouts.length, 1)


def trajectory(group: Group) -> Float[np.ndarray, "B G"]:
    """Consistency and volatility of a path on its way to the group's candidate answers (CoVo, Zhang et al.
    2025, arXiv 2506.08745)."""
    judge = group.judge
    answers = [[final_answer(path.text) for path in paths] for paths in group.texts.paths]
    answer_id = np.asarray(group.evidence.answer_id)
    return trajectory_reward(
        judge.params, judge.prompts, group.rollouts, group.steps, answers, answer_id,
        model=judge.model, tokenizer=judge.tokenizer, cue=judge.questions.answer_cue,
        width=group.evidence.verdict.shape[2], dtype=judge.dtype, micro_batches=judge.micro_batches,
    )  # fmt: skip


def gold(group: Group) -> Float[np.ndarray, "B G"]:
    """1 for a path whose final answer is the gold one: reinforcement learning from verifiable rewards (Shao
    et al. 2024). The one method that reads labels: the reference, never a result."""
    rewards = [
        [is_correct(path.text, problem.answer, None) for path in paths]
        for problem, paths in zip(group.problems, group.texts.paths, strict=True)
    ]
    return np.asarray(rewards, np.float32)


def coin(group: Group) -> Float[np.ndarray, "B G"]:
    """A fair coin a path, from the key: what the loop does without a signal (Shao et al. 2025, arXiv
    2506.10947)."""
    shape = (group.count, group.rollouts.length.shape[1])
    return np.asarray(jax.random.bernoulli(group.key, 0.5, shape), np.float32)[group.rows]


def answered(group: Group) -> Float[np.ndarray, "B G"]:
    """1 for a path that ends by itself and states a final answer that can be read, else 0 (Shao et al. 2025,
    arXiv 2506.10947)."""
    finished = np.asarray(group.rollouts.finished)
    return ((np.asarray(group.evidence.answer_id) >= 0) & finished).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Method:
    """`reward` None: the process scores of steps and paths. `objective` `likelihood` trains on the paths
    themselves, without advantages; with `worked`, on worked solutions of the warm start instead of them. A
    reward that `asks_the_model` takes another pass of it over the batch."""

    reward: Reward | None = None
    objective: str = "policy_gradient"
    worked: bool = False
    asks_the_model: bool = False
    advantage: str = "grpo"
    contrastive_weight: float = 0.0
    temperature: float = 1.0
    curriculum: bool = False


METHODS = {
    # process rewards: step scores of all channels, step credit, pairs of paths, curriculum
    "sept": Method(advantage="to_go", contrastive_weight=0.1, curriculum=True),
    # the same scores as one number a path: what step credit adds
    "sept_path": Method(advantage="path", contrastive_weight=0.1, curriculum=True),
    # likelihood of own samples, drawn colder than trained (arXiv 2510.18814, equation 1)
    "self_evolve": Method(objective="likelihood", temperature=0.6),
    "majority": Method(majority),
    "self_certainty": Method(self_certainty, asks_the_model=True),
    "entropy": Method(entropy),
    "trajectory": Method(trajectory, asks_the_model=True),
    "gold": Method(gold),
    "random": Method(coin),
    "format": Method(answered),
    # more of the supervised start, for as many updates on as many solutions: the control for compute
    "more_warm_start": Method(objective="likelihood", worked=True),
}


def complete(config: ConfigDict) -> ConfigDict:
    """The config with what it leaves open filled in by its method; an unknown method waits for `validate`."""
    method = METHODS.get(config.method)
    if method is None:
        return config
    config = config.copy_and_resolve_references()
    own = {
        "advantage": method.advantage,
        "loss.contrastive_weight": method.contrastive_weight,
        "sampling.temperature": method.temperature,
        "curriculum.uniform": not method.curriculum,
    }
    for key, value in own.items():
        *parents, name = key.split(".")
        part = functools.reduce(lambda node, parent: node[parent], parents, config)
        if part[name] is None:
            part[name] = value
    return config
