"""Does a step derive anything that the path did not have?

Without this question true but useless lines pay: `72*1=72`, `12*6=72` after `6*12=72`, `72+45=117` and back
again are true, and their numbers are known.
"""

from collections.abc import Sequence

from sept_jax.checks.formulas.exact import Number
from sept_jax.checks.provenance.check import Chain, chains_of


def idle_steps(steps: Sequence[str]) -> list[bool]:
    """Whether a step calculates, and every equation of it derives nothing: it adds 0 or multiplies by 1, or
    has the same numbers as an earlier equation (restated, or turned around).

    A result that the path or the problem has already is no sign: of the right solutions of GSM8K's examples,
    one equation in ten has such a result by coincidence.
    """
    seen: set[tuple[Number, ...]] = set()
    idle = []
    for step in steps:
        closed = [chain for chain in chains_of(step) if chain.result is not None]
        numbers = [tuple(sorted((*chain.operands, chain.result))) for chain in closed]
        idle.append(
            bool(closed)
            and all(key in seen or _changes_nothing(x) for key, x in zip(numbers, closed, strict=True))
        )
        seen.update(numbers)
    return idle


def _changes_nothing(chain: Chain) -> bool:
    """Whether the one operation of an equation leaves its operand as it is."""
    if len(chain.operands) != 2 or chain.result not in chain.operands:
        return False
    return (0 if set(chain.operators) <= {"+", "-"} else 1) in chain.operands
