"""The repository's address: show it, or carry a new one to every file that repeats it.

    python tools/address.py                                 show the address and the files that repeat it
    python tools/address.py https://github.com/you/book     change it everywhere

It stands in pyproject.toml, under [project.urls]; everything else is a copy.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = re.compile(r'^Repository = "(https://github\.com/[\w.-]+/[\w.-]+)"$', re.MULTILINE)
COPIES = ("README.md", "CITATION.cff", "_config.yml", "CONTRIBUTING.md", "chapters/**/*.ipynb", "chapters/**/*.md")


def address() -> str:
    """The one place's address."""
    found = PLACE.findall((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if len(found) != 1:
        raise ValueError(f'pyproject.toml: expected one line `Repository = "https://github.com/…"`, got {len(found)}')
    return found[0]


def slug(url: str) -> str:
    """``owner/name``, which Colab's links and Pages' addresses are made of."""
    return url.removeprefix("https://github.com/")


def copies() -> list[pathlib.Path]:
    """The files that may repeat the address."""
    return sorted(p for pattern in COPIES for p in ROOT.glob(pattern) if ".ipynb_checkpoints" not in p.parts)


def change(new: str) -> list[pathlib.Path]:
    """Replace the address in its place and in every copy; the files changed."""
    if not PLACE.match(f'Repository = "{new}"'):
        raise ValueError(f"expected an address like https://github.com/owner/name, got {new!r}")
    old, changed = slug(address()), []
    for path in [ROOT / "pyproject.toml", *copies()]:
        text = path.read_text(encoding="utf-8")
        if old in text:
            path.write_text(text.replace(old, slug(new)), encoding="utf-8")
            changed.append(path)
    # Cell ids follow from the cells' text.
    subprocess.run(
        [sys.executable, ROOT / "tools" / "notebooks.py", "normalise"], check=True, stdout=subprocess.DEVNULL
    )
    return changed


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for path in change(sys.argv[1]):
            print(path.relative_to(ROOT))
    print(address())
