"""The built site, a server for it and a browser. Without Chromium the browser's tests skip and say so."""

import contextlib
import functools
import html
import json
import pathlib
import re
import threading
import urllib.parse

import pytest
import serve
from paper import CHROMIUM
from site_figures import specs

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "_build" / "html"
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-default-apps", "--disable-domain-reliability",
]  # fmt: skip


def pages():
    """The site's pages, without the redirect at the root."""
    return sorted(
        p.relative_to(SITE).as_posix()
        for p in SITE.rglob("*.html")
        if p != SITE / "index.html" and "_static" not in p.parts
    )


SECTIONS = [page for page in pages() if (ROOT / page).with_suffix(".ipynb").exists()]
WITH_FIGURES = [page for page in SECTIONS if "lf-host" in (SITE / page).read_text(encoding="utf-8")]
WITH_QUESTIONS = [page for page in pages() if "aq-host" in (SITE / page).read_text(encoding="utf-8")]


@functools.cache
def widgets(page):
    """The widget models of a page, by id, and those that it shows, in its order."""
    text = (SITE / page).read_text(encoding="utf-8")
    states = re.findall(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', text, re.DOTALL)
    views = re.findall(r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>', text, re.DOTALL)
    return json.loads(states[0])["state"] if states else {}, [json.loads(view)["model_id"] for view in views]


def questions(page):
    """The page's questions by name, in the order in which the page shows them."""
    state, shown = widgets(page)
    return {q["name"]: q for model in shown if (q := state[model]["state"].get("question"))}


def saved_specs(page):
    """The live figures' descriptions in the order in which the page shows them."""
    state, shown = widgets(page)
    return [spec for model in shown for spec in specs(model, state)]


def one_a_chapter():
    """For each chapter the page that asks in most ways."""
    kinds = {page: len({q["kind"] for q in questions(page).values()}) for page in WITH_QUESTIONS}
    chapters = {}
    for page in sorted(kinds, key=kinds.get):
        chapters[page.rsplit("/", 1)[0]] = page
    return sorted(chapters.values())


FEW = one_a_chapter()  # what the scripts do alike on all pages is proved in every detail on these


def words(text):
    """The letters of a piece of HTML or of a page's text, without spaces, quotes alike."""
    return re.sub(r"\s+", "", html.unescape(re.sub(r"<[^>]*>", "", text))).replace("’", "'")


@pytest.fixture(scope="session")
def site():
    """The folder of the built site."""
    if not (SITE / "index.html").exists():
        pytest.fail("no site in _build/html: run `make site` first")
    return SITE


@pytest.fixture(scope="session")
def served(site):
    """The site's address on localhost."""
    with serve.server(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: the browser tests did not run")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


class Visit:
    """A page with a record of everything that went wrong on it. The network beyond localhost is cut."""

    def __init__(self, context):
        self.faults, self.loaded = [], set()
        self.page = context.new_page()
        self.page.route("**/*", self._route)
        self.page.on("requestfailed", lambda r: self.faults.append(f"failed: {r.url}"))
        self.page.on("request", lambda r: self.loaded.add(urllib.parse.urlsplit(r.url).path))
        self.page.on("response", lambda r: r.status >= 400 and self.faults.append(f"{r.status}: {r.url}"))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.faults.append(f"console: {m.text}"))
        self.page.on("pageerror", lambda e: self.faults.append(f"error: {e}"))

    def _route(self, route):
        url = route.request.url
        if url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
            route.continue_()
        else:
            self.faults.append(f"third party: {url}")
            route.abort()

    def open(self, url):
        self.page.goto(url, wait_until="load")
        return self.page


@contextlib.contextmanager
def visiting(browser, width=1200, height=900, javascript=True, **options):
    """A visit in a browser context of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=javascript, **options
    )
    yield Visit(context)
    context.close()


@contextlib.contextmanager
def open_page(browser, url, name, **options):
    """A page of the site, loaded and typeset."""
    with visiting(browser, **options) as here:
        here.name = name
        here.open(url)
        yield here


def check_page(here):
    """What holds on every page: nothing asked elsewhere, nothing failed, formulas set, figures drawn."""
    tab = here.page
    tab.evaluate("new Promise(done => requestIdleCallback(done, {timeout: 500}))")
    assert here.faults == []
    assert tab.locator(".katex-error").count() == 0, "a formula that KaTeX cannot read"
    left = [text for text in tab.locator("article .math").all_inner_texts() if r"\(" in text or r"\[" in text]
    assert left == [], "formulas left raw"
    assert tab.locator(".lf-panel :is(svg, img)").count() >= tab.locator(".lf-host").count()


PHONE = """() => ({
    scroll: document.documentElement.scrollWidth,
    boxes: [...document.querySelectorAll('.lf input[type=range], .lf button, .aq :is(input, button, .aq-area)')]
        .filter(c => c.checkVisibility()).map(c => c.getBoundingClientRect().toJSON()),
    fonts: [...document.querySelectorAll('.lf svg text')].map(t => parseFloat(getComputedStyle(t).fontSize)
        * t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width),
})"""


def check_phone(shown):
    """What holds of a page on a phone, as PHONE reports it: controls large and inside, figures' text readable."""
    assert shown["scroll"] <= 375
    for box in shown["boxes"]:
        assert box["height"] >= 24 and box["width"] >= 24
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375
    assert all(font >= 9 for font in shown["fonts"])


@pytest.fixture
def visit(browser):
    """A function that opens contexts: visit(width=…, javascript=…) → Visit."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(visiting(browser, **options))
