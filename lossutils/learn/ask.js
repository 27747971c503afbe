function render({ model, el }) { el.textContent = model.get("question").name; }

export default { render };
