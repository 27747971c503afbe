"""Rehearse Colab: run notebooks in an environment that has never seen the repository.

    python tools/rehearse.py                 one notebook a chapter
    python tools/rehearse.py --all           every notebook
    python tools/rehearse.py NOTEBOOK …      these

For each run: a fresh virtual environment with the libraries that Colab brings along and nothing of ours on its path, an
empty folder, and the setup cell as it is printed: pip clones the address in it. That address is served from a copy of
this working tree (git's own `insteadOf`), so the cell is proved before anybody has published the book. The first
notebook runs that cell; it installs the package for all, and the others start once it is there. Every notebook runs
with ipywidgets 8, and again (one in three, unless all or some are asked for) with 7.7, the version that Colab kept for
years. Each run's output must be the committed one, the live figures' numbers included.

`--prepare FOLDER` only makes the environment, in that folder; `--environment FOLDER` takes it, or makes it there.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import address  # noqa: E402
import notebooks  # noqa: E402

# What Colab has before the setup cell runs, as far as the book uses it, and the kernel.
BROUGHT_ALONG = [
    "torch==2.13.0",
    "numpy",
    "matplotlib",
    "scipy",
    "scikit-learn",
    "statsmodels",
    "ipykernel",
    "nbclient",
]
VERSIONS = {"ipywidgets 8": "ipywidgets>=8,<9", "ipywidgets 7.7": "ipywidgets>=7.7,<7.8"}

RUNNER = """
import json, sys, nbformat
from nbclient import NotebookClient
source, target, folder = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
notebook.metadata.pop("widgets", None)
client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}},
                        extra_arguments=["--log-level=ERROR"])
client.execute()
nbformat.write(notebook, target)
"""


def sections() -> list[pathlib.Path]:
    """Every notebook but the opening page, which stands in no chapter."""
    return [path for path in notebooks.all_notebooks() if path.parent.name != "chapters"]


def one_a_chapter() -> list[pathlib.Path]:
    """For each chapter the section with most live figures: the one that asks most of an environment."""
    chapters: dict[str, list[pathlib.Path]] = {}
    for path in sections():
        chapters.setdefault(path.parent.name, []).append(path)
    return [
        max(paths, key=lambda path: path.read_text(encoding="utf-8").count("widget-view+json"))
        for paths in chapters.values()
    ]


def published(folder: pathlib.Path) -> dict[str, str]:
    """A repository made of this working tree, and git's configuration that serves it under the book's address."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        if (ROOT / name).exists() and not name.startswith("chapters/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    who = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "The working tree"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address.address(),
    }


def differences(path: pathlib.Path, run: pathlib.Path) -> list[str]:
    """What the run shows that the committed notebook does not: text outputs, and the numbers of live figures."""
    import nbformat

    committed = nbformat.read(path, as_version=4)
    fresh = notebooks.normalise(nbformat.read(run, as_version=4), path)
    found = []
    for old, new in zip(committed.cells, fresh.cells, strict=True):
        if old.cell_type != "code" or "nbval-ignore-output" in old.metadata.get("tags", []):
            continue
        if "%pip" in old.source:
            continue
        texts = [
            ["".join(o.get("text", "")) or o.get("data", {}).get("text/plain", "") for o in c.outputs]
            for c in (old, new)
        ]
        if texts[0] != texts[1]:
            found.append(f"{old.source.splitlines()[0]}\n  committed: {texts[0]}\n  rehearsed: {texts[1]}")
    return found


PIP = ["-m", "pip", "install", "--quiet", "--no-compile"]


def prepare(venv: pathlib.Path) -> None:
    """What Colab is before the setup cell runs."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run(
        [venv / "bin" / "python", *PIP, *BROUGHT_ALONG, VERSIONS["ipywidgets 8"]], check=True, env=clean_environment()
    )
    print(f"fresh environment: {time.monotonic() - start:.0f} s", flush=True)


def clean_environment() -> dict[str, str]:
    """This process's environment without what names another Python."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "JUPYTER"))}


def wait_for_package(venv: pathlib.Path, first: concurrent.futures.Future) -> None:
    """Until the first notebook's setup cell has installed the package (pip writes RECORD last), or the run ended."""
    while not first.done() and not list(venv.glob("lib/python*/*/lossutils-*.dist-info/RECORD")):
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", type=pathlib.Path, help="write the counts here")
    parser.add_argument("--prepare", type=pathlib.Path, metavar="FOLDER", help="only make the environment, there")
    parser.add_argument("--environment", type=pathlib.Path, metavar="FOLDER", help="the environment made there")
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare)
        return 0
    chosen = [p.resolve() for p in options.notebooks] or (sections() if options.all else one_a_chapter())
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        base = pathlib.Path(scratch)
        repository = base / "repository"
        repository.mkdir()
        environment = clean_environment() | published(repository) | {"OMP_NUM_THREADS": "1"}
        venv = options.environment or base / "colab"
        python = venv / "bin" / "python"
        if not python.exists():
            prepare(venv)
        environment["PATH"] = f"{venv / 'bin'}{os.pathsep}{environment['PATH']}"

        def rehearse(path: pathlib.Path) -> tuple[pathlib.Path, float, list[str]]:
            began = time.monotonic()
            folder = pathlib.Path(tempfile.mkdtemp(dir=base))
            target = folder.with_suffix(".ipynb")
            run = subprocess.run(
                [python, "-c", RUNNER, path, target, folder],
                env=environment, cwd=folder, capture_output=True, text=True,
            )  # fmt: skip
            return path, time.monotonic() - began, [run.stderr[-3000:]] if run.returncode else differences(path, target)

        for label, requirement in VERSIONS.items():
            # anywidget comes with the package, by the first setup cell; 7.7 then replaces only ipywidgets.
            subprocess.run([python, *PIP, requirement], check=True, env=environment)
            thorough = options.all or options.notebooks or label == "ipywidgets 8"
            these = chosen if thorough else chosen[::3]  # what differs is the widgets' protocol, not the sections
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                first = pool.submit(rehearse, these[0])
                wait_for_package(venv, first)
                rest = list(pool.map(rehearse, these[1:]))
                runs = [first.result(), *rest]
            for path, seconds, problems in runs:
                passed, failed = (passed, failed + 1) if problems else (passed + 1, failed)
                verdict = "FAIL" if problems else "ok"
                print(f"{verdict:4} {seconds:6.1f} s  {label}  {path.relative_to(ROOT)}")
                print("\n".join(problems), end="\n" if problems else "", flush=True)
        where = subprocess.run(
            [python, "-c", "import lossutils; print(lossutils.__file__)"],
            env=environment, cwd=base, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        if not where.startswith(str(venv)):
            failed += 1
            print(f"FAIL lossutils came from {where or 'nowhere'}, not from the setup cell")
    print(f"{passed} rehearsed, {failed} failed")
    if options.json:
        options.json.write_text(json.dumps({"passed": passed, "failed": failed, "skipped": 0}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
