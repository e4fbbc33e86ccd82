/** Handles on the edges and corners of the picture, for mouse, touch and keys. */

import { byId, element } from "./dom.js";
import { announce } from "./notices.js";
import { boxOf, possible, scaledFrom, transformOf, withCorner, withEdge } from "./pose.js";
import { on, session } from "./session.js";
import { view } from "./view.js";

const CORNERS = ["top left", "top right", "bottom right", "bottom left"];
const EDGES = /** @type {const} */ (["top", "right", "bottom", "left"]);
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.01; // of the picture's longer side, for an arrow key
const BAR = 1000; // px, a bar of the outline before it is scaled
const LARGE = 10; // times that, with Shift

/** @type {{handle: HTMLElement, name: string, index: number}[]} */
const handles = [];

export function startHandles() {
  const place = byId("handles");
  EDGES.forEach((name, index) => add(place, name, index, "edge"));
  CORNERS.forEach((name, index) => add(place, name, index, "corner"));
  on(["pose", "picture"], arrange);
  view.addEventListener("change", arrange);
}

function add(place, name, index, kind) {
  const sideways = name === "left" || name === "right";
  const handle = element("button", {
    type: "button",
    class: `handle ${kind} ${name.replace(" ", "-")}`,
    "aria-label": kind === "edge" ? `${name} edge` : `${name} corner`,
    "aria-description": "Drag it, or move it with the arrow keys; Shift for larger steps.",
    "data-handle": name.replace(" ", "-"),
  });
  if (kind === "edge") {
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-orientation", sideways ? "horizontal" : "vertical");
    handle.setAttribute("aria-valuemin", "16");
    handle.setAttribute("aria-valuemax", "65535");
  }
  handle.onpointerdown = (event) => take(event, name, index);
  handle.onkeydown = (event) => press(event, name, index);
  place.append(handle);
  handles.push({ handle, name, index });
}

/** The pose with a handle moved by a vector in full resolution pixels. */
function moved(start, name, index, by, proportional) {
  if (EDGES.includes(name)) return withEdge(start, name, by);
  return proportional ? scaledFrom(start, index, by) : withCorner(start, index, by);
}

function allowed(pose) {
  return possible(pose, session.server?.limits.output_pixels) && !(session.options.tile && !pose.straight);
}

/** @param {PointerEvent} event */
function take(event, name, index) {
  if (event.button !== 0) return;
  const handle = /** @type {HTMLElement} */ (event.currentTarget);
  handle.setPointerCapture(event.pointerId);
  handle.focus({ preventScroll: true, focusVisible: false });
  event.preventDefault();
  view.hold();
  session.moving = true;
  document.body.dataset.dragging = "yes";
  const start = session.pose;
  const from = [event.clientX, event.clientY];
  handle.onpointermove = (move) => {
    if (move.pointerId !== event.pointerId) return;
    const by = [(move.clientX - from[0]) / view.scale, (move.clientY - from[1]) / view.scale];
    const pose = moved(start, name, index, by, move.shiftKey || Boolean(session.options.tile));
    if (allowed(pose)) session.setPose(pose, move.timeStamp);
  };
  const end = (back) => {
    handle.onpointermove = handle.onpointerup = handle.onpointercancel = handle.onlostpointercapture = null;
    document.removeEventListener("keydown", escape, true);
    session.moving = false;
    delete document.body.dataset.dragging;
    if (back) session.setPose(start);
    else session.changePose(session.pose, `the ${name} moved`, start);
  };
  const escape = (key) => {
    if (key.key !== "Escape") return;
    key.stopPropagation();
    end(true);
  };
  document.addEventListener("keydown", escape, true);
  handle.onpointerup = handle.onlostpointercapture = () => end(false);
  handle.onpointercancel = () => end(true);
}

/** @param {KeyboardEvent} event */
function press(event, name, index) {
  const arrow = ARROWS[event.key];
  if (!arrow || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const step = Math.max(1, Math.round(STEP * Math.max(...session.picture.size))) * (event.shiftKey ? LARGE : 1);
  const by = [arrow[0] * step, arrow[1] * step];
  const pose = moved(session.pose, name, index, by, Boolean(session.options.tile));
  if (!allowed(pose)) {
    announce("It can't be moved farther.");
    return;
  }
  session.changePose(pose, `the ${name} moved`);
  const { width, height } = boxOf(pose);
  announce(`${Math.round(width)} by ${Math.round(height)}`);
}

/** Put a bar from one point to another. */
function span(bar, [x, y], [toX, toY]) {
  const [across, down] = [toX - x, toY - y];
  const length = Math.hypot(across, down) / BAR;
  bar.style.transform = `translate(${x}px, ${y}px) rotate(${Math.atan2(down, across)}rad) scaleX(${length})`;
}

function arrange() {
  const corners = session.pose.corners.map((corner) => view.toScreen(corner));
  [...byId("outline").children].forEach((bar, index) => span(bar, corners[index], corners[(index + 1) % 4]));
  const [width, height] = transformOf(session.pose).size;
  for (const { handle, name, index } of handles) {
    const [a, b] = [corners[index], corners[(index + 1) % 4]];
    const [x, y] = handle.classList.contains("edge") ? [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] : a;
    handle.style.translate = `${x}px ${y}px`;
    if (handle.classList.contains("edge")) {
      const sideways = name === "left" || name === "right";
      handle.setAttribute("aria-valuenow", String(sideways ? width : height));
      handle.setAttribute("aria-valuetext", sideways ? `${width} pixels wide` : `${height} pixels high`);
    }
  }
}
