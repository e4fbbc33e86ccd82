/** Where the plane of poses lies on the stage: a scale and an offset, in CSS pixels. */

import { byId, calm } from "./dom.js";

const GLIDE = 220; // milliseconds
const LARGEST = 3; // CSS pixels for each pixel of the full resolution

class View extends EventTarget {
  scale = 1;
  x = 0;
  y = 0;
  #animation = 0;

  /** @param {[number, number]} point */
  toScreen([x, y]) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  /** The stage's size. */
  get room() {
    const ground = byId("ground");
    return { width: ground.clientWidth, height: ground.clientHeight };
  }

  /**
   * Bring a box to the middle; its size on the screen changes only where it would be too large or too small.
   * @param {import("./pose.js").Box} box
   * @param {{glide?: boolean, force?: boolean}} [how] force: also change a size that would do
   */
  fit(box, { glide = true, force = false } = {}) {
    const { width, height } = this.room;
    if (!width || !height) return;
    const [across, down] = [width, height].map((side) => side - 2 * (width < 600 ? 30 : 0.06 * side + 34));
    const best = Math.min(LARGEST, across / box.width, down / box.height);
    const scale = force || this.scale > best || this.scale < 0.7 * best ? best : this.scale;
    const to = {
      scale,
      x: width / 2 - (box.x + box.width / 2) * scale,
      y: height / 2 - (box.y + box.height / 2) * scale,
    };
    this.#go(to, glide && !calm());
  }

  #go(to, glide) {
    cancelAnimationFrame(this.#animation);
    const from = { scale: this.scale, x: this.x, y: this.y };
    const began = performance.now();
    const step = () => {
      const part = glide ? Math.min(1, (performance.now() - began) / GLIDE) : 1;
      const eased = 1 - (1 - part) ** 3;
      for (const name of ["scale", "x", "y"]) this[name] = from[name] + (to[name] - from[name]) * eased;
      this.dispatchEvent(new Event("change"));
      if (part < 1) this.#animation = requestAnimationFrame(step);
    };
    step();
  }

  /** End a glide where it is, as when a hand takes hold. */
  hold() {
    cancelAnimationFrame(this.#animation);
  }
}

export const view = new View();
