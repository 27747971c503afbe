"""A Sphinx extension: live figures on the static site.

* The figure's script and the loader become one classic script, ``widgets/live.js``: modules cannot be loaded from a
  folder on disk, classic scripts can.
* Where a cell shows a live figure, the page carries its PNG, which the script replaces. So there is a figure without
  JavaScript, in print and for search engines, and its room is reserved while the page loads.
"""

from __future__ import annotations

import pathlib

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEARN = ROOT / "lossutils" / "learn"
VIEW = "application/vnd.jupyter.widget-view+json"


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


class Fallback(SphinxPostTransform):
    """Before myst-nb keeps one format of each output: put a live figure's image beside its script."""

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            kinds = {child["mime_type"]: child for child in bundle.children}
            if VIEW in kinds and "image/png" in kinds:
                script, image = kinds[VIEW].children, kinds["image/png"].children
                host = nodes.container(classes=["lf-host"])
                host += nodes.container("", *image, classes=["lf-fallback"])
                host += script
                kinds[VIEW].children = [host]
                host.parent = kinds[VIEW]


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", write_assets)
    app.add_post_transform(Fallback)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
