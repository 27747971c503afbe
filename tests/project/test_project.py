"""What holds for the repository as a whole: one address, notebooks that stand alone, nothing of the machine."""

import base64
import pathlib
import re
import subprocess
import sys

import address
import nbformat
import notebooks
import numpy as np
import pytest

import lossutils

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
URL = address.address()
PAGES = notebooks.all_notebooks()
STATE, VIEW = notebooks.STATE, notebooks.VIEW


def read(path):
    return nbformat.read(path, as_version=4)


def name(path):
    return path.relative_to(ROOT / "chapters").as_posix()


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.split("\0") if line and (ROOT / line).exists()]


def sections():
    return [ROOT / f"{name}.ipynb" for name in notebooks.sections()]


every_page = pytest.mark.parametrize("path", PAGES, ids=name)
every_section = pytest.mark.parametrize("path", sections(), ids=name)


def test_the_contents_list_every_notebook():
    """Protects against a notebook that is proved but not on the site, or the reverse."""
    listed = {*sections(), *(ROOT / f"{page}.ipynb" for page in notebooks.contents())}
    assert {p for p in listed if p.exists()} == set(PAGES)


def test_the_page_of_functions_has_them_all():
    """Protects against a loss that is exported and that no reader of the site finds."""
    page = (ROOT / "chapters" / "lossutils.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"autofunction:: (\w+)", page)) == sorted(lossutils.__all__)


@pytest.mark.parametrize("file", ["README.md", "CITATION.cff", "_config.yml", "CONTRIBUTING.md"])
def test_the_address_is_repeated_faithfully(file):
    """Protects one address: every GitHub owner/name in these files is the project's own."""
    found = re.findall(
        r"github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?(?=[/\"'\s)>#]|$)", (ROOT / file).read_text(encoding="utf-8")
    )
    assert found and set(found) == {address.slug(URL)}


@every_section
def test_the_setup_cell_is_the_books_own(path):
    """Protects Colab: every section installs lossutils, only if it is missing, from the project's address."""
    setup = next(cell for cell in read(path).cells if cell.cell_type == "code")
    assert setup.source == (
        "#@title Setup: installs lossutils where it is missing, as on Colab\n"
        "import importlib.util\n\n"
        'if importlib.util.find_spec("lossutils") is None:\n'
        f'    %pip install --quiet "lossutils[learn] @ git+{URL}"'
    )
    assert setup.metadata.get("cellView") == "form" and "hide-input" in setup.metadata.get("tags", [])


def test_one_command_changes_the_address_everywhere(tmp_path):
    """Protects whoever publishes the book: after the command no file names the old owner."""
    copy = tmp_path / "copy"
    for path in tracked():
        if path.suffix in {".woff", ".js"}:
            continue
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    new = "https://github.com/somebody/their-book"
    subprocess.run([sys.executable, copy / "tools" / "address.py", new], check=True, capture_output=True)
    left = [p for p in copy.rglob("*") if p.is_file() and address.slug(URL).encode() in p.read_bytes()]
    assert left == []
    assert subprocess.run([sys.executable, copy / "tools" / "notebooks.py", "check"]).returncode == 0


@every_page
def test_the_notebook_is_normalised(path):
    """Protects small diffs: executing again on the same machine changes nothing."""
    before = path.read_text(encoding="utf-8")
    after = nbformat.writes(notebooks.normalise(nbformat.reads(before, as_version=4), path))
    assert after.strip() == before.strip()


@every_section
def test_the_notebook_shows_what_it_claims(path):
    """Protects the shape of a section: outputs stored, claims asserted, short cells, nothing on stderr."""
    cells = [c for c in read(path).cells if c.cell_type == "code"]
    assert any(c.outputs for c in cells) and any("assert " in c.source for c in cells)
    for cell in cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25, cell.source
        for output in cell.outputs:
            assert output.output_type != "error" and output.get("name") != "stderr", cell.source


@every_page
def test_every_figure_has_alt_text(path):
    """Protects readers who do not see the figures: each says in words what is seen."""
    for cell in read(path).cells:
        if cell.cell_type == "code" and any("image/png" in o.get("data", {}) for o in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) >= 20, cell.source


@every_section
def test_no_link_leads_to_another_repository_or_script(path):
    """Protects the offline reader: a notebook loads nothing from elsewhere."""
    text = "\n".join(c.source for c in read(path).cells)
    assert not re.findall(r"https?://[^\s\")>\]]+\.(?:js|css|woff2?)\b", text)
    assert "pip install" not in text.replace('%pip install --quiet "lossutils[learn]', "")


@every_page
def test_the_saved_figures_are_the_ones_that_nbval_proves(path):
    """Protects the static page: the widget state's numbers are those whose digest stands in the compared output."""
    from lossutils.learn import ask, guide, live

    notebook = read(path)
    state = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    shown = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if VIEW in output.get("data", {}):
                shown[output.data[VIEW]["model_id"]] = output.data["text/plain"]
    for model, text in shown.items():
        assert model in state, "a widget without its state: execute the notebook with `make notebooks`"
        if question := state[model]["state"].get("question"):
            assert repr(ask.Question(question)) in text
            continue
        if state[model]["state"].get("guide"):
            carried = guide.LossGuide(state[model]["state"]["guide"])
            assert repr(carried) in text and carried.guide == guide.show().guide, "the guide of an older record"
            continue
        boxed = [c.removeprefix("IPY_MODEL_") for c in state[model]["state"].get("children", [])]
        [record] = [state[m] for m in (model, *boxed) if "spec" in state[m]["state"]]
        figure = live.LiveFigure()
        [buffer] = [b["data"] for b in record["buffers"] if b["path"] == ["data"]]
        figure.data, figure.spec = base64.b64decode(buffer), record["state"]["spec"]
        assert repr(figure) in text
        assert len(figure.data) <= 4 * 20_000, "a figure of more than 80 kB"


@every_page
def test_gradient_panels_are_the_slope_of_the_loss_panels(path):
    """Protects the drawn gradients: where loss and gradient of one label stand side by side, differences agree."""
    from lossutils.learn import live

    state = read(path).metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    for record in state.values():
        spec = record["state"].get("spec")
        if not spec or [p["title"] for p in spec["panels"]] != ["Loss", "Gradient"]:
            continue
        figure = live.LiveFigure()
        figure.data = base64.b64decode(record["buffers"][0]["data"])
        losses, gradients = ({layer["label"]: layer for layer in p["layers"]} for p in spec["panels"])
        for label in losses.keys() & gradients.keys():
            loss, gradient = losses[label], gradients[label]
            if loss["kind"] != "line":
                continue
            x, y, g = (figure.array(r).astype(float) for r in (loss["x"], loss["y"], gradient["y"]))
            slope = np.diff(y) / np.diff(x)
            middle, spread = (g[..., 1:] + g[..., :-1]) / 2, np.abs(np.diff(g))
            error = np.abs(slope - middle)
            assert np.all(error <= 0.51 * spread + 1e-3 * (1 + np.abs(slope))), (spec["title"], loss["label"])


def test_nothing_of_the_machine_is_committed():
    """Protects the project's own voice: no paths of a machine, no registry, no leftovers."""
    machine = re.compile(r"/root/|/home/|/work/|/tmp/|\.pyenv|site-packages/|pypi\.org")
    for path in tracked():
        if path.suffix != ".woff2" and "katex" not in path.parts and path != pathlib.Path(__file__).resolve():
            found = machine.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(ROOT)}: {found.group()}"


def test_the_package_ships_what_the_notebooks_need():
    """Protects `pip install`: the live figures' script and style are package data."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"lossutils.learn" = ["*.js", "*.css", "*.json", "experiments/*.json"]' in text
