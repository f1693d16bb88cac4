"""SePT with a small instruct model on sums and legs that reasoning-gym makes, in levels: problems that it can
partly do. Gold answers are read in evaluation only. Needs pip install 'sept_jax[gym]'.

  python -m sept_jax.train --config=configs/gym.py
  python -m sept_jax.train --config=configs/gym.py --config.model.path=MODEL.gguf
"""

from configs import gsm8k

EXAMPLES = (
    (
        "State the final answer to the following arithmetic problem: 14 - 6 + 31 =",
        "14-6=8\n8+31=39\n#### 39",
    ),
    (
        "Your task is to count how many legs there are in total when given a list of animals.\n\n"
        "Now, how many legs are there in total if you have 3 ducks, 5 cats?",
        "3 ducks have 3*2=6 legs.\n5 cats have 5*4=20 legs.\nTogether 6+20=26 legs.\n#### 26",
    ),
)


def get_config():
    config = gsm8k.get_config()
    config.data.source = "gym"
    config.model.path = "HuggingFaceTB/SmolLM2-135M-Instruct"
    config.prompt.instruction = "{question}"
    config.prompt.few_shot = EXAMPLES
    config.prompt.buckets = (224, 320)
    config.sampling.max_new_tokens = 96
    config.evaluation.ood_problems = 64
    return config
