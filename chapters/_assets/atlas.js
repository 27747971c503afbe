// The filter of the atlas of losses. The cards stand in the page; this hides and opens them.
(() => {
  const form = document.getElementById("atlas-filter");
  const cards = JSON.parse(document.getElementById("atlas-data").textContent);
  const count = document.getElementById("atlas-count");
  const openAll = document.getElementById("atlas-open");
  const FEW = 3; // so many matches are opened at once

  for (const card of cards) {
    card.section = document.getElementById(card.name);
    card.details = card.section.querySelector("details");
    card.row = document.querySelector(`.atlas-overview a[href="#${card.name}"]`).closest("tr");
    card.entry = document.querySelector(`.bd-toc-nav a[href="#${card.name}"]`)?.closest("li");
    card.details.open = false;
  }

  const checked = () => [...form.querySelectorAll("[name=has]:checked")].map((box) => box.value);
  const words = (text) => text.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);

  function state() {
    const chosen = new URLSearchParams();
    for (const name of ["q", "task", "input", "origin"]) {
      const value = form.elements[name].value.trim();
      if (value) chosen.set(name, value);
    }
    for (const key of checked()) chosen.append("has", key);
    return chosen;
  }

  function restore(chosen) {
    for (const name of ["q", "task", "input", "origin"]) form.elements[name].value = chosen.get(name) || "";
    for (const select of form.querySelectorAll("select")) if (select.selectedIndex < 0) select.value = "";
    for (const box of form.querySelectorAll("[name=has]")) box.checked = chosen.getAll("has").includes(box.value);
  }

  const fits = (card, chosen) =>
    ["task", "input", "origin"].every((key) => !chosen.get(key) || card[key].includes(chosen.get(key))) &&
    chosen.getAll("has").every((key) => card.has.includes(key)) &&
    words(chosen.get("q") || "").every((word) => card.words.normalize("NFKC").includes(word));

  function show() {
    const chosen = state(), found = cards.filter((card) => fits(card, chosen));
    for (const card of cards) {
      const away = !found.includes(card);
      for (const node of [card.section, card.row, card.entry]) if (node) node.hidden = away;
    }
    for (const family of document.querySelectorAll(".atlas-family")) {
      family.hidden = !family.querySelector(".atlas-loss:not([hidden])");
      const entry = document.querySelector(`.bd-toc-nav a[href="#${family.id}"]`)?.closest("li");
      if (entry) entry.hidden = family.hidden;
    }
    document.querySelector(".atlas-overview").hidden = !found.length;
    if (found.length <= FEW) for (const card of found) card.details.open = true;
    count.textContent = found.length
      ? `${found.length} of ${cards.length} losses`
      : "No loss has all of this: take a condition away, or clear the filter.";
    return chosen;
  }

  function changed() {
    const hash = show().toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  // A hash is a choice, "#task=counts&has=convex", or the name of a card, which is opened and brought into view.
  function follow() {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.includes("=")) {
      restore(new URLSearchParams(location.hash.slice(1)));
      show();
      return;
    }
    const card = cards.find((one) => one.name === hash);
    if (!card) return;
    if (card.section.hidden) {
      form.reset();
      show();
    }
    card.details.open = true;
    card.section.scrollIntoView();
  }

  form.hidden = false;
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  openAll.addEventListener("click", () => {
    const open = openAll.getAttribute("aria-pressed") === "false";
    openAll.setAttribute("aria-pressed", open);
    for (const card of cards) card.details.open = open;
  });
  // A link to the card that the address names already changes no hash.
  document.querySelector(".atlas-overview").addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => {
    for (const card of cards) if (!card.section.hidden) card.details.open = true;
  });
  show();
  follow();
})();
