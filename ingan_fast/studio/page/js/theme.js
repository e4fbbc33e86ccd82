/** Light and dark: as the system has it, or as it was switched here. */

import { byId, icon } from "./dom.js";
import { announce } from "./notices.js";

const PLACE = "ingan-fast.theme";

export function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const kept = localStorage.getItem(PLACE);
    document.documentElement.dataset.theme = kept ?? (system.matches ? "dark" : "light");
  };
  apply();
  system.addEventListener("change", apply);
  byId("theme").append(icon("theme"));
  byId("theme").onclick = () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    // The system's own choice is followed again once it is chosen here.
    if (theme === (system.matches ? "dark" : "light")) localStorage.removeItem(PLACE);
    else localStorage.setItem(PLACE, theme);
    apply();
    announce(`${theme} colours`);
  };
}
