"""Steps that say that the problem is faulty, or cannot be solved.

A problem that is posed can be solved. A step that blames the problem has lost the way, so it is refuted;
one that only takes itself back is doubted.
"""

import re

from sept_jax.checks.wording import heads, words

_HEADS = heads(
    "mistake mistakes error errors typo typos misprint misprints confusion confusions ambiguity "
    "inconsistency discrepancy flaw flaws contradiction contradictions not fails never ambiguous unclear "
    "flawed incomplete inconsistent contradictory misleading incorrect wrong impossible information "
    "insufficient cannot unable interpretation recalculate reconsider re recheck"
)
"""A step without one of these words has none of the patterns, but for "doesn't" and the like."""

_TRIGGERS = (
    "n't", "n’t", " not ", "annot be", "mistake", "error", "confus", "typo", "ambigu", "inconsist",
    "contradict", "insufficient", "enough inf", "additional inf", "missing inf", "more inf", "impossible",
    "incorrect", "wrong", "interpretation", "let's re", "Let's re",
)  # fmt: skip
_OBJECTS = (
    "problem", "question", "provided", "specif", "stated", "mention", "information", "determine", "be solved",
    "to solve", "be answered", "to answer", "interpretation", "incorrect", "wrong", "possible", "not correct",
    "not right", "recalculate", "reconsider", "re-eval", "recheck", "make sense", "mistake", "error",
    "exercise",
)  # fmt: skip
"""A step is searched if it has one of the triggers and one of these."""

_FAULT = r"(?:mistake|error|typo|misprint|confusion|ambiguity|inconsistency|discrepancy|flaw|contradiction)s?"
_ASKED = r"(?:problem|question|exercise|problem statement|problem setup|question setup|given information)"
_BLAMES = re.compile(
    rf"\b{_FAULT} (?:in|with|about) (?:the|this|our)(?: way the)?(?: original| given)? {_ASKED}\b"
    rf"|\b{_ASKED}(?: itself)?(?: statement)? (?:does not|doesn['’]t|did not|didn['’]t|fails to|never) "
    r"(?:\w{1,20}ly )?(?:provide|give|specify|state|mention|tell|include|say|clarify|indicate)"
    rf"|\b{_ASKED}(?: statement)? (?:is|seems|appears)(?: to be)? (?:\w{{1,20}}ly )?"
    r"(?:ambiguous|unclear|flawed|incomplete|inconsistent|contradictory|misleading|incorrect|wrong"
    r"|impossible)\b"
    r"|\b(?:is|are|was|were)(?: not|n['’]t) (?:\w{1,20}ly )?(?:provided|specified|given|stated|mentioned)"
    rf" (?:in|by) the (?:\w{{1,20}} )?{_ASKED}\b"
    r"|\b(?:not enough|insufficient|missing|additional|without more|need more) information\b"
    r"(?! (?:that|we|given|provided|about the problem))"
    r"|\bcannot be (?:determined|solved|answered)\b(?! by)|\b(?:impossible|not possible|unable) to "
    r"(?:determine|solve|answer)\b"
    rf"|\bassum\w{{1,20}} (?:that )?there (?:was|is|were|has been) an? (?:\w{{1,20}} )?{_FAULT}"
    r"|\b(?:correct|right|intended) interpretation (?:is|was|should|would|must)\b",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(
    r"\bthis is (?:incorrect|wrong|not (?:correct|right|possible))\b|\blet['’]s (?:recalculate|reconsider"
    r"|re-evaluate|recheck)"
    r"|\bthere (?:was|is) an? (?:\w{1,20} )?(?:mistake|error) in (?:the|my|our)\b"
    r"|\bI made an? (?:mistake|error)\b"
    r"|\bdoes(?:n['’]t| not) make sense\b"
    r"|\b(?:is|are|was|were)(?: not|n['’]t) (?:\w{1,20}ly )?(?:provided|specified|stated|mentioned)\b",
    re.IGNORECASE,
)


def admission(step: str) -> tuple[str, bool]:
    """The words in which a step says that the problem is faulty or lacks something (True), or in which it
    takes something back (False); "" if it does neither."""
    if _HEADS.isdisjoint(words(step)) and "n't" not in step and "n’t" not in step:
        return "", False
    if not any(map(step.__contains__, _TRIGGERS)) or not any(map(step.__contains__, _OBJECTS)):
        return "", False
    found = _BLAMES.search(step)
    if found:
        return found.group(), True
    found = _TAKES_BACK.search(step)
    return (found.group(), False) if found else ("", False)
