/** Outputs of the network that was trained on the open picture, to be compared with. */

import { sentence } from "./api.js";
import { Link, SOLVED } from "./link.js";
import { complain } from "./notices.js";
import { transformOf } from "./pose.js";
import { on, session } from "./session.js";

const SIDE = 1280;

/** Events: change (there is another run). */
const changes = new EventTarget();
/** Id of the newest run. */
let run = null;
/** @type {Link | null} */
let link = null;
let shown = "";

export function startTrained() {
  on("picture", () => setTrained(session.picture.trained.at(-1) ?? null));
  on("tool", () => session.tool === "compare" || close());
}

export const trainedRun = () => run;

/** @param {() => void} listener */
export const onTrained = (listener) => changes.addEventListener("change", listener);

/** There is a run, or its network is newer. @param {string | null} id */
export function setTrained(id) {
  run = id;
  shown = "";
  close();
  changes.dispatchEvent(new Event("change"));
}

function close() {
  link?.close();
  link = null;
}

/** Draw the network's output for the present pose. @param {HTMLCanvasElement} canvas */
export function trainedShown(canvas) {
  const transform = transformOf(session.pose);
  const wanted = `${run} ${JSON.stringify(transform)}`;
  if (!run || shown === wanted) return;
  shown = wanted;
  const ask = () => link?.ask({ transform, options: {}, max_side: SIDE, solved: true }, wanted);
  if (link) {
    ask();
    return;
  }
  link = new Link(run);
  link.addEventListener("open", ask);
  link.addEventListener("error", ({ detail }) => complain(new Error(sentence(detail.error))));
  link.addEventListener("frame", ({ detail: frame }) => {
    if (!(frame.flags & SOLVED)) return;
    [canvas.width, canvas.height] = [frame.width, frame.height];
    canvas.getContext("2d").putImageData(new ImageData(frame.pixels, frame.width, frame.height), 0, 0);
    canvas.dataset.shown = frame.asked;
  });
}
