// Draws a live figure (lossutils.learn.live.LiveFigure) from the grid that torch computed. No dependency, no request.
// The site turns this module into a classic script: keep the one export at the end of the file.

let count = 0;

const short = (v) => {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "undefined" : v > 0 ? "∞" : "−∞";
  const size = Math.abs(v);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return minus(v.toExponential(2));
  return minus(String(+v.toPrecision(4)));
};
const fixed = (v, digits) => (Number.isFinite(v) ? minus(v.toFixed(digits)) : short(v));

function floats(view) {
  // A DataView need not start at a multiple of four bytes: copy.
  if (!view || !view.byteLength) return new Float32Array(0);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function render({ model, el }) {
  const id = `lf-${count++}`;
  const root = make("figure", { class: "lf", "aria-labelledby": `${id}-title` }, el);
  let teardown = build();

  function rebuild() {
    teardown();
    root.replaceChildren();
    teardown = build();
  }
  model.on("change:spec", rebuild);
  return () => { model.off("change:spec", rebuild); teardown(); root.remove(); };

  function build() {
    const spec = model.get("spec");
    const data = floats(model.get("data"));
    const sliders = spec.sliders.map((s) => ({ ...s, values: s.values.map(Number) }));
    const byName = Object.fromEntries(sliders.map((s) => [s.name, s]));
    const index = {};
    const hidden = new Set();
    let timer = null;

    const nearest = (slider, v) => {
      let best = 0;
      slider.values.forEach((w, k) => { if (w === v || Math.abs(w - v) < Math.abs(slider.values[best] - v)) best = k; });
      return best;
    };
    const read = () => {
      const value = model.get("value") || {};
      for (const s of sliders) index[s.name] = s.name in value ? nearest(s, Number(value[s.name])) : 0;
    };
    read();
    const say = (s) => (s.labels ? s.labels[index[s.name]] : short(s.values[index[s.name]]));

    // The row of an array at the sliders' positions. Rules and readouts have one value a grid point, layers n.
    const row = (item, ref, scalar) => {
      if (!ref) return null;
      const grid = ref.shape.length - (scalar ? 0 : 1);
      const n = scalar ? 1 : ref.shape[ref.shape.length - 1];
      let at = 0;
      for (let k = 0; k < grid; k++) at = at * ref.shape[k] + index[item.over[k]];
      const start = ref.at + at * n;
      return data.subarray(start, start + n);
    };

    make("figcaption", { class: "lf-title", id: `${id}-title` }, root, spec.title);

    // Legend: one button a label, so that a curve can be taken away.
    const colour = (item, k) => (item.kind === "points" && item.color == null ? "var(--lf-dots)" : `var(--lf-${(item.color ?? k) % 8})`);
    const legend = make("div", { class: "lf-legend", role: "group", "aria-label": "Curves shown" }, root);
    const named = new Map();
    for (const panel of spec.panels)
      (panel.layers || []).forEach((item, k) => { if (item.label && !named.has(item.label)) named.set(item.label, { item, k }); });
    legend.hidden = !named.size;
    for (const [label, { item, k }] of named) {
      const button = make("button", { type: "button", "aria-pressed": "true" }, legend);
      const swatch = draw("svg", { width: 22, height: 10, "aria-hidden": "true" }, button);
      if (item.kind === "points") draw("circle", { cx: 11, cy: 5, r: 4, fill: colour(item, k) }, swatch);
      else draw("line", { x1: 0, x2: 22, y1: 5, y2: 5, stroke: colour(item, k), "stroke-width": 3, "stroke-dasharray": item.dash ? "5 3" : "none" }, swatch);
      make("span", {}, button, label);
      button.addEventListener("click", () => {
        hidden.has(label) ? hidden.delete(label) : hidden.add(label);
        button.setAttribute("aria-pressed", String(!hidden.has(label)));
        update();
      });
    }

    const stage = make("div", { class: "lf-panels" }, root);
    const panels = spec.panels.map((panel, number) => {
      const box = make("div", { class: "lf-panel" }, stage);
      if (panel.images) {
        make("div", { class: "lf-ptitle" }, box, panel.title);
        const [width, height] = panel.size;
        return { panel, number, box, image: make("img", { class: `dark-light ${width <= 64 && height <= 64 ? "lf-exact" : ""}`, width, height, alt: "" }, box) };
      }
      if (panel.title) make("div", { class: "lf-ptitle", "aria-hidden": "true" }, box, panel.title);
      const svg = draw("svg", { role: "img", "aria-labelledby": `${id}-p${number}-t ${id}-p${number}-d` }, box);
      draw("title", { id: `${id}-p${number}-t` }, svg, `${spec.title}: ${panel.title}`);
      const desc = draw("desc", { id: `${id}-p${number}-d` }, svg);
      const hover = make("div", { class: "lf-hover" }, box, "\u00a0");
      return { panel, number, svg, desc, hover, box };
    });

    // Controls.
    const controls = sliders.map((s) => {
      const line = make("div", { class: "lf-row" }, root);
      make("label", { for: `${id}-${s.name}` }, line, s.label);
      const low = s.values[0], high = s.values[s.values.length - 1];
      // A step too large by rounding would put the last stop out of reach.
      const range = s.even
        ? { min: low, max: high, step: ((high - low) / (s.values.length - 1)) * (1 - 1e-7) }
        : { min: 0, max: s.values.length - 1, step: 1 };
      const input = make("input", { type: "range", id: `${id}-${s.name}`, ...range }, line);
      const output = make("output", { for: input.id }, line);
      // Room for the longest label, so that the slider keeps its width under the pointer.
      if (s.labels) output.style.minWidth = `${Math.min(Math.max(...s.labels.map((text) => text.length)), 30)}ch`;
      input.addEventListener("input", () => {
        stop();
        choose({ [s.name]: s.even ? nearest(s, Number(input.value)) : Number(input.value) });
      });
      if (spec.play === s.name) {
        const buttons = make("span", { class: "lf-buttons" }, line);
        const step = (by) => choose({ [s.name]: clamp(index[s.name] + by, 0, s.values.length - 1) });
        make("button", { type: "button", "aria-label": `Step back: ${s.label}` }, buttons, "‹").addEventListener("click", () => { stop(); step(-1); });
        const play = make("button", { type: "button" }, buttons, "Play");
        play.addEventListener("click", () => {
          if (timer) return stop();
          if (index[s.name] === s.values.length - 1) choose({ [s.name]: 0 });
          play.textContent = "Pause";
          const wait = clamp(6000 / s.values.length, 60, 600);
          timer = setInterval(() => { index[s.name] < s.values.length - 1 ? step(1) : stop(); }, wait);
        });
        make("button", { type: "button", "aria-label": `Step forward: ${s.label}` }, buttons, "›").addEventListener("click", () => { stop(); step(1); });
        s.playButton = play;
      }
      return { s, input, output };
    });
    function stop() {
      clearInterval(timer);
      timer = null;
      for (const s of sliders) if (s.playButton) s.playButton.textContent = "Play";
    }

    const list = spec.readouts.length ? make("dl", { class: "lf-readouts" }, root) : null;
    const readouts = spec.readouts.map((r) => {
      const pair = make("div", {}, list);
      make("dt", {}, pair, r.label);
      return { r, node: make("dd", {}, pair) };
    });

    function choose(change) {
      let moved = false;
      for (const [name, k] of Object.entries(change)) if (index[name] !== k) { index[name] = k; moved = true; }
      if (!moved) return;
      const value = {};
      for (const s of sliders) value[s.name] = Number.isFinite(s.values[index[s.name]]) ? s.values[index[s.name]] : String(s.values[index[s.name]]);
      model.set("value", value);
      model.save_changes(); // reaches Python where there is a kernel
      update();
    }
    const onValue = () => { read(); update(); };
    model.on("change:value", onValue);

    // Layout in CSS pixels, so that text keeps its size on a phone.
    const pictures = panels.some((p) => p.image);
    function layout() {
      const room = Math.max(stage.clientWidth || el.clientWidth || 640, 240);
      if (pictures) return gallery(room);
      const beside = panels.length > 1 && room >= 560;
      const width = Math.floor(beside ? (room - 10 * (panels.length - 1)) / panels.length : Math.min(room, 640));
      const height = Math.round(clamp(width * 0.64, 215, 325));
      for (const p of panels) {
        p.box.style.width = `${width}px`;
        place(p, width, height);
      }
      update();
    }

    // With pictures among the panels: as many in a row as have 200 pixels each, two on a phone, axes across it there.
    function gallery(room) {
      const columns = Math.min(panels.length, Math.max(2, Math.floor((room + 10) / 250)));
      const width = Math.floor((room - 1 - 8 * (columns - 1)) / columns); // clientWidth is rounded: leave a pixel
      for (const p of panels) {
        const own = p.image || width >= 240 ? width : room;
        p.box.style.width = `${Math.min(own, 430)}px`;
        if (p.image) p.image.style.width = "100%";
        else place(p, Math.min(own, 430), Math.round(clamp(own * 0.75, 215, 300)));
      }
      update();
    }

    function place(p, W, H) {
      const { panel, svg } = p;
      svg.querySelectorAll(":scope > g").forEach((g) => g.remove());
      for (const [k, v] of Object.entries({ width: W, height: H, viewBox: `0 0 ${W} ${H}` })) svg.setAttribute(k, v);
      const [x0, x1] = panel.xlim, [y0, y1] = panel.ylim;
      // Without a label the vertical axis measures nothing (dots spread out to be seen): no numbers on it.
      const yTicks = panel.yLabel ? ticks(y0, y1, H > 280 ? 6 : 5).map((v) => [v, short(v)]) : [];
      const left = panel.yLabel ? 30 + 7 * Math.max(...yTicks.map(([, t]) => t.length)) : 10, right = 10, top = 8, bottom = 40;
      const sx = (v) => left + ((v - x0) / (x1 - x0)) * (W - left - right);
      const sy = (v) => H - bottom - ((v - y0) / (y1 - y0)) * (H - top - bottom);
      Object.assign(p, { sx, sy, left, right, top, bottom, W, H });
      p.ux = (px) => x0 + ((px - left) / (W - left - right)) * (x1 - x0);
      p.uy = (py) => y0 + ((H - bottom - py) / (H - top - bottom)) * (y1 - y0);
      const back = draw("g", { "aria-hidden": "true" }, svg);
      for (const v of ticks(x0, x1, clamp(Math.floor(W / 70), 3, 8))) {
        draw("line", { class: "lf-gridline", x1: sx(v), x2: sx(v), y1: top, y2: H - bottom }, back);
        draw("text", { x: sx(v), y: H - bottom + 15, "text-anchor": "middle" }, back, short(v));
      }
      for (const [v, text] of yTicks) {
        draw("line", { class: "lf-gridline", x1: left, x2: W - right, y1: sy(v), y2: sy(v) }, back);
        draw("text", { x: left - 5, y: sy(v) + 4, "text-anchor": "end" }, back, text);
      }
      draw("text", { x: (left + W - right) / 2, y: H - 6, "text-anchor": "middle" }, back, panel.xLabel);
      const middle = (top + H - bottom) / 2;
      if (panel.yLabel) draw("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, back, panel.yLabel);
      const clip = draw("clipPath", { id: `${id}-c${p.number}` }, draw("g", {}, svg));
      draw("rect", { x: left, y: top, width: W - left - right, height: H - top - bottom }, clip);
      p.front = draw("g", { "clip-path": `url(#${id}-c${p.number})` }, svg);
      p.cross = draw("g", { "aria-hidden": "true" }, svg);
      if (panel.drag) {
        const g = draw("g", { "aria-hidden": "true" }, svg);
        p.handle = draw("circle", { class: "lf-handle", r: 8 }, g);
        p.grip = draw("circle", { class: "lf-grip", r: 16 }, g);
        p.grip.addEventListener("pointerdown", (e) => { stop(); e.preventDefault(); p.grip.setPointerCapture(e.pointerId); });
        p.grip.addEventListener("pointermove", (e) => {
          if (!p.grip.hasPointerCapture(e.pointerId)) return;
          const area = svg.getBoundingClientRect();
          const at = [p.ux(e.clientX - area.left), p.uy(e.clientY - area.top)];
          const change = {};
          panel.drag.forEach((name, axis) => { if (name in byName) change[name] = nearest(byName[name], at[axis]); });
          choose(change);
        });
      }
    }

    function update() {
      for (const p of panels) p.image ? show(p) : p.front && paint(p);
      for (const { s, input, output } of controls) {
        const text = say(s);
        input.value = s.even ? s.values[index[s.name]] : index[s.name];
        input.setAttribute("aria-valuetext", text);
        output.textContent = text;
      }
      for (const { r, node } of readouts) node.textContent = `${fixed(row(r, r.values, true)[0], r.digits)}${r.unit ? ` ${r.unit}` : ""}`;
    }

    const settings = () => sliders.map((s) => `${s.label} = ${say(s)}`).join(", ");

    function show({ panel, image }) {
      const at = panel.over.reduce((sum, name, k) => sum * panel.shape[k] + index[name], 0);
      if (image.getAttribute("src") !== panel.images[at]) image.setAttribute("src", panel.images[at]);
      const where = panel.over.length ? ` (${settings()})` : "";
      image.setAttribute("alt", `${panel.alt || panel.title}${where}`);
    }

    function paint(p) {
      const { panel, sx, sy, front } = p;
      front.replaceChildren();
      p.cross.replaceChildren();
      p.hover.textContent = "\u00a0";
      const far = 1e5; // SVG paths with huge coordinates draw wrongly: keep them near the axes
      panel.layers.forEach((item, k) => {
        if (hidden.has(item.label)) return;
        const stroke = colour(item, k);
        if (item.kind === "rule") {
          const x = row(item, item.x, true), y = row(item, item.y, true);
          const ends = x ? { x1: sx(x[0]), x2: sx(x[0]), y1: p.top, y2: p.H - p.bottom } : { x1: p.left, x2: p.W - p.right, y1: sy(y[0]), y2: sy(y[0]) };
          if ((x || y)[0] === (x || y)[0])
            draw("line", { ...ends, stroke, "stroke-width": 1.8, "stroke-dasharray": item.dash ? "6 4" : "none" }, front);
          return;
        }
        const x = row(item, item.x), y = row(item, item.y);
        if (item.kind === "points") {
          for (let j = 0; j < y.length; j++)
            if (Number.isFinite(x[j]) && Number.isFinite(y[j]))
              draw("circle", { cx: sx(x[j]).toFixed(1), cy: sy(y[j]).toFixed(1), r: item.size, fill: stroke, "fill-opacity": 0.75 }, front);
          return;
        }
        let path = "", pen = false;
        for (let j = 0; j < y.length; j++) {
          const px = sx(x[j]), py = clamp(sy(y[j]), -far, far);
          if (!Number.isFinite(px) || Number.isNaN(py)) { pen = false; continue; }
          path += `${pen ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
          pen = true;
        }
        draw("path", { d: path, fill: "none", stroke, "stroke-width": item.width, "stroke-linejoin": "round", "stroke-dasharray": item.dash ? "6 4" : "none" }, front);
      });
      if (p.handle) {
        const [x, y] = panel.drag.map((d) => (d in byName ? byName[d].values[index[d]] : Number(d)));
        for (const node of [p.handle, p.grip]) { node.setAttribute("cx", sx(x)); node.setAttribute("cy", sy(y)); }
      }
      const where = settings();
      const numbers = spec.readouts.map((r) => `${r.label} ${fixed(row(r, r.values, true)[0], r.digits)} ${r.unit || ""}`.trim()).join(", ");
      p.desc.textContent = `${panel.yLabel || panel.title} against ${panel.xLabel}` + (where ? ` at ${where}` : "") + (numbers ? `. ${numbers}` : "") + ".";
    }

    // Under the pointer: the values of every line at the nearest abscissa.
    for (const p of panels.filter((p) => p.svg)) {
      p.svg.addEventListener("pointermove", (e) => {
        if (!p.front) return;
        const area = p.svg.getBoundingClientRect();
        const at = p.ux(e.clientX - area.left);
        p.cross.replaceChildren();
        if (at < p.panel.xlim[0] || at > p.panel.xlim[1]) { p.hover.textContent = "\u00a0"; return; }
        const words = [];
        let where = null;
        p.panel.layers.forEach((item, k) => {
          if (item.kind !== "line" || hidden.has(item.label) || !item.label) return;
          const x = row(item, item.x), y = row(item, item.y);
          let best = 0;
          for (let j = 1; j < x.length; j++) if (Math.abs(x[j] - at) < Math.abs(x[best] - at)) best = j;
          if (x.length < 3) { // a straight line between two ends
            const t = (at - x[0]) / (x[1] - x[0]);
            where = at; words.push(`${item.label} ${short(+(y[0] + t * (y[1] - y[0])).toPrecision(3))}`);
            return;
          }
          where = x[best];
          words.push(`${item.label} ${short(+y[best].toPrecision(3))}`);
          draw("circle", { cx: p.sx(x[best]), cy: clamp(p.sy(y[best]), p.top - 4, p.H - p.bottom + 4), r: 4, fill: colour(item, k) }, p.cross);
        });
        if (where === null) return;
        draw("line", { class: "lf-cross", x1: p.sx(where), x2: p.sx(where), y1: p.top, y2: p.H - p.bottom }, p.cross);
        p.hover.textContent = `at ${short(+where.toPrecision(3))}: ${words.join(", ")}`;
      });
      p.svg.addEventListener("pointerleave", () => { p.cross && p.cross.replaceChildren(); p.hover.textContent = "\u00a0"; });
    }

    layout();
    let last = stage.clientWidth;
    const watcher = new ResizeObserver(() => {
      if (Math.abs(stage.clientWidth - last) < 2) return;
      last = stage.clientWidth;
      layout();
    });
    watcher.observe(stage);
    return () => { stop(); watcher.disconnect(); model.off("change:value", onValue); };
  }
}

export default { render };
