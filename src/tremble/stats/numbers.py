"""How numbers are written wherever people read them: in notes, tables and pages."""

from __future__ import annotations

MISSING = "–"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number of size about 1 without its leading zero: .38, -.04, 1.00.

    Values nearer to zero than .01 get three decimals, so that .004 is not read as nothing.
    None is an en dash.
    """
    if value is None:
        return MISSING
    if 0 < abs(value) < 0.01:
        digits = max(digits, 3)
    text = f"{abs(value):.{digits}f}".removeprefix("0")
    return f"-{text}" if value < 0 and float(text) else text


def against(value: float, threshold: float) -> str:
    """`value` with enough decimals (two to six) not to look like the threshold it is not."""
    for digits in range(2, 7):
        text = decimal(value, digits)
        if text != decimal(threshold, digits):
            break
    return text


def p_value(p: float | None) -> str:
    """A p value: '< .001', three decimals below .1, two above, '> .99' at the top."""
    if p is None:
        return MISSING
    if p < 0.001:
        return "< .001"
    if p > 0.99:
        return "> .99"
    return decimal(p, 3 if p < 0.0995 else 2)
