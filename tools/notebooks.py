"""Execute the book's notebooks and normalise them, so that the same run leaves the same bytes.

    python tools/notebooks.py run [NOTEBOOK …]        execute (each from an empty folder) and normalise
    python tools/notebooks.py normalise [NOTEBOOK …]  only normalise
    python tools/notebooks.py check [NOTEBOOK …]      fail where a notebook is not normalised

Without names, every notebook of the book.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import sys
import tempfile
import time

import nbformat
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
REFERENCE = "IPY_MODEL_"
KEEP = ("tags", "cellView", "jupyter", "mystnb")

# A live figure's script stands in the package and on the site, not in every widget of every notebook. Where a saved
# notebook is opened without running it, this stands in its place.
STUB = (
    "export default { render({ model, el }) { el.textContent = "
    "'Run this cell to bring the figure to life: ' + ((model.get('spec') || {}).title || ''); } };"
)


# The same for a question.
ASKING = (
    "export default { render({ model, el }) { el.textContent = "
    "'Run this cell to answer: ' + (model.get('question') || {}).name; } };"
)

# And for the guide.
GUIDING = "export default { render({ el }) { el.textContent = 'Run this cell to open the guide.'; } };"


def all_notebooks() -> list[pathlib.Path]:
    """Every notebook of the book, in the order of their paths."""
    return sorted(p for p in (ROOT / "chapters").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def contents() -> dict[str, list[str]]:
    """The pages of the book in reading order, the front page first, each with its sections, as `_toc.yml` has them."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in toc.get("parts", [toc]) for chapter in part.get("chapters", [])]
    return {toc["root"]: []} | {c["file"]: [s["file"] for s in c.get("sections", [])] for c in chapters}


def sections() -> list[str]:
    """The sections of all chapters, in reading order."""
    return [name for names in contents().values() for name in names]


def executed(path: pathlib.Path):
    """The notebook with the outputs of a fresh kernel whose working folder is empty."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=ERROR"],
        ).execute()  # fmt: skip
    return notebook


def execute(path: pathlib.Path) -> None:
    """Run every cell and store the outputs."""
    write(normalise(executed(path), path), path)


def write(notebook, path: pathlib.Path) -> None:
    """Write the notebook as Jupyter does: one space of indentation, a newline at the end."""
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def normalise(notebook, path: pathlib.Path):
    """Drop what differs from run to run: timestamps, versions, random ids; shorten the widgets' state."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha1(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        cell.metadata = nbformat.from_dict({k: cell.metadata[k] for k in KEEP if k in cell.metadata})
        if cell.cell_type == "code":
            cell.outputs = _join_streams(cell.outputs)
    _widgets(notebook, path)
    widgets = notebook.metadata.get("widgets")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            **({"widgets": widgets} if widgets else {}),
        }
    )
    return notebook


def _join_streams(outputs: list) -> list:
    """A stream may arrive in any number of pieces: one piece a run of the same name."""
    joined: list = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _widgets(notebook, path: pathlib.Path) -> None:
    """Keep the models that an output shows, under ids that follow from the notebook's path and their order."""
    state = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    views = [
        o.data[VIEW] for c in notebook.cells if c.cell_type == "code" for o in c.outputs if VIEW in o.get("data", {})
    ]
    name = path.resolve().relative_to(ROOT).as_posix()
    fresh: dict[str, str] = {}

    def visit(model: str) -> None:
        if model not in state or model in fresh:
            return
        fresh[model] = hashlib.sha1(f"{name}#{len(fresh)}".encode()).hexdigest()[:32]
        for child in _references(state[model]["state"]):
            visit(child)

    for view in views:
        visit(view["model_id"])
        view["model_id"] = fresh.get(view["model_id"], view["model_id"])
    kept = {}
    for old, new in fresh.items():
        record = state[old]
        record["state"] = _rename(record["state"], fresh)
        if "_esm" in record["state"]:
            asks = "question" in record["state"]
            record["state"]["_esm"] = ASKING if asks else GUIDING if "guide" in record["state"] else STUB
            record["state"].pop("_css", None)
        kept[new] = record
    notebook.metadata.pop("widgets", None)
    if kept:
        notebook.metadata["widgets"] = {STATE: {"state": kept, "version_major": 2, "version_minor": 0}}


def _references(value) -> list[str]:
    if isinstance(value, str):
        return [value.removeprefix(REFERENCE)] if value.startswith(REFERENCE) else []
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for item in values for found in _references(item)]


def _rename(value, fresh: dict[str, str]):
    if isinstance(value, str) and value.startswith(REFERENCE):
        return REFERENCE + fresh.get(value.removeprefix(REFERENCE), "")
    if isinstance(value, dict):
        return {k: _rename(v, fresh) for k, v in value.items()}
    return [_rename(v, fresh) for v in value] if isinstance(value, list) else value


def _timed(path: pathlib.Path) -> tuple[pathlib.Path, float, str]:
    start = time.monotonic()
    try:
        execute(path)
        return path, time.monotonic() - start, ""
    except Exception as error:  # the other notebooks still run; the command fails at its end
        return path, time.monotonic() - start, str(error)[-3000:]


def run(paths: list[pathlib.Path]) -> int:
    """Execute in two processes; a notebook that fails is reported and left as it was."""
    failures = 0
    os.environ["PYTHONPATH"] = str(ROOT)  # this checkout's lossutils, whatever is installed
    os.environ["OMP_NUM_THREADS"] = "1"  # two notebooks at a time on two cores; and one order of summation
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, seconds, error in pool.map(_timed, paths):
            print(f"{'FAIL' if error else 'ok':4} {seconds:6.1f} s  {path.relative_to(ROOT)}", flush=True)
            if error:
                failures += 1
                print(error, flush=True)
    print(f"{len(paths) - failures} executed, {failures} failed")
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "normalise", "check"])
    parser.add_argument("notebooks", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    paths = [p.resolve() for p in options.notebooks] or all_notebooks()
    if options.what == "run":
        return 1 if run(paths) else 0
    stale = 0
    for path in paths:
        before = path.read_text(encoding="utf-8")
        after = nbformat.writes(normalise(nbformat.reads(before, as_version=4), path))
        if after.strip() != before.strip():
            stale += 1
            print(f"{'not normalised' if options.what == 'check' else 'normalised'}: {path.relative_to(ROOT)}")
            if options.what == "normalise":
                path.write_text(after + "\n", encoding="utf-8")
    return 1 if stale and options.what == "check" else 0


if __name__ == "__main__":
    sys.exit(main())
