// Draws the guide (lossutils.learn.guide.LossGuide): questions that lead to a leaf. No dependency, no request.
// The site turns this module into a classic script: keep the one export at the end of the file.

let guides = 0;

// The way through the tree, as guide.choose walks it: answers that are missing or unknown take the first one.
function walk(tree, said) {
  const steps = [];
  let node = tree;
  while (typeof node !== "string") {
    const at = Math.max(0, node.answers.findIndex(([answer]) => answer === said[node.keyword]));
    steps.push({ node, at });
    node = node.answers[at][2];
  }
  return { steps, leaf: node, answers: Object.fromEntries(steps.map(({ node, at }) => [node.keyword, node.answers[at][0]])) };
}

function render({ model, el }) {
  const id = `gd-${guides++}`, page = model.get("page") || ".ipynb"; // what the other sections end on
  const root = make("section", { class: "gd", "aria-label": "The guide" }, el);
  const form = make("form", { class: "gd-form", novalidate: "" }, root);
  form.addEventListener("submit", (event) => event.preventDefault());
  const say = make("div", { class: "gd-say", role: "status", "aria-live": "polite" }, root);
  const card = make("div", { class: "gd-card" }, root);
  const rows = {};
  let drawn = null;

  const onValue = () => update(true);
  const onGuide = () => { drawn = null; update(true); };
  model.on("change:value", onValue);
  model.on("change:guide", onGuide);
  update(false);
  return () => { model.off("change:value", onValue); model.off("change:guide", onGuide); root.remove(); };

  function update(told) {
    const guide = model.get("guide");
    const found = walk(guide.tree, model.get("value") || {});
    const asked = found.steps.map(({ node }) => node.keyword);
    for (const [keyword, row] of Object.entries(rows)) if (!asked.includes(keyword)) { row.line.remove(); delete rows[keyword]; }
    found.steps.forEach(({ node, at }) => question(node, at));
    form.append(...asked.map((keyword) => rows[keyword].line).filter((line, k) => form.children[k] !== line));
    if (found.leaf !== drawn) show(guide.leaves[found.leaf], found.leaf, told);
    drawn = found.leaf;
  }

  function question(node, at) {
    const row = (rows[node.keyword] ||= ask(node.keyword));
    if (row.node !== node) {
      row.node = node;
      row.label.textContent = node.question;
      row.select.replaceChildren();
      for (const [answer, words] of node.answers) make("option", { value: answer }, row.select, `${answer}: ${words}`);
    }
    row.select.value = node.answers[at][0];
  }

  function ask(keyword) {
    const line = make("div", { class: "gd-row" }, form);
    const label = make("label", { for: `${id}-${keyword}` }, line);
    const select = make("select", { id: `${id}-${keyword}`, name: keyword }, line);
    select.addEventListener("change", () => {
      const said = Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, row.select.value]));
      model.set("value", walk(model.get("guide").tree, said).answers);
      model.save_changes(); // reaches Python where there is a kernel
      update(true);
    });
    return { line, label, select };
  }

  function show(leaf, key, told) {
    const [name, rival] = leaf.names, wins = leaf.verdict === "wins";
    card.replaceChildren();
    card.dataset.leaf = key;
    card.dataset.verdict = leaf.verdict;
    const head = make("div", { class: "gd-head" }, card);
    make("strong", { class: "gd-loss" }, head, name);
    const sign = make("span", { class: "gd-verdict" }, head, wins ? "✓ wins against " : "≈ a tie with ");
    make("span", {}, sign, rival);
    if (told) say.textContent = `${name}: ${wins ? "wins against" : "a tie with"} ${rival}.`;
    make("div", { class: "gd-words" }, card).innerHTML = leaf.reason; // escaped in Python
    make("code", {}, make("pre", { class: "gd-code", tabindex: 0, "aria-label": "The line of code" }, card), leaf.code);
    const given = make("div", { class: "gd-given" }, card);
    leaf.given.forEach(([word, words], k) => {
      make("code", {}, given, word);
      given.append(` ${words}${k < leaf.given.length - 1 ? "; " : "."} `);
    });
    dots(leaf, make("figure", {}, card));
    if (leaf.beware) {
      const beware = make("div", { class: "gd-words" }, card);
      beware.innerHTML = leaf.beware;
      (beware.querySelector("p") || beware).prepend(make("b", {}, null, "Beware. "));
    }
    const more = make("div", { class: "gd-more" }, card, "More: ");
    for (const [path, title] of leaf.pages) {
      make("a", { href: `../${path}${page}` }, more, title);
      more.append(" · ");
    }
    make("a", { href: `../atlas${page === ".ipynb" ? ".md" : page}#${leaf.card}` }, more, "its card");
  }

  // One row of dots a loss; what a seed gave to both is joined.
  function dots(leaf, figure) {
    const W = 560, left = 12, right = W - 12, ys = [26, 66];
    const all = leaf.values.flat(), spread = Math.max(...all) - Math.min(...all) || 1;
    const low = Math.min(...all) - 0.04 * spread, high = Math.max(...all) + 0.04 * spread;
    const x = (v) => left + ((v - low) / (high - low)) * (right - left);
    const mean = leaf.values.map((row) => row.reduce((a, b) => a + b, 0) / row.length);
    const words = `${leaf.metric}, ${leaf.better} is better. ${leaf.names[0]} above, ${leaf.names[1]} below: one dot a seed, a bar at the mean. ${leaf.numbers}`;
    const svg = draw("svg", { viewBox: `0 0 ${W} 108`, role: "img", "aria-label": words }, figure);
    for (const v of ticks(low, high, 5)) {
      draw("line", { class: "gd-grid", x1: x(v), x2: x(v), y1: 14, y2: 80 }, svg);
      draw("text", { x: x(v), y: 95, "text-anchor": "middle" }, svg, minus(String(v)));
    }
    leaf.values[0].forEach((v, k) => draw("line", { class: "gd-pair", x1: x(v), y1: ys[0], x2: x(leaf.values[1][k]), y2: ys[1] }, svg));
    leaf.values.forEach((row, r) => {
      draw("line", { class: `gd-mean gd-${r}`, x1: x(mean[r]), x2: x(mean[r]), y1: ys[r] - 10, y2: ys[r] + 10 }, svg);
      for (const v of row) draw("circle", { class: `gd-dot gd-${r}`, cx: x(v), cy: ys[r], r: 4.5 }, svg);
    });
    const key = make("figcaption", {}, figure);
    leaf.names.forEach((name, r) => {
      const item = make("span", { class: "gd-key" }, key);
      const mark = draw("svg", { width: 12, height: 12, "aria-hidden": "true" }, item);
      draw("circle", { class: `gd-dot gd-${r}`, cx: 6, cy: 6, r: 4.5 }, mark);
      item.append(`${name}${r ? " (below)" : " (above)"}`);
    });
    make("div", {}, key, `${leaf.metric}; ${leaf.better} is better. ${leaf.numbers}`);
    make("div", { class: "gd-data" }, key, leaf.data);
  }
}

export default { render };
