"""What a check says of a step."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """`value` is +1 verified, -1 refuted (nearer to 0: less sure), 0 unknown; `reason` says why in words."""

    value: float
    reason: str

    @property
    def known(self) -> bool:
        return self.value != 0


UNKNOWN = Verdict(0.0, "")
