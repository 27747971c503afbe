// Draws a question (lossutils.learn.ask.Question): the reader answers, then sees the verdict. No dependency, no request.
// The site turns this module into a classic script: keep the one export at the end of the file.

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const GRID = 101, CURVE_SPREAD = 0.15; // as in ask.py
const FRESH = { committed: false, guess: null, score: null, tries: 0, latest: null };
let count = 0;

// The author's HTML: escaped, and its formulas made MathML, in Python. Inside a legend or a label a block is a span.
function write(node, html, phrasing) {
  node.innerHTML = phrasing ? html.replaceAll("<p>", '<span class="aq-p">').replaceAll("</p>", "</span>") : html;
}

const short = (v) => minus(String(+v.toPrecision(3)));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function interpolate(at, x, y) {
  let k = 1;
  while (k < x.length - 1 && at > x[k]) k++;
  const t = clamp((at - x[k - 1]) / (x[k] - x[k - 1]), 0, 1);
  return y[k - 1] + t * (y[k] - y[k - 1]);
}

// The rules of ask.py: score_number, score_choice, curve_distance.
const points = (error, spread) => Math.floor(10 * Math.max(0, 1 - error / spread) + 0.5);
function distance(guess, q) {
  const [left, right] = q.xlim, [low, high] = q.ylim;
  let sum = 0;
  for (let k = 0; k < GRID; k++) {
    const at = left + ((right - left) * k) / (GRID - 1);
    sum += Math.abs(interpolate(at, q.handles, guess) - clamp(interpolate(at, q.x, q.y), low, high));
  }
  return sum / GRID / (high - low);
}
function agreeing(one, other) {
  let sum = 0;
  one.forEach((a, k) => one.slice(k + 1).forEach((b) => { sum += other.indexOf(a) < other.indexOf(b); }));
  return sum;
}
function score(guess, q) {
  if (q.kind === "predict-number") return points(Math.abs(guess - q.answer), q.spread);
  if (q.kind === "predict-curve") return points(distance(guess, q), CURVE_SPREAD);
  if (q.kind === "predict-rank") return null; // no order is the right one
  return q.choices.every((c, k) => c.right === guess.includes(k)) ? 10 : 0;
}

function render({ model, el }) {
  const id = `aq-${count++}`, nth = count;
  const root = make("section", { class: "aq" }, el);
  let stop = build();
  const rebuild = () => { stop(); root.replaceChildren(); stop = build(); };
  model.on("change:question", rebuild);
  return () => { model.off("change:question", rebuild); stop(); root.remove(); };

  function build() {
    const q = model.get("question");
    const quiz = q.kind === "quiz";
    root.className = `aq aq-${q.kind}`;
    root.dataset.name = q.name;
    root.setAttribute("aria-label", `${quiz ? "Quiz" : "Prediction"}, question ${nth} of this page`);
    const state = () => ({ ...FRESH, ...(model.get("value") || {}) });
    let again = false; // a new try after the one that counts

    make("div", { class: "aq-kind" }, root, quiz ? "Quiz" : "Predict, then see");
    const form = make("form", { novalidate: "" }, root);
    const part = { "predict-number": number, "predict-curve": curve, "predict-rank": rank }[q.kind] || choices;
    const body = part();
    const verdict = make("div", { class: "aq-verdict", role: "status", "aria-live": "polite", tabindex: -1 }, form);
    const words = make("div", {}, verdict), because = make("div", { class: "aq-because" }, verdict);
    const line = make("div", { class: "aq-buttons" }, form);
    const button = (text, type, action) => {
      const node = make("button", { type }, line, text);
      if (action) node.addEventListener("click", action);
      return node;
    };
    const commit = button(quiz ? "Check" : "Commit", "submit");
    const retry = button("Guess again", "button", () => { again = true; body.open(); update(); body.focus(); });
    const others = body.others ? button("What the other choices say", "button", () => { body.others(); update(); }) : null;
    const over = button("Start over", "button", () => { again = false; body.clear(); save(FRESH); update(); body.focus(); });

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const guess = body.guess();
      if (guess === null) { because.replaceChildren(); words.textContent = body.missing; return; }
      const before = state(), earned = score(guess, q);
      const counts = quiz || !before.committed;
      again = false;
      save({
        committed: before.committed || !quiz || earned === 10,
        guess: counts ? guess : before.guess,
        score: counts ? earned : before.score,
        tries: before.tries + 1,
        latest: guess,
      });
      update();
      if (commit.hidden) verdict.focus({ preventScroll: true });
    });

    function save(value) {
      model.set("value", { ...value });
      model.save_changes(); // reaches Python where there is a kernel
    }

    let shown = null;
    function update() {
      const s = state();
      const open = !s.committed || again;
      commit.hidden = !open;
      retry.hidden = open || quiz;
      over.hidden = !s.tries;
      root.classList.toggle("aq-done", !open);
      if (others) {
        others.hidden = open || !body.more();
        others.setAttribute("aria-expanded", String(body.all));
      }
      const told = body.show(s, open);
      const text = told && !open && !quiz && s.tries > 1 && s.score !== null ? `${told} ${first(s)}` : told;
      if (text !== shown) words.textContent = shown = text; // the same words again would be read out again
      if (!open && q.because) { if (!because.childNodes.length) write(because, q.because); }
      else because.replaceChildren();
      verdict.classList.toggle("aq-empty", !text);
    }
    const first = (s) => `The first guess counts: ${s.score} of 10 points.`;

    const onValue = () => { again = false; body.restore(state()); update(); };
    model.on("change:value", onValue);
    body.restore(state());
    update();
    return () => { model.off("change:value", onValue); body.stop && body.stop(); };

    // Quiz and prediction by choice
    function choices() {
      const set = make("fieldset", {}, form);
      write(make("legend", {}, set), q.html + (q.several ? "<p><em>Choose all that hold.</em></p>" : ""), true);
      const type = q.several ? "checkbox" : "radio";
      const rows = q.choices.map((choice, k) => {
        const row = make("div", { class: "aq-choice" }, set);
        const label = make("label", {}, row);
        const input = make("input", { type, name: id, value: k, "aria-describedby": `${id}-f${k}` }, label);
        make("span", { class: "aq-letter" }, label, `(${LETTERS[k]})`);
        write(make("span", { class: "aq-text" }, label), choice.html, true);
        const feedback = make("div", { class: "aq-feedback", id: `${id}-f${k}`, "aria-live": "polite" }, row);
        return { row, input, feedback, choice };
      });
      const right = q.choices.map((c, k) => (c.right ? k : -1)).filter((k) => k >= 0);
      const chosen = () => rows.map((r, k) => (r.input.checked ? k : -1)).filter((k) => k >= 0);
      const names = (list) => list.map((k) => `(${LETTERS[k]})`).join(" and ");
      const say = (r, told, sign, word) => {
        r.row.dataset.verdict = told ? (r.choice.right ? "right" : "wrong") : "";
        if (!told) { r.feedback.replaceChildren(); return; }
        if (r.feedback.dataset.word === word && r.feedback.childNodes.length) return;
        r.feedback.dataset.word = word;
        write(r.feedback, r.choice.feedback);
        (r.feedback.querySelector("p") || r.feedback).prepend(make("strong", {}, null, `${sign} ${word} `));
      };
      const part = {
        all: false,
        missing: "Choose an answer first.",
        guess: () => (chosen().length ? chosen() : null),
        focus: () => (rows.find((r) => r.input.checked) || rows[0]).input.focus(),
        open() { part.all = false; },
        clear() { part.all = false; for (const r of rows) r.input.checked = false; },
        more: () => rows.length > right.length || part.all,
        others() { part.all = !part.all; },
        restore(s) {
          const guess = s.latest || s.guess;
          if (guess || !s.tries) rows.forEach((r, k) => { r.input.checked = Boolean(guess && guess.includes(k)); });
        },
        show(s, open) {
          const told = s.latest || s.guess || [];
          rows.forEach((r, k) => {
            r.input.disabled = !open;
            const mine = told.includes(k);
            const tell = quiz ? s.tries > 0 && (mine || (!open && part.all)) : !open && (mine || r.choice.right || part.all);
            const word = r.choice.right ? (mine || quiz ? "Right." : "This is right.") : mine ? "No." : "Wrong.";
            say(r, tell, r.choice.right ? "✓" : "✗", word);
          });
          if (quiz) {
            if (!s.tries) return "";
            if (s.committed) return `✓ Right, ${s.tries === 1 ? "at the first try" : `after ${s.tries} tries`}.`;
            if (told.every((k) => q.choices[k].right)) return "✗ Not all of it yet: what you chose holds, and something else holds too.";
            return "✗ Not yet. Read what stands beside your choice, and try again.";
          }
          if (open) return "";
          const earned = score(told, q);
          if (earned) return `✓ You said ${names(told)}, and so it is: 10 of 10 points.`;
          return `✗ You said ${names(told)}; right is ${names(right)}: 0 of 10 points.`;
        },
      };
      return part;
    }

    // An order
    function rank() {
      const set = make("fieldset", {}, form);
      write(make("legend", {}, set), q.html, true);
      const start = q.items.map((_, k) => k);
      let order = [...start], touched = false, open = true;
      const scale = (text) => make("div", { class: "aq-end" }, set, text);
      scale(`${q.ends[0]} first`);
      const list = make("ol", { class: `aq-order ${q.items[0].image ? "aq-pictures" : ""}` }, set);
      scale(`${q.ends[1]} last`);
      const cards = q.items.map((item, k) => {
        const card = make("li", {}, list);
        if (item.image) make("img", { class: "dark-light", src: item.image, alt: item.text }, card);
        const line = make("div", { class: "aq-item" }, card);
        const place = make("span", { class: "aq-letter" }, line);
        write(make("span", { class: "aq-text" }, line), item.html, true);
        const pair = make("span", { class: "aq-pair" }, line);
        const arrow = (sign, by, end) => {
          const node = make("button", { type: "button", "aria-label": `Move ${item.text} towards ${end}` }, pair, sign);
          node.addEventListener("click", () => move(k, by, node));
          return node;
        };
        return { card, place, arrows: [arrow("←", -1, q.ends[0]), arrow("→", 1, q.ends[1])] };
      });
      const out = make("div", { class: "aq-result" }, form);
      function paint() {
        order.forEach((k, place) => {
          const { card, arrows } = cards[k];
          if (list.children[place] !== card) list.insertBefore(card, list.children[place] || null);
          cards[k].place.textContent = `${place + 1}.`;
          arrows.forEach((arrow, side) => { arrow.hidden = !open; arrow.setAttribute("aria-disabled", String(place === (side ? order.length - 1 : 0))); });
        });
      }
      function move(k, by, node) {
        const at = order.indexOf(k), to = clamp(at + by, 0, order.length - 1);
        touched = true; // also who presses at the end has looked
        order.splice(at, 1);
        order.splice(to, 0, k);
        paint();
        node.focus({ preventScroll: true });
      }
      return {
        missing: "Move at least one of them first.",
        guess: () => (touched ? [...order] : null),
        focus: () => cards[order[0]].arrows[1].focus({ preventScroll: true }),
        open() {},
        clear() { order = [...start]; touched = false; },
        restore(s) {
          const guess = s.latest || s.guess;
          if (guess) { order = [...guess]; touched = true; } else if (!s.tries) this.clear();
        },
        show(s, isOpen) {
          open = isOpen;
          paint();
          out.replaceChildren();
          if (open) return "";
          const guess = s.latest || s.guess, pairs = (guess.length * (guess.length - 1)) / 2;
          const rows = [{ label: "you", order: guess }, ...q.orders];
          const table = make("table", { class: "aq-orders" }, out);
          const head = make("tr", {}, make("thead", {}, table));
          make("th", { scope: "col" }, head, "order by");
          make("th", { scope: "col" }, head, `from ${q.ends[0]} to ${q.ends[1]}`);
          make("th", { scope: "col" }, head, "pairs as you have them");
          const body = make("tbody", {}, table);
          for (const r of rows) {
            const line = make("tr", {}, body);
            make("th", { scope: "row" }, line, r.label);
            make("td", {}, line, r.order.map((k) => q.items[k].text).join(", "));
            make("td", {}, line, r.order === guess ? "" : `${agreeing(guess, r.order)} of ${pairs}`);
          }
          return q.orders.map((r) => `${r.label}: ${agreeing(guess, r.order)} of ${pairs} pairs as you have them`).join("; ") + ".";
        },
      };
    }

    // A number
    function number() {
      const unit = q.unit ? ` ${q.unit}` : "";
      const fixed = (v) => minus(v.toFixed(q.digits)) + unit;
      const step = +(10 ** -q.digits).toPrecision(3);
      const set = make("fieldset", {}, form);
      write(make("legend", {}, set), q.html, true);
      const row = make("div", { class: "aq-number" }, set);
      const track = make("div", { class: "aq-track" }, row);
      const slider = make("input", { type: "range", min: q.low, max: q.high, step, "aria-label": `Your guess, as a slider${unit && `, in ${q.unit}`}` }, track);
      const ends = make("div", { class: "aq-ends", "aria-hidden": "true" }, track);
      for (const v of [q.low, q.high]) make("span", {}, ends, minus(String(v)));
      const pair = make("label", { class: "aq-box" }, row);
      make("span", { class: "aq-sr" }, pair, "Your guess");
      const box = make("input", { type: "number", min: q.low, max: q.high, step: "any", inputmode: "decimal", placeholder: "?" }, pair);
      if (q.unit) make("span", {}, pair, q.unit);
      const out = make("div", { class: "aq-result" }, form);
      const middle = (q.low + q.high) / 2;
      const round = (v) => +clamp(v, q.low, q.high).toFixed(q.digits);
      const speak = () => slider.setAttribute("aria-valuetext", box.value === "" ? "not chosen yet" : fixed(Number(slider.value)));
      slider.addEventListener("input", () => { box.value = round(Number(slider.value)).toFixed(q.digits); speak(); });
      box.addEventListener("input", () => { if (box.value !== "") slider.value = clamp(Number(box.value), q.low, q.high); speak(); });
      const put = (v) => {
        slider.value = v === null ? middle : v;
        box.value = v === null ? "" : v.toFixed(q.digits);
        speak();
      };
      let last = null;
      const watch = new ResizeObserver(() => { if (last !== null) paint(last); });
      watch.observe(out);
      function paint(guess) {
        const width = Math.floor(out.clientWidth);
        if (!width) return;
        out.replaceChildren();
        const pad = 14, sx = (v) => pad + ((clamp(v, q.low, q.high) - q.low) / (q.high - q.low)) * (width - 2 * pad);
        const svg = draw("svg", { width, height: 88, viewBox: `0 0 ${width} 88`, role: "img", "aria-label": `Number line: your guess ${fixed(guess)}, the truth ${fixed(q.answer)}.` }, out);
        draw("line", { class: "aq-axis", x1: pad, x2: width - pad, y1: 42, y2: 42 }, svg);
        for (const v of [q.low, q.high]) {
          draw("line", { class: "aq-axis", x1: sx(v), x2: sx(v), y1: 37, y2: 47 }, svg);
        }
        draw("line", { class: "aq-gap", x1: sx(guess), x2: sx(q.answer), y1: 42, y2: 42 }, svg);
        const label = (v, y, text, kind) => {
          const half = 3.6 * text.length;
          draw("text", { class: kind, x: clamp(sx(v), half, Math.max(width - half, half)), y, "text-anchor": "middle" }, svg, text);
        };
        draw("path", { class: "aq-truth", d: `M${sx(q.answer)} 42m-7 -15h14l-7 14z` }, svg);
        label(q.answer, 20, `truth ${fixed(q.answer)}`, "aq-truth-text");
        draw("path", { class: "aq-mine", d: `M${sx(guess)} 42m-7 15h14l-7 -14z` }, svg);
        label(guess, 74, `you ${fixed(guess)}`, "aq-mine-text");
      }
      return {
        get missing() { return box.validity.badInput || box.value !== "" ? `Choose a number from ${minus(String(q.low))} to ${minus(String(q.high))}.` : "Choose a number first: move the slider or type it."; },
        guess() {
          const v = box.value === "" ? NaN : Number(box.value);
          return Number.isFinite(v) && v >= q.low && v <= q.high ? v : null;
        },
        focus: () => slider.focus(),
        open() {},
        clear() { put(null); },
        restore(s) { const guess = s.latest ?? s.guess; if (guess !== null) put(guess); else if (!s.tries) put(null); },
        show(s, open) {
          set.classList.toggle("aq-shut", !open);
          slider.disabled = box.disabled = !open;
          out.hidden = open;
          last = null;
          if (open) { out.replaceChildren(); return ""; }
          const guess = s.latest ?? s.guess, error = guess - q.answer, earned = score(guess, q);
          paint((last = guess));
          const off = Math.abs(error) < 0.5 * step ? "exactly" : `${fixed(Math.abs(error))} too ${error > 0 ? "high" : "low"}`;
          return `${earned >= 5 ? "✓" : "✗"} You said ${fixed(guess)}, it is ${fixed(q.answer)}: ${off}. ${earned} of 10 points.`;
        },
        stop: () => watch.disconnect(),
      };
    }

    // A curve
    function curve() {
      const [low, high] = q.ylim, [left, right] = q.xlim, middle = (low + high) / 2;
      write(make("div", { class: "aq-text", id: `${id}-q` }, form), q.html);
      const stage = make("div", { class: "aq-stage" }, form);
      const svg = draw("svg", { role: "group", "aria-labelledby": `${id}-q` }, stage);
      const key = make("div", { class: "aq-key" }, form);
      const hint = make("span", { class: "aq-hint" }, key, "Drag the points, or use Tab and the arrow keys.");
      const legend = make("span", { class: "aq-legend", hidden: "" }, key);
      for (const [kind, text] of [["aq-mine", "your sketch"], ["aq-truth", "the curve"]]) {
        const pair = make("span", {}, legend);
        draw("line", { class: `aq-line ${kind}`, x1: 0, x2: 26, y1: 5, y2: 5 }, draw("svg", { width: 26, height: 10, "aria-hidden": "true" }, pair));
        make("span", {}, pair, text);
      }
      const table = make("div", { class: "aq-sr" }, form);
      let heights = q.handles.map(() => middle), touched = false, open = true, at = {}, grips = [];

      function place() {
        const W = Math.floor(clamp(stage.clientWidth || 600, 240, 640)), H = Math.round(clamp(W * 0.56, 210, 320));
        svg.replaceChildren();
        for (const [k, v] of Object.entries({ width: W, height: H, viewBox: `0 0 ${W} ${H}` })) svg.setAttribute(k, v);
        const yTicks = ticks(low, high, 5).map((v) => [v, short(v)]);
        const x0 = 38 + 7 * Math.max(...yTicks.map(([, t]) => t.length)), x1 = W - 18, y0 = H - 42, y1 = 10;
        const sx = (v) => x0 + ((v - left) / (right - left)) * (x1 - x0);
        const sy = (v) => y0 - ((v - low) / (high - low)) * (y0 - y1);
        at = { sx, sy, uy: (py) => clamp(low + ((y0 - py) / (y0 - y1)) * (high - low), low, high) };
        const back = draw("g", { "aria-hidden": "true" }, svg);
        for (const v of ticks(left, right, clamp(Math.floor(W / 70), 3, 8))) {
          draw("line", { class: "aq-grid", x1: sx(v), x2: sx(v), y1, y2: y0 }, back);
          draw("text", { x: sx(v), y: y0 + 16, "text-anchor": "middle" }, back, short(v));
        }
        for (const [v, text] of yTicks) {
          draw("line", { class: "aq-grid", x1: x0, x2: x1, y1: sy(v), y2: sy(v) }, back);
          draw("text", { x: x0 - 12, y: sy(v) + 4, "text-anchor": "end" }, back, text);
        }
        draw("text", { x: (x0 + x1) / 2, y: H - 6, "text-anchor": "middle" }, back, q.xLabel);
        draw("text", { x: 12, y: (y0 + y1) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(y0 + y1) / 2})` }, back, q.yLabel);
        const clip = draw("clipPath", { id: `${id}-clip` }, svg);
        draw("rect", { x: x0, y: y1, width: x1 - x0, height: y0 - y1 }, clip);
        at.truth = draw("path", { class: "aq-line aq-truth", "clip-path": `url(#${id}-clip)` }, svg);
        at.mine = draw("path", { class: "aq-line aq-mine" }, svg);
        const radius = Math.min(16, (x1 - x0) / (q.handles.length - 1) / 2);
        grips = q.handles.map((x, k) => {
          const grip = draw("g", {
            class: "aq-grip", role: "slider", tabindex: 0, "aria-orientation": "vertical",
            "aria-label": `${q.yLabel} at ${q.xLabel} ${short(x)}`, "aria-valuemin": low, "aria-valuemax": high,
          }, svg);
          draw("circle", { class: "aq-area", r: Math.max(radius, 12) }, grip);
          draw("circle", { class: "aq-dot", r: 7 }, grip);
          grip.addEventListener("pointerdown", (e) => {
            if (!open) return;
            e.preventDefault();
            grip.focus({ preventScroll: true });
            grip.setPointerCapture(e.pointerId);
          });
          grip.addEventListener("pointermove", (e) => {
            if (open && grip.hasPointerCapture(e.pointerId)) move(k, at.uy(e.clientY - svg.getBoundingClientRect().top));
          });
          grip.addEventListener("keydown", (e) => {
            const unit = (high - low) / 50;
            const by = { ArrowUp: unit, ArrowRight: unit, ArrowDown: -unit, ArrowLeft: -unit, PageUp: 5 * unit, PageDown: -5 * unit }[e.key];
            const to = by !== undefined ? heights[k] + by : { Home: low, End: high }[e.key];
            if (!open || to === undefined) return;
            e.preventDefault();
            move(k, to);
          });
          return grip;
        });
        paint();
      }

      function move(k, to) {
        heights[k] = +clamp(to, low, high).toPrecision(6);
        touched = true;
        paint();
      }

      function paint() {
        const path = (x, y) => x.map((v, k) => `${k ? "L" : "M"}${at.sx(v).toFixed(1)} ${clamp(at.sy(y[k]), -1e4, 1e4).toFixed(1)}`).join("");
        at.mine.setAttribute("d", path(q.handles, heights));
        at.truth.setAttribute("d", open ? "" : path(q.x, q.y));
        grips.forEach((grip, k) => {
          grip.setAttribute("transform", `translate(${at.sx(q.handles[k]).toFixed(1)} ${at.sy(heights[k]).toFixed(1)})`);
          grip.setAttribute("aria-valuenow", heights[k]);
          grip.setAttribute("aria-valuetext", short(heights[k]));
          grip.setAttribute("aria-disabled", String(!open));
          grip.setAttribute("tabindex", open ? 0 : -1);
        });
      }

      let width = -1;
      const watch = new ResizeObserver(() => { if (Math.abs(stage.clientWidth - width) > 1) { width = stage.clientWidth; place(); } });
      place();
      width = stage.clientWidth;
      watch.observe(stage);
      return {
        missing: "Move at least one point first.",
        guess: () => (touched ? [...heights] : null),
        focus: () => grips[0].focus({ preventScroll: true }),
        open() {},
        clear() { heights = q.handles.map(() => middle); touched = false; },
        restore(s) {
          const guess = s.latest || s.guess;
          if (guess) { heights = guess.map(Number); touched = true; }
          else if (!s.tries) this.clear();
        },
        show(s, isOpen) {
          open = isOpen;
          paint();
          hint.hidden = !open;
          legend.hidden = open;
          table.replaceChildren();
          if (open) return "";
          const guess = s.latest || s.guess, share = Math.round(100 * distance(guess, q)), earned = score(guess, q);
          table.textContent = `Your sketch and the curve. ` + q.handles.map((x, k) => `At ${short(x)}: you ${short(guess[k])}, the curve ${short(interpolate(x, q.x, q.y))}.`).join(" ");
          return `${earned >= 5 ? "✓" : "✗"} On average your sketch is ${share} % of the panel's height away from the curve. ${earned} of 10 points.`;
        },
        stop: () => watch.disconnect(),
      };
    }
  }
}

export default { render };
