// A box that marks all the others of its name in its form; it is there only where script is.
(() => {
  "use strict";

  const show = () => {
    for (const each of document.querySelectorAll("input[data-all]")) each.hidden = false;
  };

  const boxes = (all) => all.form.querySelectorAll(`input[type=checkbox][name="${all.dataset.all}"]`);

  document.addEventListener("change", (event) => {
    const changed = event.target;
    if (changed.matches("input[data-all]")) {
      for (const each of boxes(changed)) each.checked = changed.checked;
      return;
    }
    const all = changed.form?.querySelector("input[data-all]");
    if (all?.dataset.all === changed.name) {
      all.checked = [...boxes(all)].every((each) => each.checked);
    }
  });
  document.addEventListener("htmx:afterSettle", show);
  show();
})();
