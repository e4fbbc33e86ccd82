/** The panel for taking results home: pictures, layouts, models, and the commands that do the same. */

import { postJson } from "./api.js";
import { chosen, debounced, element } from "./dom.js";
import { download } from "./downloads.js";
import { announce, complain } from "./notices.js";
import { addPanel, button, checkbox, choices, group, hint } from "./panels.js";
import { transformOf } from "./pose.js";
import { on, session } from "./session.js";
import { companions } from "./companions.js";

let panel;

/** What is saved: the shape and the options as they are. */
const wanted = () => ({ transform: transformOf(session.pose), options: session.options });

export function startTakeHome() {
  const format = choices("format", [["png", "PNG"], ["jpeg", "JPEG"], ["tiff", "TIFF"], ["webp", "WebP"]], "png");
  format.setAttribute("aria-label", "Format");
  format.onchange = () => showCommands();
  const save = button("Download the picture", savePicture, "primary");
  save.id = "download";
  const withMaps = checkbox("With its companion maps, as a zip", { id: "with-companions" });
  withMaps.id = "with-companions-row";
  withMaps.onchange = () => showCommands();
  const layout = button("Layout (.npz)", () => download("Layout", "layouts", wanted()));
  layout.id = "download-layout";
  const model = button("Exported model (zip)", () => download("Exported model", "exports", { dtype: "float32" }));
  model.id = "download-model";
  panel = addPanel(
    "save",
    group("Picture in full resolution", format, withMaps, save),
    group("More", element("div", { class: "chips" }, layout, model), hint("Videos and their scripts are saved under Move.")),
    element("ul", { id: "jobs", class: "jobs", "aria-label": "Files" }),
    element("div", { id: "commands", class: "group" }),
  );
  on("tool", () => session.tool === "save" && showCommands());
  on(["pose", "options"], () => session.tool === "save" && later());
  on("picture", () => {
    layout.hidden = session.picture.kind !== "photo";
    model.hidden = !session.picture.can_export;
  });
}

const later = debounced(() => showCommands(), 250);

function savePicture() {
  const format = chosen(panel, "format");
  const body = { ...wanted(), format, companions: chosenCompanions() };
  download(`${body.transform.size.join(" × ")} ${format.toUpperCase()}`, "outputs", body);
}

const chosenCompanions = () =>
  companions.length && panel.querySelector("#with-companions").checked ? companions.map((each) => each.id) : [];

async function showCommands() {
  panel.querySelector("#with-companions-row").hidden = companions.length === 0;
  const place = panel.querySelector("#commands");
  try {
    const body = { ...wanted(), format: chosen(panel, "format"), companions: chosenCompanions() };
    const made = await postJson(`/api/pictures/${session.picture.id}/commands`, body);
    const files = made.files.map(({ name, url }) => element("li", {}, element("a", { href: url, download: name }, name)));
    place.replaceChildren(
      ...code("The same on the command line", made.shell),
      ...code("The same in Python", made.python),
      ...(files.length ? [hint("They need these files beside the picture:"), element("ul", {}, ...files)] : []),
    );
  } catch (error) {
    complain(error);
  }
}

/** Text to be copied. */
export function code(title, text) {
  const copy = button("Copy", () => copyText(text, copy), "plain copy");
  copy.setAttribute("aria-label", `Copy: ${title}`);
  const shown = element("pre", { tabindex: "0", "aria-label": title }, element("code", {}, text));
  return [element("div", { class: "code" }, element("h3", {}, title), copy, shown)];
}

async function copyText(text, from) {
  try {
    await navigator.clipboard.writeText(text);
    from.textContent = "Copied";
    announce("Copied");
    setTimeout(() => (from.textContent = "Copy"), 1500);
  } catch {
    complain(new Error("The browser doesn't let the page copy; select the text and copy it by hand."));
  }
}
