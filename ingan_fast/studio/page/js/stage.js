/** The stage: asks for frames as the pose changes, draws the newest one where it belongs, and says what is shown. */

import { ApiError, getJson, sentence } from "./api.js";
import { byId, debounced } from "./dom.js";
import { APPROXIMATE, FLAT, Link, PROVISIONAL, SOLVED } from "./link.js";
import { announce, banner } from "./notices.js";
import { boxOf, matrix3d, transformOf } from "./pose.js";
import { on, session } from "./session.js";
import { view } from "./view.js";

const LIVE_SIDE = 1280;
const SHARP_SIDE = 2048;
const TIMES_KEPT = 1000;
const AHEAD = 2; // frames asked for and not yet here: more would only wait in a queue
const PATIENCE = 1000; // milliseconds for them
const LOST =
  "The studio's server has stopped. What you painted is kept in this browser. Start the server again at the same port; " +
  "this page goes on by itself.";

/** For tests and measurements: milliseconds from each movement to its drawn frame, those of them on the server, and what
 * is shown. */
export const meter = { frameTimes: [], serverTimes: [], shown: "nothing", settled: false, frames: 0, size: [0, 0], masks: {} };
window.__studio = meter;

/** Events: drawn (a frame is on the canvas), news (of the server; detail is the message), connected. */
export const stage = new EventTarget();

/** @type {Link | null} */
let link = null;
/** @type {import("./link.js").Frame | null} */
let newest = null;
let wanted = false; // whether a frame must be asked for
let scheduled = false;
let askedAt = 0;
let changes = 0; // of the pose or the options

/** The box in which a picture is shown, of the pose that it was asked for. */
let shownBox = { x: 0, y: 0, width: 1, height: 1 };
let shownCorners = "null"; // of the transform that it was asked for, as JSON
let flat = false; // whether the frame is put into perspective here

export function startStage() {
  on("picture", openLink);
  on(["pose", "options"], () => {
    wanted = true;
    changes += 1;
    meter.settled = false;
    askNext();
    if (flat) place();
  });
  on("rest", askSharp);
  view.addEventListener("change", place);
  new ResizeObserver(() => refit(false)).observe(byId("ground"));
  on(["rest", "tool"], () => refit(true));
  on("picture", () => view.fit(fitted(), { glide: false, force: true }));
}

/** The box to be shown: of the pose, or of all its tiles. */
function fitted() {
  const box = boxOf(session.pose);
  const { tile } = session.options;
  const [across, down] = [tile === "x" || tile === "both" ? 1 : 0, tile === "y" || tile === "both" ? 1 : 0];
  return {
    x: box.x - across * box.width,
    y: box.y - down * box.height,
    width: box.width * (1 + 2 * across),
    height: box.height * (1 + 2 * down),
  };
}

function refit(glide) {
  if (session.picture && !session.moving) view.fit(fitted(), { glide, force: !glide });
}

function openLink() {
  link?.close();
  newest = null;
  meter.shown = "nothing";
  for (const id of ["picture", "sharp"]) byId(id).width = byId(id).height = 0;
  const opened = new Link(session.picture.id);
  link = opened;
  opened.addEventListener("open", () => {
    banner("");
    session.touch();
    stage.dispatchEvent(new Event("connected"));
  });
  opened.addEventListener("lost", explain);
  opened.addEventListener("frame", ({ detail }) => {
    newest = detail;
    askNext();
    schedule();
  });
  opened.addEventListener("ready", ({ detail }) => {
    if (detail.error) showStatus(sentence(detail.error), "error");
    session.touch();
  });
  opened.addEventListener("preparing", () => showStatus("Preparing the layout …", "busy"));
  opened.addEventListener("error", ({ detail }) => {
    showStatus(sentence(detail.error), "error");
    askNext();
  });
  opened.addEventListener("closing", ({ detail }) => banner(sentence(detail.error)));
  for (const name of ["masks", "job", "training"]) {
    opened.addEventListener(name, ({ detail }) => stage.dispatchEvent(new CustomEvent("news", { detail })));
  }
}

/** Say why there is no connection: no server, or one that was started anew with another token. */
async function explain() {
  banner(LOST);
  try {
    await getJson("/api/server");
  } catch (error) {
    if (error instanceof ApiError) banner(error.message);
  }
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    if (newest) draw();
    askNext();
  });
}

/** Ask for what is wanted, unless enough was asked for. */
function askNext() {
  if (!wanted || !link) return;
  if (link.waiting < AHEAD || performance.now() - askedAt > PATIENCE) ask(false);
  else retry();
}

/** A frame that was asked for may have been dropped. */
const retry = debounced(askNext, PATIENCE);

function ask(solved) {
  if (!link || !session.picture) return;
  const box = boxOf(session.pose);
  const side = Math.max(box.width, box.height) * view.scale * (window.devicePixelRatio || 1);
  const most = solved ? SHARP_SIDE : LIVE_SIDE;
  const request = {
    transform: transformOf(session.pose),
    options: session.options,
    max_side: Math.round(Math.min(most, Math.max(64, side))),
    solved,
    flat: !solved && !session.pose.straight,
  };
  if (!link.ask(request, { box, corners: JSON.stringify(request.transform.corners), at: session.changedAt, changes })) return;
  askedAt = performance.now();
  wanted = false;
}

function askSharp() {
  ask(true);
  if (meter.shown !== "nothing") showStatus("Computing it as it will be saved …", "busy");
}

function draw() {
  const frame = newest;
  newest = null;
  const solved = Boolean(frame.flags & SOLVED);
  if (frame.flags & PROVISIONAL && isShown(frame)) {
    showStatus("Preparing the layout …", "busy");
    return; // what is on the canvas is better than a plain resize
  }
  const canvas = byId(solved ? "sharp" : "picture");
  if (canvas.width !== frame.width) canvas.width = frame.width;
  if (canvas.height !== frame.height) canvas.height = frame.height;
  canvas.getContext("2d").putImageData(new ImageData(frame.pixels, frame.width, frame.height), 0, 0);
  byId("sharp").classList.toggle("shown", solved);
  if (!solved) flat = Boolean(frame.flags & FLAT);
  shownBox = frame.asked.box;
  shownCorners = frame.asked.corners;
  place();
  note(frame, solved);
  stage.dispatchEvent(new CustomEvent("drawn", { detail: { canvas, frame, solved } }));
}

/** Whether a layout of the frame's box is on the canvas already, such as with other masks. */
function isShown(frame) {
  const { box, corners } = frame.asked;
  const same = corners === shownCorners && Object.keys(box).every((name) => box[name] === shownBox[name]);
  return same && (meter.shown === "frame" || meter.shown === "solved");
}

function note(frame, solved) {
  const provisional = frame.flags & PROVISIONAL;
  meter.frames += 1;
  meter.size = frame.full;
  meter.settled = solved && frame.asked.changes === changes;
  meter.shown = solved ? "solved" : provisional ? "provisional" : "frame";
  if (!solved) {
    keep(meter.frameTimes, performance.now() - frame.asked.at);
    keep(meter.serverTimes, frame.milliseconds);
  }
  const size = `${frame.full[0]} × ${frame.full[1]}`;
  if (solved) {
    showStatus(`${size} · as it will be saved`, "good");
    announce(`${frame.full[0]} by ${frame.full[1]} pixels, as it will be saved`);
  } else if (provisional) showStatus(`${size} · a plain resize until the layout is prepared …`, "busy");
  else showStatus(size + (frame.flags & APPROXIMATE ? " · approximate while it moves" : ""), "");
}

function keep(times, time) {
  times.push(time);
  if (times.length > TIMES_KEPT) times.shift();
}

/** @param {string} text @param {"" | "busy" | "good" | "error"} kind */
function showStatus(text, kind) {
  const status = byId("status");
  status.hidden = false;
  status.textContent = text;
  status.dataset.kind = kind;
}

/** Put what is shown to its place. */
function place() {
  for (const id of ["picture", "sharp"]) putInto(byId(id), shownBox);
  if (flat) putInPerspective(byId("picture"));
}

/** Carry a flat frame to the corners, where they are now. @param {HTMLCanvasElement} canvas */
function putInPerspective(canvas) {
  const corners = session.pose.corners.map((corner) => view.toScreen(corner));
  Object.assign(canvas.style, { left: 0, top: 0, width: `${canvas.width}px`, height: `${canvas.height}px` });
  canvas.style.transform = matrix3d(canvas.width, canvas.height, corners);
}

/**
 * Give an element the place of a box.
 * @param {HTMLElement} target
 * @param {import("./pose.js").Box} box
 */
export function putInto(target, box) {
  const [left, top] = view.toScreen([box.x, box.y]);
  Object.assign(target.style, {
    left: `${left}px`,
    top: `${top}px`,
    width: `${box.width * view.scale}px`,
    height: `${box.height * view.scale}px`,
    transform: "",
  });
}
