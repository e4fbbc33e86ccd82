/** The panel of sizes: typed numbers, presets, corners. */

import { byId, element } from "./dom.js";
import { addPanel, button, checkbox, group, hint, labelled } from "./panels.js";
import { complain, say } from "./notices.js";
import { LEAST, MOST, boxOf, possible, rectangle, resized, straightened, transformOf } from "./pose.js";
import { on, session } from "./session.js";

const CORNERS = ["Top left", "Top right", "Bottom right", "Bottom left"];
const PRESETS = [
  ["Original", (width, height) => [width, height]],
  ["× 1.5", (width, height) => [1.5 * width, 1.5 * height]],
  ["× 2", (width, height) => [2 * width, 2 * height]],
  ["Twice as wide", (width, height) => [2 * width, height]],
  ["Half as wide", (width, height) => [width / 2, height]],
  ["16:9", (width, height) => extended(width, height, 16 / 9)],
  ["9:16", (width, height) => extended(width, height, 9 / 16)],
  ["1:1", (width, height) => extended(width, height, 1)],
  ["4:5", (width, height) => extended(width, height, 4 / 5)],
  ["3:2", (width, height) => extended(width, height, 3 / 2)],
  ["A4", (width, height) => extended(width, height, height > width ? 210 / 297 : 297 / 210)],
  ["2 megapixels", (width, height) => ofArea(width, height, 2e6)],
];

/** The picture's size with one side made longer, so that it has a ratio. */
function extended(width, height, ratio) {
  return width / height < ratio ? [height * ratio, height] : [width, width / ratio];
}

/** The size as it is now, with another number of pixels. */
function ofArea(width, height, pixels) {
  const box = boxOf(session.pose);
  const factor = Math.sqrt(pixels / (box.width * box.height));
  return [box.width * factor, box.height * factor];
}

export function startShape() {
  const number = (id) =>
    element("input", { type: "number", id, min: LEAST, max: MOST, step: 1, inputMode: "numeric", required: true });
  const [width, height] = [number("width"), number("height")];
  const locked = checkbox("Keep the ratio", { id: "locked" });
  for (const input of [width, height]) input.onchange = () => typed(input);
  const presets = PRESETS.map(([name, size]) => button(name, () => preset(name, size), "chip"));
  const straight = button("Straight", () => session.changePose(straightened(session.pose), "straight"));
  straight.id = "straight";
  addPanel(
    "shape",
    group("Size in pixels", element("div", { class: "row" }, labelled("Width", width), labelled("Height", height)), locked),
    group("Presets", element("div", { class: "chips" }, ...presets)),
    element("details", { class: "group" }, element("summary", {}, "Corners"), cornerNumbers(), straight),
    hint("Drag an edge to make the picture wider or higher, a corner to tilt it. With Shift a corner scales it."),
  );
  on(["pose", "picture"], show);
}

function cornerNumbers() {
  const rows = CORNERS.map((name, index) =>
    element(
      "div",
      { class: "row" },
      ...[0, 1].map((axis) => {
        const label = `${name} ${axis ? "y" : "x"}`;
        const input = element("input", { type: "number", step: 1, "data-corner": index, "data-axis": axis });
        input.onchange = () => cornerTyped(input, index, axis);
        return labelled(label, input);
      }),
    ),
  );
  return element("div", { id: "corner-numbers" }, ...rows);
}

/** @param {HTMLInputElement} input */
function typed(input) {
  const value = Math.round(input.valueAsNumber);
  const box = boxOf(session.pose);
  let size = [box.width, box.height];
  const side = input.id === "width" ? 0 : 1;
  if (byId("locked").checked) size = size.map((other) => (other * value) / size[side]);
  size[side] = value;
  attempt(resized(session.pose, ...size), "size typed");
}

/** @param {HTMLInputElement} input */
function cornerTyped(input, index, axis) {
  const box = boxOf(session.pose);
  const corners = session.pose.corners.map((corner) => [...corner]);
  corners[index][axis] = input.valueAsNumber + (axis ? box.y : box.x);
  attempt({ corners, straight: false }, "corner typed");
}

function preset(name, size) {
  const [width, height] = size(...session.picture.size).map((side) => Math.max(LEAST, Math.round(side)));
  attempt(name === "Original" ? rectangle(width, height) : resized(straightened(session.pose), width, height), name);
}

function attempt(pose, what) {
  const most = session.server.limits.output_pixels;
  if (possible(pose, most)) {
    session.changePose(pose.straight ? straightened(pose) : pose, what);
    return;
  }
  const { width, height } = boxOf(pose);
  if (!(width >= LEAST && height >= LEAST && width <= MOST && height <= MOST)) {
    say(`A side has ${LEAST} to ${MOST} pixels; type a number between.`, "error");
  } else if (width * height > most) {
    say(`That is more than ${Math.round(most / 1e6)} megapixels; type less.`, "error");
  } else complain(new Error("The corners must form a quadrilateral that isn't folded; move that one back."));
  show();
}

function show() {
  const { size, corners } = transformOf(session.pose);
  [byId("width").value, byId("height").value] = size;
  byId("straight").disabled = session.pose.straight;
  const shown = corners ?? [[0, 0], [size[0], 0], size, [0, size[1]]];
  for (const input of document.querySelectorAll("#corner-numbers input")) {
    input.value = String(Math.round(shown[input.dataset.corner][input.dataset.axis]));
    input.disabled = Boolean(session.options.tile);
  }
}
