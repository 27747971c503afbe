// Answers questions and moves figures within the page, and notes what it sees; test_visit.py judges the notes.
(() => {
  const input = (node, value) => { node.value = value; node.dispatchEvent(new Event("input", { bubbles: true })); };

  // A figure: each slider in four places.
  const drawn = (figure) => [
    ...[...figure.querySelectorAll(".lf-panel svg g[clip-path]")].map((g) => g.innerHTML),
    ...[...figure.querySelectorAll(".lf-panel img")].map((i) => i.src),
    ...[...figure.querySelectorAll("dd")].map((d) => d.textContent),
  ].join();

  window.moveSliders = () => [...document.querySelectorAll("figure.lf")].map((figure) => ({
    title: figure.querySelector(".lf-title").textContent,
    sliders: [...figure.querySelectorAll("input[type=range]")].map((slider) => {
      const low = Number(slider.min), high = Number(slider.max);
      const look = (value) => {
        input(slider, value);
        return {
          drawn: drawn(figure),
          text: slider.getAttribute("aria-valuetext"),
          output: figure.querySelector(`output[for='${slider.id}']`).textContent,
        };
      };
      const seen = [low, low + Number(slider.step), (low + high) / 2, high].map(look);
      return { low, high, looks: new Set(seen.map((s) => s.drawn)).size, said: seen.map((s) => [s.text, s.output]) };
    }),
  }));

  // A question: `turns` are the guesses to make, the right one last.
  function answer(q) {
    const box = document.querySelector(`.aq[data-name="${q.name}"]`), notes = [];
    const all = (selector) => [...box.querySelectorAll(selector)], one = (selector) => box.querySelector(selector);
    const button = (name) => all("button").find((b) => b.textContent === name && !b.hidden);
    const grips = all(".aq-grip");
    const note = (what) => notes.push({
      what,
      said: one(".aq-verdict > div").textContent,
      because: one(".aq-because").innerHTML,
      feedback: all(".aq-feedback").map((f) => f.innerHTML),
      open: !one("button[type=submit]").hidden,
      marks: all(".aq-result svg path").length,
      truth: one("path.aq-truth") ? one("path.aq-truth").getAttribute("d") : "",
      heights: grips.map((g) => Number(g.getAttribute("aria-valuenow"))),
      order: all(".aq-order .aq-text").map((t) => t.textContent),
      orders: all(".aq-orders tbody tr").length,
    });
    const submit = (what) => { one("button[type=submit]").click(); note(what); };
    const guess = {
      choice(turn) {
        all("fieldset input").forEach((choice, k) => {
          const wanted = turn.includes(k);
          if (wanted ? !choice.checked : choice.checked && q.several) choice.click();
        });
      },
      number: (turn) => input(one("input[type=number]"), turn),
      curve(turn) {
        const press = (grip, key) => grip.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        grips.forEach((grip, k) => press(grip, turn[k % turn.length]));
      },
      rank: (turn) => turn.forEach(([item, side]) => all(".aq-order > li")[item].querySelectorAll(".aq-pair button")[side].click()),
    };
    submit("nothing");
    for (const turn of q.turns) {
      const again = button("Guess again");
      if (again) { again.click(); note("again"); }
      guess[q.kind === "quiz" ? "choice" : q.kind.replace("predict-", "")](turn);
      submit("turn");
    }
    const others = button("What the other choices say");
    if (others) { others.click(); note("others"); }
    return notes;
  }

  window.answerAll = (asked) => {
    const notes = asked.map(answer);
    const kept = JSON.parse(localStorage.getItem("loss-book"));
    const done = document.querySelectorAll(".aq.aq-done").length;
    for (const name of document.querySelectorAll(".aq")) {
      const [over] = [...name.querySelectorAll("button")].filter((b) => b.textContent === "Start over" && !b.hidden);
      over.click();
    }
    const open = document.querySelectorAll(".aq button[type=submit]:not([hidden])").length;
    const told = document.querySelectorAll(".aq-feedback > *").length;
    return { notes, kept, done, open, told, left: JSON.parse(localStorage.getItem("loss-book")) };
  };

  // Colours and type of each piece of text, with the grounds it stands on, in both themes: where one piece of a look has
  // enough contrast, all have. All but the first two of each look lose their text, and what is
  // left empty goes: formulas too, whose letters have the colour of the text around them and are hidden from axe.
  window.keepOneOfEachLook = () => {
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode;
      if (text.data.trim() && !text.parentNode.closest("script, style, noscript")) texts.push(text);
    }
    const looks = new Map(texts.map((text) => [text, ""]));
    for (const theme of ["light", "dark"]) {
      document.documentElement.dataset.theme = theme;
      const grounds = new Map([[document, ""]]), fronts = new Map();
      const ground = (node) => {
        if (!grounds.has(node)) {
          const s = getComputedStyle(node), plain = s.backgroundColor === "rgba(0, 0, 0, 0)" && s.backgroundImage === "none";
          const own = plain && s.opacity === "1" && /static|relative/.test(s.position) ? "" : `${s.backgroundColor} ${s.backgroundImage} ${s.opacity} ${s.position} ${s.clip}/`;
          grounds.set(node, ground(node.parentNode) + own);
        }
        return grounds.get(node);
      };
      const front = (node) => {
        if (!fronts.has(node)) {
          const s = getComputedStyle(node), label = node.closest("label");
          const spared = node.closest("[aria-hidden=true], :disabled, [aria-disabled=true]") || (label && label.control && label.control.disabled);
          fronts.set(node, `${node.checkVisibility({ checkVisibilityCSS: true })} ${Boolean(spared)} ${s.color} ${s.fill} ${s.fontSize} ${s.fontWeight} ${s.textShadow}`);
        }
        return fronts.get(node);
      };
      for (const text of texts) looks.set(text, `${looks.get(text)}${text.data.trim().length > 1} ${front(text.parentNode)} on ${ground(text.parentNode)};`);
    }
    const seen = new Map();
    for (const [text, look] of looks) {
      seen.set(look, (seen.get(look) || 0) + 1);
      if (seen.get(look) > 2) text.data = "";
    }
    for (const node of document.querySelectorAll(".bd-article *:not(script, style, input, select)")) {
      const empty = !node.textContent.trim() && !node.querySelector("input, select");
      if (empty || node.matches(".katex")) node.remove();
    }
    return seen.size;
  };
})();
