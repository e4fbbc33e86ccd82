/** A brush on an area: by pointer (with its pressure's stroke between events) or by keys. */

import { announce } from "./notices.js";
import { session } from "./session.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.01; // of the picture's longer side
const LARGE = 5;

/** @typedef {[number, number]} Point  in pixels of the preview */

export class Brush {
  #stroke = null;
  /** @type {Point} */
  #at = [0, 0];

  /**
   * @param {HTMLElement} area
   * @param {HTMLElement} ring shows where the brush is
   * @param {{size: () => number, begin: () => {line: (from: Point, to: Point, width: number) => void, end: () => void}}} use
   */
  constructor(area, ring, use) {
    this.area = area;
    this.ring = ring;
    this.use = use;
    area.onpointerdown = (event) => this.#press(event);
    area.onpointermove = (event) => this.#move(event);
    area.onpointerup = area.onpointercancel = () => this.#end();
    area.onpointerleave = () => this.#stroke || this.#showRing(false);
    area.onkeydown = (event) => this.#key(event);
    area.onfocus = () => area.matches(":focus-visible") && this.#appear();
    area.onblur = () => {
      this.#end();
      this.#showRing(false);
    };
  }

  /** Screen pixels for each pixel of the preview. */
  get #scale() {
    return this.area.clientWidth / session.picture.preview_size[0];
  }

  /** @param {PointerEvent} event @returns {Point} */
  #place(event) {
    const box = this.area.getBoundingClientRect();
    return [(event.clientX - box.left) / this.#scale, (event.clientY - box.top) / this.#scale];
  }

  #press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.area.focus({ preventScroll: true, focusVisible: false });
    this.area.setPointerCapture(event.pointerId);
    this.#end();
    this.#at = this.#place(event);
    this.#stroke = this.use.begin();
    this.#line(this.#at);
  }

  #move(event) {
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length ? steps : [event]) {
      const to = this.#place(step);
      if (this.#stroke) this.#line(to);
      this.#at = to;
    }
    this.#showRing(true);
  }

  #line(to) {
    this.#stroke.line(this.#at, to, this.use.size());
  }

  #end() {
    const stroke = this.#stroke;
    this.#stroke = null;
    stroke?.end();
  }

  /** Show the brush to keys, in the middle. */
  #appear() {
    const [width, height] = session.picture.preview_size;
    if (this.ring.hidden) this.#at = [width / 2, height / 2];
    this.#showRing(true);
  }

  #key(event) {
    const [width, height] = session.picture.preview_size;
    const arrow = ARROWS[event.key];
    if (arrow || event.key === " ") this.#appear();
    if (arrow) {
      const step = STEP * Math.max(width, height) * (event.shiftKey ? LARGE : 1);
      const to = [this.#at[0] + arrow[0] * step, this.#at[1] + arrow[1] * step];
      const within = /** @type {Point} */ ([Math.min(width, Math.max(0, to[0])), Math.min(height, Math.max(0, to[1]))]);
      if (this.#stroke) this.#line(within);
      this.#at = within;
      this.#showRing(true);
    } else if (event.key === " " && !this.#stroke) {
      this.#stroke = this.use.begin();
      this.#line(this.#at);
      announce("Painting; Space or Escape stops.");
    } else if (event.key === " " || event.key === "Escape") {
      this.#end();
      announce("The brush is lifted.");
    } else return;
    event.preventDefault();
  }

  #showRing(shown) {
    this.ring.hidden = !shown;
    const size = this.use.size() * this.#scale;
    Object.assign(this.ring.style, {
      width: `${size}px`,
      height: `${size}px`,
      translate: `${this.#at[0] * this.#scale - size / 2}px ${this.#at[1] * this.#scale - size / 2}px`,
    });
  }
}
