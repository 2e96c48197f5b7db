// What somebody has opened stays open when its part of the page is loaded anew.
(() => {
  "use strict";

  let open = [];

  document.addEventListener("htmx:beforeSwap", (event) => {
    const found = event.detail.target.querySelectorAll("details[open][id]");
    open = Array.from(found, (each) => each.id);
  });

  document.addEventListener("htmx:afterSettle", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  });
})();
