// Of several shapes that may stand at a place, the one that is chosen is shown.
(() => {
  "use strict";

  function show(union) {
    const chosen = union.querySelector("select").value;
    for (const each of union.children) {
      if (!each.hasAttribute("data-choice")) continue;
      each.hidden = each.disabled = each.dataset.choice !== chosen;
    }
  }

  for (const union of document.querySelectorAll("[data-union]")) {
    union.querySelector("select").addEventListener("change", () => show(union));
    show(union);
  }
})();
