"""SePT with a small instruct model on sums and legs that reasoning-gym makes, at a level that it can partly
do. Gold answers are read in evaluation only. Needs pip install -e '.[gym]' -c constraints.txt.

  python -m sept_jax.train --config=configs/gym.py
  python -m sept_jax.train --config=configs/gym.py --config.model.path=MODEL.gguf
"""

from configs import gsm8k

SUM = "State the final answer to the following arithmetic problem: {} ="
LEGS = (
    "Your task is to count how many legs there are in total when given a list of animals.\n\n"
    "Now, how many legs are there in total if you have {}?"
)
EXAMPLES = (
    (SUM.format("6 + 7"), "6+7=13\n#### 13"),
    (LEGS.format("3 ducks"), "3*2=6\n#### 6"),
    (SUM.format("14 - 6 + 31"), "14-6=8\n8+31=39\n#### 39"),
    (LEGS.format("2 ants, 5 cats"), "2*6=12\n5*4=20\n12+20=32\n#### 32"),
)


def get_config():
    config = gsm8k.get_config()
    config.data.source = "gym"
    config.model.path = "HuggingFaceTB/SmolLM2-135M-Instruct"
    config.data.gym.levels = (0,)  # of the next, a model this small answers one in twenty
    config.data.gym.ood_levels = (1,)
    config.prompt.instruction = "{question}"
    config.prompt.few_shot = EXAMPLES
    config.prompt.buckets = (304, 416)
    config.sampling.max_new_tokens = 48
    config.evaluation.ood_problems = 64
    return config
