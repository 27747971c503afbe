// What the reader has done, kept in this browser under one key and nowhere else. Where storage fails, nothing is kept
// and nothing breaks.
const LossBook = (() => {
  const KEY = "loss-book", VERSION = 1;
  const plain = (v) => Boolean(v) && typeof v === "object" && !Array.isArray(v);

  function read() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY));
      if (found.version === VERSION && plain(found.questions) && plain(found.exercises)) return found;
    } catch { /* no storage, nothing kept yet, or not ours */ }
    return { version: VERSION, questions: {}, exercises: {} };
  }

  function change(how) {
    const state = read();
    how(state);
    try { localStorage.setItem(KEY, JSON.stringify(state)); } catch { /* full or forbidden */ }
  }

  function hash(text) { // 32-bit FNV-1a
    let h = 2166136261;
    for (let k = 0; k < text.length; k++) h = Math.imul(h ^ text.charCodeAt(k), 16777619) >>> 0;
    return h;
  }

  // The completion code of an exercise, as lossutils.learn.check.completion_code.
  const code = (name) => [15, 10, 5, 0].map((s) => "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"[(hash(name) >>> s) & 31]).join("");

  // A question shows what was answered before, if it is still the same question, and what is answered now is noted.
  function follow(model) {
    const question = model.get("question"), mark = hash(JSON.stringify(question));
    const before = read().questions[question.name];
    if (before && before.mark === mark && plain(before.value)) model.data.value = before.value;
    model.on("change:value", () => {
      const value = model.get("value");
      change((state) => {
        if (value.committed) state.questions[question.name] = { mark, value };
        else if (!value.tries) delete state.questions[question.name];
      });
    });
  }

  const make = (tag, attributes, parent, text) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };

  function show() {
    for (const block of document.querySelectorAll(".book-progress")) {
      const cells = [...block.querySelectorAll("td[data-names]")].map((cell) => ({
        cell, done: cell.dataset.kind === "exercises" ? "exercises" : "questions", names: cell.dataset.names.split(" ").filter(Boolean),
      }));
      const count = () => {
        const state = read();
        for (const { cell, done, names } of cells) {
          if (!names.length) continue;
          const k = names.filter((name) => name in state[done]).length;
          cell.textContent = `${k} of ${names.length}${k === names.length ? " ✓" : ""}`;
        }
      };
      count();
      addEventListener("storage", count); // another tab
      addEventListener("pageshow", count); // back from a section
      const every = JSON.parse(block.querySelector("script").textContent); // exercise → the section it belongs to
      const codes = new Map(Object.keys(every).map((name) => [code(name), name]));

      const form = make("form", { class: "bp-codes" }, block);
      const label = make("label", {}, form, "Completion codes ");
      const input = make("input", { type: "text", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", placeholder: "e.g. 7KQ2" }, label);
      make("button", { type: "submit" }, form, "Enter");
      const answer = make("div", { class: "bp-answer", role: "status", "aria-live": "polite" }, block);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const given = input.value.toUpperCase().split(/[^0-9A-Z]+/).filter(Boolean);
        if (!given.length) { answer.textContent = "Type or paste a code first: check(…) prints it under a right answer."; return; }
        const right = given.filter((c) => codes.has(c)), wrong = given.filter((c) => !codes.has(c));
        const before = read().exercises;
        const words = right.map((c) => {
          const name = codes.get(c);
          return `✓ ${c}: ${name} (${every[name]})${name in before ? ", noted before" : ""}.`;
        });
        change((state) => { for (const c of right) state.exercises[codes.get(c)] = c; });
        for (const c of wrong) words.push(`✗ ${c} is not a code of this book: it has four letters or digits, and no 0, 1, I or O.`);
        answer.replaceChildren(...words.map((text) => make("div", {}, null, text)));
        input.value = wrong.join(" ");
        count();
      });

      const line = make("p", { class: "bp-note" }, block, "Your answers and codes are kept in this browser only; nothing is sent anywhere. ");
      const erase = make("button", { type: "button" }, line, "Erase everything");
      const sure = make("span", { hidden: "", role: "group", "aria-label": "Erase everything?" }, line, "Erase all answers and codes of the whole book? ");
      const yes = make("button", { type: "button" }, sure, "Yes, erase");
      const no = make("button", { type: "button" }, sure, "No, keep");
      const ask = (asking) => { erase.hidden = asking; sure.hidden = !asking; (asking ? no : erase).focus(); };
      erase.addEventListener("click", () => ask(true));
      no.addEventListener("click", () => ask(false));
      yes.addEventListener("click", () => {
        try { localStorage.removeItem(KEY); } catch { /* then there was nothing */ }
        answer.textContent = "Erased.";
        ask(false);
        count();
      });
    }
  }

  return { follow, show };
})();
