// What scrolls sideways can be reached by the keyboard: tables, formulas and code that are wider than their column.
(() => {
  const boxes = document.querySelectorAll(".bd-article :is(table, pre, .katex-display, div.math, td .katex)");
  function reach() {
    const wide = [...boxes].map((box) => box.scrollWidth > box.clientWidth + 1); // all read before any is changed
    boxes.forEach((box, k) => {
      if (wide[k]) box.tabIndex = 0;
      else if (box.getAttribute("tabindex") === "0") box.removeAttribute("tabindex");
    });
  }
  addEventListener("resize", reach);
  document.fonts.ready.then(reach);
})();
