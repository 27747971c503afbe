"""A Sphinx extension: live figures, questions and the reader's progress on the static site.

* The scripts of the figures, of the questions and of the progress and the loader become one classic script,
  ``widgets/live.js``: modules cannot be loaded from a folder on disk, classic scripts can.
* Where a cell shows a live figure, the page carries its PNG, which the script replaces; where it shows a question, its
  Markdown with the folded answer; where it shows the guide, the table of its leaves. So there is something without
  JavaScript, in print and for search, and the room is reserved while the page loads.
* ``{progress}`` in a chapter's opening page becomes a table of what there is to do, counted from the notebooks.
"""

from __future__ import annotations

import functools
import html
import json
import math
import pathlib
import re

import notebooks
from docutils import nodes
from notebooks import REFERENCE, STATE, VIEW
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from lossutils.learn.live import front_end

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEARN = ROOT / "lossutils" / "learn"
SCRIPT = re.compile(r"<script[^>]*>(.*)</script>", re.DOTALL)


CHECK = re.compile(r'^check\("(\w+)"', re.MULTILINE)
KINDS = ("predictions", "quizzes", "exercises")
GUIDE_ROOM = (620, 795)  # the height of the guide in pixels, as :func:`room` gives it for a question


def classic(module: str, name: str = "LossLive") -> str:
    """A widget's module as a classic script that defines ``name``."""
    body, export, rest = module.partition("export default { render };")
    if not export or rest.strip():
        raise ValueError(f"{name}: expected one export, `export default {{ render }};`, as the module's last line")
    return f"const {name} = (() => {{\n{body}\nreturn {{ render }};\n}})();\n"


def write_assets(app: Sphinx, config) -> None:
    """Generate the script and the style sheet into a folder of the build and let Sphinx copy it."""
    folder = pathlib.Path(app.outdir).parent / "generated"
    (folder / "widgets").mkdir(parents=True, exist_ok=True)
    styles = "".join((LEARN / f"{name}.css").read_text(encoding="utf-8") for name in ("live", "ask", "guide"))
    assets = ROOT / "chapters" / "_assets"
    rest = [(assets / name).read_text(encoding="utf-8") for name in ("progress.js", "loader.js")]
    widgets = (("live", "LossLive"), ("ask", "LossAsk"), ("guide", "LossGuide"))
    script = "".join([*(classic(front_end(part), name) for part, name in widgets), *rest])
    for name, text in (("live.js", script), ("live.css", styles)):
        target = folder / "widgets" / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
    config.html_static_path.append(str(folder))
    config.html_css_files.append("widgets/live.css")


def saved_state(notebook: dict) -> dict:
    """The widget models that a notebook saved, by id."""
    return notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})


def specs(model: str, state: dict) -> list[dict]:
    """The live figures that a model shows: itself, or those in its box."""
    record = state.get(model, {}).get("state", {})
    if "spec" in record:
        return [record["spec"]]
    children = [child.removeprefix(REFERENCE) for child in record.get("children", [])]
    return [spec for child in children for spec in specs(child, state)]


def heights(figures: list[dict]) -> tuple[int, int]:
    """About how high the figures will be, in pixels, beside the sidebar and on a phone: so much room is kept."""
    wide = narrow = 0
    for spec in figures:
        labels = {layer["label"] for panel in spec["panels"] for layer in panel.get("layers", ()) if layer["label"]}
        legend = sum(7.5 * len(label) + 54 for label in labels)
        numbers = sum(7.5 * len(readout["label"] + readout["unit"]) + 80 for readout in spec["readouts"])
        high_wide, high_narrow = panel_heights(spec["panels"])
        rest = 54 + 36 * len(spec["sliders"])
        wide += rest + 33 * math.ceil(legend / 610) + high_wide + 24 * math.ceil(numbers / 610)
        narrow += rest + 33 * math.ceil(legend / 335) + high_narrow + 24 * math.ceil(numbers / 335)
    return wide, narrow


def panel_heights(panels: list[dict]) -> tuple[int, int]:
    """The same for the panels alone: those with axes, or a gallery of pictures, as live.js lays them out."""
    if not any("images" in panel for panel in panels):
        return 366 if len(panels) == 1 else 262, 262 * len(panels)

    def gallery(room: int) -> int:
        columns = min(len(panels), max(2, (room + 10) // 250))
        width = (room - 8 * (columns - 1)) // columns
        total = 0
        for first in range(0, len(panels), columns):
            row = panels[first : first + columns]
            total += max(30 + (min(width, 430) * p["size"][1] / p["size"][0] if "images" in p else 262) for p in row)
        return round(total)

    return gallery(640), gallery(335)


def room(question: dict) -> tuple[int, int]:
    """About how high a question will be before it is answered, in pixels, beside the sidebar and on a phone."""

    def lines(text: str, letters: int) -> int:
        paragraphs = re.split(r"</p>\s*<p>", text)
        return sum(max(1, math.ceil(len(html.unescape(re.sub(r"<[^>]*>", "", p))) / letters)) for p in paragraphs)

    def high(letters: int, panel: int) -> int:
        pixels = 108 + 23 * lines(question["html"], letters) + 8 * question["html"].count("<p>")
        if "choices" in question:
            pixels += sum(13 + 23 * lines(c["html"], letters - 8) for c in question["choices"])
            return pixels + (31 if question["several"] else 0)
        if "items" in question:
            columns = max(2, letters * 7 // 150) if question["items"][0]["image"] else 1
            return pixels + 40 + (170 if columns > 1 else 44) * math.ceil(len(question["items"]) / columns)
        return pixels + (panel if question["kind"] == "predict-curve" else 44 if letters > 60 else 80)

    return high(92, 347), high(42, 240)


class Fallback(SphinxPostTransform):
    """Before myst-nb keeps one format of each output: put what stands for a widget beside its script."""

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs) -> None:
        path = pathlib.Path(self.env.doc2path(self.env.docname))
        if path.suffix != ".ipynb":
            return
        state = saved_state(json.loads(path.read_text(encoding="utf-8")))
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            kinds = {child["mime_type"]: child for child in bundle.children}
            if VIEW not in kinds:
                continue
            script = kinds[VIEW].children
            model = json.loads(SCRIPT.search(script[0].astext())[1])["model_id"]
            if question := state.get(model, {}).get("state", {}).get("question"):
                still, name, (wide, narrow) = kinds["text/markdown"].children, "aq", room(question)
                drop_source(bundle)
            elif "guide" in state.get(model, {}).get("state", {}):
                still, name, (wide, narrow) = kinds["text/markdown"].children, "gd", GUIDE_ROOM
            elif "image/png" in kinds:
                still, name, (wide, narrow) = kinds["image/png"].children, "lf", heights(specs(model, state))
                for node in still:
                    node["loading"] = "lazy"  # hidden where scripts run, and then not fetched
            else:
                continue
            style = f"--lf-wide: {wide}px; --lf-narrow: {narrow}px"
            kinds[VIEW].children = []
            kinds[VIEW] += nodes.raw("", f'<div class="{name}-host" style="{style}">', format="html")
            kinds[VIEW] += nodes.container("", *still, classes=[f"{name}-fallback"])
            kinds[VIEW] += [*script, nodes.raw("", "</div>", format="html")]


def drop_source(output: nodes.Element) -> None:
    """Take away the code of the cell of a question: it holds the answer. What is asserted there stays to be read."""
    cell = output
    while cell.get("nb_element") != "cell_code":
        cell = cell.parent
    for child in list(cell.children):
        if child.get("nb_element") != "cell_code_output" and "assert " not in child.astext():
            cell.remove(child)


# The reader's progress


def tasks(path: pathlib.Path) -> dict[str, list[str]]:
    """What a notebook asks of its reader, by name: its predictions, quizzes and code exercises."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for record in saved_state(notebook).values():
        if question := record["state"].get("question"):
            found["quizzes" if question["kind"] == "quiz" else "predictions"].append(question["name"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            fresh = [name for name in CHECK.findall("".join(cell["source"])) if name not in found["exercises"]]
            found["exercises"] += fresh
    return found


@functools.cache  # the notebooks are large, and every page with a table asks
def contents() -> dict[str, dict[str, dict[str, list[str]]]]:
    """The tasks of each section of each chapter, in the book's order: chapter → section → kind → names."""
    return {
        chapter: {name: tasks(path) for name in sections if (path := ROOT / f"{name}.ipynb").exists()}
        for chapter, sections in notebooks.contents().items()
        if sections
    }


class Progress(SphinxDirective):
    """``{progress}``: what there is to do, by section in a chapter's page, by chapter elsewhere, and what is done."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", "", format="html", progress=True)]


def pages_with_progress(app: Sphinx, env: BuildEnvironment, *_) -> list[str]:
    """These count what stands in other files, so they are read again at every build."""
    return [
        doc for doc in env.found_docs if "{progress}" in pathlib.Path(env.doc2path(doc)).read_text(encoding="utf-8")
    ]


def count_tasks(app: Sphinx, document: nodes.document, page: str) -> None:
    """Fill in the tables once the titles of all pages are known."""
    places = [node for node in document.findall(nodes.raw) if node.get("progress")]
    if not places:
        return
    book, titles = contents(), {name: title.astext() for name, title in app.env.titles.items()}
    chapters = {
        chapter: {kind: [name for tasks in sections.values() for name in tasks[kind]] for kind in KINDS}
        for chapter, sections in book.items()
    }
    owners = {
        name: titles[section]
        for part in book.values()
        for section, tasks in part.items()
        for name in tasks["exercises"]
    }
    link = functools.partial(app.builder.get_relative_uri, page)
    table = progress_table(book.get(page, chapters), "Section" if page in book else "Chapter", titles, link, owners)
    for node in places:
        node.replace_self(nodes.raw("", table, format="html"))


def progress_table(rows: dict, head: str, titles: dict, link, owners: dict[str, str]) -> str:
    """The table as HTML; without JavaScript it shows the plain counts."""
    words = {"predictions": "Predictions", "quizzes": "Quizzes", "exercises": "Code"}
    out = [f'<div class="book-progress"><table class="table"><thead><tr><th scope="col">{head}</th>']
    out += [f'<th scope="col">{words[kind]}</th>' for kind in KINDS] + ["</tr></thead><tbody>"]
    for page, names in rows.items():
        out.append(f'<tr><th scope="row"><a href="{html.escape(link(page))}">{html.escape(titles[page])}</a></th>')
        for kind in KINDS:
            count = len(names[kind]) or "–"
            out.append(f'<td data-kind="{kind}" data-names="{" ".join(names[kind])}">{count}</td>')
        out.append("</tr>")
    data = json.dumps(owners, ensure_ascii=False).replace("<", "\\u003c")
    return "".join([*out, f'</tbody></table><script type="application/json">{data}</script></div>'])


def add_script(app: Sphinx, page: str, template: str, context: dict, document) -> None:
    """The pages with a table need the script, whether or not they show a widget."""
    if "book-progress" in context.get("body", "") and "widgets/live.js" not in str(context.get("script_files")):
        app.add_js_file("widgets/live.js", loading_method="defer")


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", write_assets)
    app.add_post_transform(Fallback)
    app.add_directive("progress", Progress)
    app.connect("env-get-outdated", pages_with_progress)
    app.connect("doctree-resolved", count_tasks)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
