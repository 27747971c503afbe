"""A Sphinx extension: live figures on the static site.

* The figure's script and the loader become one classic script, ``widgets/live.js``: modules cannot be loaded from a
  folder on disk, classic scripts can.
* Where a cell shows a live figure, the page carries its PNG, which the script replaces. So there is a figure without
  JavaScript, in print and for search engines, and its room is reserved while the page loads.
"""

from __future__ import annotations

import json
import math
import pathlib
import re

from docutils import nodes
from notebooks import REFERENCE, STATE, VIEW
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEARN = ROOT / "lossutils" / "learn"
SCRIPT = re.compile(r"<script[^>]*>(.*)</script>", re.DOTALL)


def classic(module: str) -> str:
    """The live figure's module as a classic script that defines ``LossLive``."""
    body, export, rest = module.partition("export default { render };")
    if not export or rest.strip():
        raise ValueError("live.js: expected one export, `export default { render };`, as its last line")
    return f"const LossLive = (() => {{\n{body}\nreturn {{ render }};\n}})();\n"


def write_assets(app: Sphinx, config) -> None:
    """Generate the script and the style sheet into a folder of the build and let Sphinx copy it."""
    folder = pathlib.Path(app.outdir).parent / "generated"
    (folder / "widgets").mkdir(parents=True, exist_ok=True)
    loader = (ROOT / "chapters" / "_assets" / "loader.js").read_text(encoding="utf-8")
    script = classic((LEARN / "live.js").read_text(encoding="utf-8")) + loader
    for name, text in (("live.js", script), ("live.css", (LEARN / "live.css").read_text(encoding="utf-8"))):
        target = folder / "widgets" / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
    config.html_static_path.append(str(folder))
    config.html_css_files.append("widgets/live.css")


def saved_state(path: pathlib.Path) -> dict:
    """The widget models that a notebook saved, by id."""
    if path.suffix != ".ipynb":
        return {}
    widgets = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("widgets", {})
    return widgets.get(STATE, {}).get("state", {})


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
        labels = {layer["label"] for panel in spec["panels"] for layer in panel["layers"] if layer["label"]}
        legend = sum(7.5 * len(label) + 54 for label in labels)
        numbers = sum(7.5 * len(readout["label"] + readout["unit"]) + 80 for readout in spec["readouts"])
        panels = len(spec["panels"])
        rows = 36 * len(spec["sliders"])
        wide += 54 + 33 * math.ceil(legend / 610) + (366 if panels == 1 else 262) + rows + 24 * math.ceil(numbers / 610)
        narrow += 54 + 33 * math.ceil(legend / 335) + 262 * panels + rows + 24 * math.ceil(numbers / 335)
    return wide, narrow


class Fallback(SphinxPostTransform):
    """Before myst-nb keeps one format of each output: put a live figure's image beside its script."""

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs) -> None:
        state = saved_state(pathlib.Path(self.env.doc2path(self.env.docname)))
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            kinds = {child["mime_type"]: child for child in bundle.children}
            if VIEW in kinds and "image/png" in kinds:
                script, image = kinds[VIEW].children, kinds["image/png"].children
                wide, narrow = heights(specs(json.loads(SCRIPT.search(script[0].astext())[1])["model_id"], state))
                style = f"--lf-wide: {wide}px; --lf-narrow: {narrow}px"
                kinds[VIEW].children = []
                kinds[VIEW] += nodes.raw("", f'<div class="lf-host" style="{style}">', format="html")
                for node in image:
                    node["loading"] = "lazy"  # hidden where scripts run, and then not fetched
                kinds[VIEW] += nodes.container("", *image, classes=["lf-fallback"])
                kinds[VIEW] += [*script, nodes.raw("", "</div>", format="html")]


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", write_assets)
    app.add_post_transform(Fallback)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
