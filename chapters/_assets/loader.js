// Starts the live figures, the questions and the guide of a static page from the widget state that the notebook saved. No kernel,
// no request.
(() => {
  const decode = (base64) => {
    const text = atob(base64), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new DataView(bytes.buffer);
  };

  // What a widget needs of an ipywidgets model.
  class Model {
    constructor(record) {
      this.data = { ...record.state };
      for (const { path, data } of record.buffers || []) this.data[path[0]] = decode(data);
      this.handlers = {};
    }
    get(key) { return this.data[key]; }
    set(key, value) { this.data[key] = value; for (const f of this.handlers[`change:${key}`] || []) f(); }
    on(name, f) { (this.handlers[name] ||= []).push(f); }
    off(name, f) { this.handlers[name] = (this.handlers[name] || []).filter((g) => g !== f); }
    save_changes() {}
  }

  // A box shows its widgets; controls that only a kernel can answer stay away.
  const widgets = (id, state) => {
    const record = state[id];
    if (!record) return [];
    if (record.model_module === "anywidget") return [record];
    return (record.state.children || []).flatMap((child) => widgets(child.replace("IPY_MODEL_", ""), state));
  };

  function main() {
    const state = {};
    for (const script of document.querySelectorAll('script[type="application/vnd.jupyter.widget-state+json"]'))
      Object.assign(state, JSON.parse(script.textContent).state);
    for (const script of document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]')) {
      const host = script.closest(".lf-host, .aq-host, .gd-host") || script.parentElement;
      try {
        for (const record of widgets(JSON.parse(script.textContent).model_id, state)) {
          const el = document.createElement("div");
          script.before(el);
          const model = new Model(record);
          if (record.state.question) LossBook.follow(model);
          if (record.state.guide) model.data.page = ".html"; // what its links end on
          (record.state.question ? LossAsk : record.state.guide ? LossGuide : LossLive).render({ model, el });
          for (const a of el.querySelectorAll("a[href]")) // links between notebooks
            a.setAttribute("href", a.getAttribute("href").replace(/^([^:]*)\.(ipynb|md)(?=#|$)/, "$1.html"));
        }
      } catch (error) {
        console.error(error);
        host.classList.add("lf-failed"); // what stands there without scripts takes its place
      }
    }
    LossBook.show();
  }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", main);
  else main();
})();
