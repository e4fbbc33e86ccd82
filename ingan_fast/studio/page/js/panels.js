/** The tool rail and the panel of the chosen tool. */

import { byId, element, icon } from "./dom.js";
import { on, session } from "./session.js";

const TOOLS = [
  ["shape", "Shape", "Drag edges and corners, type sizes"],
  ["paint", "Paint", "Paint what is kept and what is removed"],
  ["compare", "Compare", "Compare with other methods"],
  ["vary", "Vary", "Other layouts of the same size"],
  ["tile", "Tile", "Repeat the output without seams"],
  ["companions", "Maps", "Normals, depth and other maps that follow the picture"],
  ["train", "Train", "Train a network on the picture"],
  ["move", "Move", "Animate between shapes"],
];
const PHOTO_TOOLS = ["paint", "vary", "tile", "companions", "train"];
const TITLES = { ...Object.fromEntries(TOOLS.map(([name, title]) => [name, title])), companions: "Companion maps" };
TITLES.save = "Take it home";

export function startPanels() {
  const rail = byId("rail");
  for (const [name, title, about] of TOOLS) {
    const button = element(
      "button",
      { type: "button", class: "tool", title: about, "data-tool": name, "aria-pressed": "false" },
      icon(name),
      element("span", {}, title),
    );
    rail.append(button);
  }
  for (const button of document.querySelectorAll("button[data-tool]")) {
    button.addEventListener("click", () => session.setTool(button.dataset.tool));
  }
  on("tool", show);
  on("picture", offer);
  show();
}

/** The tools that this picture has: a network's outputs follow no wishes. */
function offer() {
  const photo = session.picture.kind === "photo";
  for (const name of PHOTO_TOOLS) document.querySelector(`.tool[data-tool="${name}"]`).hidden = !photo;
  if (!photo && PHOTO_TOOLS.includes(session.tool)) session.setTool("shape");
}

/**
 * Add a tool's panel.
 * @param {string} tool
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function addPanel(tool, ...children) {
  const panel = element(
    "section",
    { class: "panel", id: `panel-${tool}`, "aria-labelledby": `title-${tool}`, hidden: true },
    element("h2", { id: `title-${tool}` }, TITLES[tool]),
    ...children,
  );
  byId("panels").append(panel);
  return panel;
}

function show() {
  document.body.dataset.tool = session.tool;
  for (const panel of document.querySelectorAll(".panel")) panel.hidden = panel.id !== `panel-${session.tool}`;
  for (const button of document.querySelectorAll("button[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === session.tool));
  }
}

/** A heading and its controls. */
export const group = (title, ...children) =>
  element("fieldset", { class: "group" }, element("legend", {}, title), ...children);

/**
 * Radio buttons that look like one row of buttons.
 * @param {string} name
 * @param {[string, string][]} choices values and labels
 * @param {string} value of the chosen one
 */
export function choices(name, choices, value) {
  const made = choices.map(([each, label]) => {
    const input = element("input", { type: "radio", name, value: each, checked: each === value });
    return element("label", { class: "choice" }, input, element("span", {}, label));
  });
  return element("div", { class: "choices", role: "radiogroup" }, ...made);
}

/** @param {string} label @param {HTMLElement} input */
export const labelled = (label, input) => element("label", { class: "field" }, element("span", {}, label), input);

/** @param {string} label @param {Record<string, any>} properties */
export const checkbox = (label, properties) =>
  element("label", { class: "check" }, element("input", { type: "checkbox", ...properties }), element("span", {}, label));

/** @param {string} label @param {() => void} run @param {string} [style] */
export const button = (label, run, style = "plain") =>
  element("button", { type: "button", class: style, onclick: run }, label);

/** A paragraph of explanation. */
export const hint = (text) => element("p", { class: "hint" }, text);
