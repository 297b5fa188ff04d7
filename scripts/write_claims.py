"""Write the table of claims into docs/published.md: `python scripts/write_claims.py`."""

from __future__ import annotations

from pathlib import Path

from tremble.published.recount import as_markdown
from tremble.published.text_claims import claims

DOC = Path(__file__).parents[1] / "docs" / "published.md"
MARK = "<!-- claims -->\n"


def main() -> None:
    head, mark, _ = DOC.read_text("utf-8").partition(MARK)
    assert mark, f"{DOC} has no line {MARK!r}"
    DOC.write_text(f"{head}{MARK}\n{as_markdown(claims())}", "utf-8")


if __name__ == "__main__":
    main()
