/** Plays a film on the stage: poses one after another, drawn by the server. */

import { poseAt } from "./easing.js";
import { frameOf } from "./film.js";
import { session } from "./session.js";
import { view } from "./view.js";

export class Player extends EventTarget {
  #playing = 0;
  #before = null;

  get playing() {
    return this.#playing !== 0;
  }

  /** @param {import("./easing.js").Keyframe[]} film @param {boolean} loop */
  play(film, loop) {
    this.#before = session.pose;
    session.moving = true;
    document.body.dataset.playing = "yes";
    view.fit(frameOf(film), { force: true });
    const began = performance.now();
    const length = film.at(-1).time;
    const step = () => {
      const seconds = (performance.now() - began) / 1000;
      if (!loop && seconds >= length) {
        this.stop();
        return;
      }
      const time = seconds % length;
      session.setPose(poseAt(film, time));
      this.dispatchEvent(new CustomEvent("time", { detail: time }));
      this.#playing = requestAnimationFrame(step);
    };
    this.#playing = requestAnimationFrame(step);
    this.dispatchEvent(new Event("change"));
  }

  /** Stop, and show again what was there before. */
  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.#playing);
    this.#playing = 0;
    session.moving = false;
    delete document.body.dataset.playing;
    session.setPose(this.#before);
    this.dispatchEvent(new Event("change"));
  }
}
