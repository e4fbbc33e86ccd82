/**
 * One painted mask: a canvas of the preview's size, kept on the server with a version, and in this browser until it is
 * there. Nothing painted is lost: where another page has painted meanwhile, its newer mask is shown and this page's own
 * comes back with Undo.
 */

import { ApiError, Unreachable, ask } from "./api.js";
import { debounced } from "./dom.js";
import { complain, say } from "./notices.js";
import { session } from "./session.js";
import { meter } from "./stage.js";

const SAVED_AFTER = 350; // milliseconds after the last stroke
const RETRIED_AFTER = 3000;
const LIGHT = 127;

export class Mask extends EventTarget {
  #picture = "";
  #version = 0;
  #unsaved = false;
  #saving = false;
  #painting = false;
  #missed = 0; // version of another page that came during a stroke
  #save = debounced(() => this.save(), SAVED_AFTER);

  /**
   * @param {"keep" | "remove"} name
   * @param {HTMLCanvasElement} canvas
   * @param {[number, number, number]} colour in which it is shown
   */
  constructor(name, canvas, colour) {
    super();
    this.name = name;
    this.colour = colour;
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    window.addEventListener("pagehide", () => this.#unsaved && this.save(true));
  }

  get version() {
    return this.#version;
  }

  get empty() {
    return !this.painted().some(Boolean);
  }

  /** Take over the open picture's mask. */
  async open() {
    const { id, preview_size: size, masks } = session.picture;
    this.#save.cancel();
    this.#picture = id;
    this.#version = masks[this.name];
    this.#unsaved = false;
    this.#missed = 0;
    [this.canvas.width, this.canvas.height] = size ?? [1, 1];
    await this.#fetch();
    if (this.#picture === id) await this.#recall();
  }

  /** Which pixels are painted. @returns {Uint8Array} */
  painted() {
    const { data } = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    const found = new Uint8Array(data.length / 4);
    for (let index = 0; index < found.length; index += 1) found[index] = data[4 * index + 3] > LIGHT ? 1 : 0;
    return found;
  }

  /** Show these pixels as painted. @param {Uint8Array} painted */
  show(painted) {
    const image = this.context.createImageData(this.canvas.width, this.canvas.height);
    for (let index = 0; index < painted.length; index += 1) if (painted[index]) image.data.set([...this.colour, 255], 4 * index);
    this.context.putImageData(image, 0, 0);
    this.dispatchEvent(new Event("change"));
  }

  /** A stroke begins: news of other pages wait until it ends. */
  begin() {
    this.#painting = true;
  }

  /** A stroke ended. @param {boolean} changed whether this mask is another one now */
  end(changed) {
    this.#painting = false;
    if (changed) this.changed();
    else this.heard(this.#missed);
  }

  /** Note that something was painted: it is stored in the browser now and on the server soon. */
  changed() {
    this.#unsaved = true;
    this.#keepHere();
    this.#save();
    this.dispatchEvent(new Event("change"));
  }

  /** A mask of this picture was stored, by this page or another one. */
  async heard(version) {
    if (this.#painting) {
      this.#missed = version;
      return;
    }
    if (version <= this.#version || this.#saving || this.#unsaved) return;
    this.#version = version;
    await this.#fetch();
    say(`Another tab painted what is ${this.name === "keep" ? "kept" : "removed"}; its newer version is shown.`);
  }

  /** Store it on the server. @param {boolean} [leaving] whether the page is closing */
  async save(leaving = false) {
    if ((this.#saving || this.#painting) && !leaving) {
      this.#save();
      return;
    }
    const picture = this.#picture;
    this.#saving = true;
    this.#unsaved = false;
    try {
      const body = leaving ? fromDataUrl(this.#asPng()) : await new Promise((done) => this.#white().toBlob(done));
      const headers = { "X-Version": String(this.#version), "Content-Type": "image/png" };
      const response = await ask(this.#address(picture), { method: "PUT", body, headers, keepalive: leaving });
      const versions = await response.json();
      if (picture !== this.#picture) return;
      this.#version = versions[this.name];
      meter.masks[this.name] = this.#version;
      if (!this.#unsaved) localStorage.removeItem(this.#place());
      this.dispatchEvent(new Event("saved"));
    } catch (error) {
      if (picture === this.#picture) await this.#failed(error);
    } finally {
      this.#saving = false;
    }
  }

  async #failed(error) {
    if (error instanceof ApiError && error.status === 409) {
      await this.#takeNewer(error.content.version);
      return;
    }
    this.#unsaved = true;
    if (error instanceof Unreachable || error.status >= 500) setTimeout(() => this.#unsaved && this.save(), RETRIED_AFTER);
    else complain(error);
  }

  /** Another page has painted: show what it painted, and let Undo bring back this page's. */
  async #takeNewer(version) {
    const own = this.painted();
    this.#version = version;
    this.#unsaved = false;
    await this.#fetch();
    const newer = this.painted();
    const put = (painted) => () => {
      this.show(painted);
      this.changed();
    };
    session.history.add({ what: "the other tab's painting taken over", undo: put(own), redo: put(newer) });
    localStorage.removeItem(this.#place());
    say("Another tab painted meanwhile. Its newer version is shown; Undo brings back yours.");
    this.dispatchEvent(new Event("saved"));
  }

  async #fetch() {
    const picture = this.#picture;
    let image = null;
    try {
      if (this.#version !== 0) {
        const response = await ask(this.#address(picture));
        if (picture !== this.#picture) return;
        this.#version = Number(response.headers.get("X-Version"));
        if (response.status !== 204) image = await createImageBitmap(await response.blob());
      }
    } catch (error) {
      complain(error);
    }
    if (picture === this.#picture) this.#showImage(image);
    meter.masks[this.name] = this.#version;
  }

  /** @param {ImageBitmap | null} image white where painted, on black */
  #showImage(image) {
    const { width, height } = this.canvas;
    this.context.clearRect(0, 0, width, height);
    if (image) {
      this.context.drawImage(image, 0, 0, width, height);
      const { data } = this.context.getImageData(0, 0, width, height);
      this.show(Uint8Array.from({ length: data.length / 4 }, (_, index) => (data[4 * index] > LIGHT ? 1 : 0)));
    }
    this.dispatchEvent(new Event("change"));
  }

  #keepHere() {
    try {
      localStorage.setItem(this.#place(), JSON.stringify({ version: this.#version, png: this.#asPng() }));
    } catch {
      // No room in the browser's storage: the server has it soon.
    }
  }

  /** What an earlier page painted and could not store. */
  async #recall() {
    const kept = JSON.parse(localStorage.getItem(this.#place()) ?? "null");
    if (!kept) return;
    const image = await createImageBitmap(new Blob([fromDataUrl(kept.png)], { type: "image/png" }));
    const newer = this.#version !== kept.version && this.painted();
    this.#showImage(image);
    if (newer) {
      await this.#takeNewer(this.#version);
      return;
    }
    this.changed();
    say("What was painted before the server stopped is back.");
  }

  #address(picture) {
    return `/api/pictures/${picture}/masks/${this.name}`;
  }

  #place() {
    return `ingan-fast.mask.${this.name}.${this.#picture}`;
  }

  #asPng() {
    return this.#white().toDataURL("image/png");
  }

  /** The mask as the server takes it: white on black. */
  #white() {
    const { width, height } = this.canvas;
    const made = Object.assign(document.createElement("canvas"), { width, height });
    const context = made.getContext("2d");
    const image = context.createImageData(width, height);
    const painted = this.painted();
    for (let index = 0; index < painted.length; index += 1) {
      image.data.fill(painted[index] ? 255 : 0, 4 * index, 4 * index + 3);
      image.data[4 * index + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    return made;
  }
}

/** The bytes of a data address; `fetch` of one is not allowed by the page's policy. */
function fromDataUrl(address) {
  return Uint8Array.from(atob(address.split(",")[1]), (character) => character.charCodeAt(0));
}
