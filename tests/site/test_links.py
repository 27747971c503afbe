"""Every internal link, anchor, image and script of the built site leads somewhere."""

import functools
import pathlib
import re
import urllib.parse

import address
import pytest
from bs4 import BeautifulSoup
from conftest import SECTIONS, SITE, pages, questions, widgets


@functools.cache
def parsed(path: pathlib.Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(path: pathlib.Path) -> set[str]:
    return set(re.findall(r'\s(?:id|name)="([^"]+)"', path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", pages())
def test_every_internal_link_leads_somewhere(page, site):
    """Protects the reader from dead links; the anchor must exist on its page, too."""
    path, dead = site / page, []
    for tag, attribute in (("a", "href"), ("link", "href"), ("img", "src"), ("script", "src")):
        for node in parsed(path).find_all(tag):
            url = urllib.parse.urlsplit(node.get(attribute) or "")
            if url.scheme or url.netloc or not (url.path or url.fragment):
                continue
            target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                dead.append(node[attribute])
            elif (
                url.fragment and target.suffix == ".html" and urllib.parse.unquote(url.fragment) not in anchors(target)
            ):
                dead.append(node[attribute])
    assert dead == []


@pytest.mark.parametrize("page", pages())
def test_every_image_of_the_text_has_alt_text(page, site):
    """Protects readers who do not see the figures; a file name is no description."""
    article = parsed(site / page).find("article") or parsed(site / page)
    for image in article.find_all("img"):
        alt = image.get("alt", "")
        assert len(alt) > 15 and not alt.endswith(".png"), image


@pytest.mark.parametrize("page", SECTIONS)
def test_without_scripts_a_picture_a_question_or_a_table_stands_in_each_widgets_place(page, site):
    """Protects readers without scripts, and print; test_questions.py looks at it in a browser on one page a chapter."""
    article, (_, shown) = parsed(site / page), widgets(page)
    hosts, stills = article.select(".lf-host"), article.select(".aq-host .aq-fallback")
    tables = article.select(".gd-host .gd-fallback table")  # of the guide
    assert len(hosts) + len(stills) + len(tables) == len(shown), "a widget with nothing in its place"
    assert all(host.select(".lf-fallback img[src]") for host in hosts)
    for still, q in zip(stills, questions(page).values(), strict=True):
        assert ("Quiz." if q["kind"] == "quiz" else "Predict.") in still.get_text()
        assert all("✓" not in part for part in still.find_all(string=True) if not part.find_parent("details"))


def test_the_site_is_whole(site):
    """Protects the pages that every book has."""
    for page in ("search.html", "404.html", "genindex.html", "chapters/glossary.html", "chapters/bibliography.html"):
        assert (site / page).exists(), page
    assert len(pages()) >= 12 and SITE == site


@pytest.mark.parametrize("page", SECTIONS)
def test_the_colab_button_opens_this_notebook(page, site):
    """Protects Colab: the link names this file in the project's repository."""
    repository = address.slug(address.address())
    links = {a["href"] for a in parsed(site / page).find_all("a", href=re.compile("colab.research.google.com"))}
    notebook = pathlib.PurePosixPath(page).with_suffix(".ipynb")
    assert links == {f"https://colab.research.google.com/github/{repository}/blob/main/{notebook}"}
