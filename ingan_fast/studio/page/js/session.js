/**
 * What is open and what is asked of it. Other modules listen to its events:
 * picture, pose, options, keyframes, tool, rest (the hand rests after a change of the pose or the options).
 * @typedef {import("./pose.js").Pose} Pose
 */

import { debounced } from "./dom.js";
import { History } from "./history.js";
import { rectangle, samePose } from "./pose.js";

const REST = 160; // milliseconds without a change
const DEFAULTS = { keep: "auto", remove: true, variation: 0, tile: null };

class Session extends EventTarget {
  /** The server's description of the open picture. */
  picture = null;
  /** @type {Pose} */
  pose = rectangle(640, 480);
  options = { ...DEFAULTS };
  /** @type {{time: number, pose: Pose, easing: string}[]} */
  keyframes = [];
  tool = "shape";
  /** What GET /api/server said. */
  server = null;
  history = new History();
  /** When the newest change was made, as performance.now() has it. */
  changedAt = 0;
  /** Whether the pose is being dragged or played. */
  moving = false;

  #rested = debounced(() => this.#rest(), REST);

  /** Open a picture, as it was left in this tab, or in this browser. */
  open(picture) {
    this.picture = picture;
    const [width, height] = picture.size;
    const kept = recalled(picture.id);
    this.pose = kept?.pose ?? rectangle(width, height);
    this.options = { ...DEFAULTS, ...kept?.options };
    this.keyframes = kept?.keyframes ?? [];
    this.history.clear();
    this.#tell("picture");
    this.#tell("pose");
    this.#tell("options");
    this.#tell("keyframes");
    this.#rested();
  }

  /**
   * Change the pose.
   * @param {Pose} pose
   * @param {number} [at] when the hand moved
   */
  setPose(pose, at = performance.now()) {
    this.pose = pose;
    this.changedAt = at;
    this.#tell("pose");
    this.#rested();
  }

  /** Change the pose in a step that can be undone. @param {Pose} pose @param {string} what @param {Pose} [before] */
  changePose(pose, what, before = this.pose) {
    if (!samePose(before, pose)) {
      this.history.add({ what, undo: () => this.setPose(before), redo: () => this.setPose(pose) });
    }
    this.setPose(pose);
  }

  setOptions(changes) {
    Object.assign(this.options, changes);
    this.changedAt = performance.now();
    this.#tell("options");
    this.#rested();
  }

  setKeyframes(keyframes) {
    this.keyframes = keyframes;
    this.#tell("keyframes");
    this.#remember();
  }

  setTool(tool) {
    this.tool = tool;
    this.#tell("tool");
  }

  setPicture(picture) {
    this.picture = picture;
    this.#tell("description");
  }

  /** Ask for the same again, such as after a mask was stored. */
  touch() {
    this.#tell("options");
    this.#rested();
  }

  #rest() {
    if (this.picture === null) return;
    if (this.moving) {
      this.#rested();
      return;
    }
    this.#remember();
    this.#tell("rest");
  }

  #remember() {
    if (this.picture === null) return;
    const text = JSON.stringify({ pose: this.pose, options: this.options, keyframes: this.keyframes });
    for (const storage of [sessionStorage, localStorage]) {
      try {
        storage.setItem(placeOf(this.picture.id), text);
      } catch {
        // Without room in the browser's storage a reload begins anew.
      }
    }
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}

const placeOf = (id) => `ingan-fast.${id}`;

function recalled(id) {
  for (const storage of [sessionStorage, localStorage]) {
    try {
      const kept = JSON.parse(storage.getItem(placeOf(id)));
      if (kept) return kept;
    } catch {
      // Damaged, or storage is not allowed.
    }
  }
  return null;
}

export const session = new Session();

/** @param {string | string[]} names @param {() => void} run */
export function on(names, run) {
  for (const name of [names].flat()) session.addEventListener(name, run);
}
