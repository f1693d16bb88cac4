r"""The pieces that a text is cut into: words, numbers, symbols, LaTeX commands.

Every repetition is possessive, bounded, or of characters that what follows cannot start with: time is linear.
"""

import re

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "vartheta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip
"""Letters by their commands."""

LETTERS = "".join(c for c in map(chr, range(0x41, 0x250)) if c.isalpha() and c not in "ªµº")
"""Every letter of words."""

_BLANK = r"[ \t\xa0\u2000-\u200b\u202f~]"
_LETTER = r"A-Za-zÀ-ÖØ-öø-ɏ"
_SUFFIX = rf"(?:[{_LETTER}]{{2,3}}(?!['’]?[A-Za-z]|[{_LETTER}]))"
_INDEX = (
    r"(?:_(?:[0-9]++|[A-Z]++|[a-z]{3,20}+|[a-z]|\{[^{}\\\n]{1,20}\}|\{\\(?:text|mathrm)\{[^{}\\\n]{1,20}\}\})"
    r"|[₀-₉]{1,8}+)"
)
_PRIME = r"(?:(?<!['‘][A-Za-z])['’′]++(?![A-Za-z])|\^\{?\\prime(?![A-Za-z])\}?)"
_LAYOUT = rf"""{_BLANK}*+(?:\\(?:[,;:!>\ ]|(?:left|right|displaystyle|textstyle|boxed|fbox|limits
            |[bB]igg?[lr]?|cr|[hv]space(?:\*?\{{[^{{}}]{{0,20}}\}})?|phantom(?:\{{[^{{}}]{{0,20}}\}})?)(?![A-Za-z]))
    {_BLANK}*+)*+"""

LAYOUT = re.compile(_LAYOUT, re.VERBOSE)
"""Blanks, and commands that only set type."""

PATTERN = re.compile(
    rf"""[ ]?+(?:[{_LETTER}]{{2,}}+(?!['’_])|[0-9]++(?![0-9.,A-Za-z{{]|[{_LETTER}])|[(){{}}\[\],;?"%+/]
        |=(?![=>])|\.(?![0-9.])|-(?![->]))  # nine pieces in ten
    |{_LAYOUT}(?:[{_LETTER}]{{2,}}+(?:['’][A-Za-z]++|(?<=[{_LETTER}]{{3}})(?:_[A-Za-z][A-Za-z0-9]++)++)?+
    |[(){{}}\[\],;?"%+/]|=(?![=>])|-(?![->])|\.(?![0-9.])
    |[0-9]{{1,3}}(?:(?:,|\{{,\}}|,\\!|\\,)[0-9]{{3}}(?![0-9]))++(?:\.[0-9]++)?{_SUFFIX}?
    |[0-9]++(?:\.[0-9]++)?{_SUFFIX}?
    |[{_LETTER}Ͱ-ορ-Ͽ](?:{_INDEX}{_PRIME}?|{_PRIME}|['’][A-Za-z]++
        |(?<![0-9)\]}}][A-Za-z])[0-9]{{1,2}}(?![0-9A-Za-z.,]))?
    |\$
    |\\(?:(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname\*?|boldsymbol)\s{{0,3}}\{{[^{{}}]{{0,200}}\}}
        |(?:begin|end)\s{{0,3}}\{{[^{{}}]{{0,40}}\}}(?:\{{[lcr|\ ]{{1,20}}\}})?
        |(?:tag|label)\s{{0,3}}\{{[^{{}}]{{0,40}}\}}
        |not\s{{0,2}}(?:=|\\equiv(?![A-Za-z]))
        |[dtc]?frac\s{{0,2}}[0-9]{{1,2}}{_SUFFIX}?
        |(?:{"|".join(GREEK)})(?![A-Za-z]){_INDEX}?{_PRIME}?
        |[A-Za-z]++|.)
    |\^(?:\s{{0,3}}(?:\{{\s{{0,3}}\\circ\s{{0,3}}\}}|\\circ(?![A-Za-z])))?
    |<<[^<>\n]{{1,200}}>>
    |(?<![0-9])\.[0-9]++{_SUFFIX}?|\.++
    |=>|==>|==|->|-->|<=>|<=|>=|:=|<<++|>>++|\*++
    |(?<![0-9)\]}}])(?<!(?<![A-Za-z])[A-Za-z])!=  # 4!=24 is a factorial's
    |[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,20}}|⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,20}}|[₀-₉]{{1,20}}
    |.|\Z)""",
    re.VERBOSE | re.DOTALL,
)
"""A piece with the layout before it. `findall` loses no character, and ends with an empty piece."""
