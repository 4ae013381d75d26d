// The theme: light, dark, or the system's. A classic script in the head, so that the page never flashes in another
// theme.
(function () {
  "use strict";
  const KEY = "cachescope.theme";
  const NAMES = ["system", "light", "dark"];
  let chosen = "system";
  try {
    const kept = localStorage.getItem(KEY);
    if (NAMES.includes(kept)) chosen = kept;
  } catch {
    /* Storage may be disabled: then the theme is the system's. */
  }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = chosen !== "system" ? chosen : dark.matches ? "dark" : "light";
    dispatchEvent(new Event("themechange"));
  };
  apply();
  dark.addEventListener("change", apply);

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const showChoice = () => {
      button.lastElementChild.textContent = chosen;
      button.setAttribute("aria-label", `Theme: ${chosen}`);
    };
    showChoice();
    button.addEventListener("click", () => {
      chosen = NAMES[(NAMES.indexOf(chosen) + 1) % NAMES.length];
      try {
        localStorage.setItem(KEY, chosen);
      } catch {
        /* As above. */
      }
      showChoice();
      apply();
    });
  });
})();
