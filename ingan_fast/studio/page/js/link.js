/**
 * The WebSocket of one picture: frames by request, the newest wins, and news of the server. It connects again by itself.
 * @typedef {{seq: number, width: number, height: number, full: [number, number], flags: number,
 *   milliseconds: number, pixels: Uint8ClampedArray<ArrayBuffer>, asked: any}} Frame
 */

import { client } from "./api.js";

const HEADER = 32;
const MAGIC = 0x31464749;
const RAW = 0;
const PAUSES = [300, 700, 1500, 3000, 5000]; // milliseconds before it connects again
const REMEMBERED = 400; // requests without an answer
const REFUSED = 1008; // why the server closes a socket for good

export const PROVISIONAL = 1;
export const SOLVED = 2;
export const APPROXIMATE = 4;
export const FLAT = 8;

export class Link extends EventTarget {
  #socket = null;
  #seq = 0;
  #asked = new Map();
  #failures = 0;
  #closed = false;
  #timer = 0;

  /** @param {string} picture its id */
  constructor(picture) {
    super();
    this.picture = picture;
    this.#connect();
  }

  /** How many frames were asked for and have not come, apart from those that take their time. */
  get waiting() {
    let count = 0;
    for (const { solved } of this.#asked.values()) count += solved ? 0 : 1;
    return count;
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /**
   * Ask for a frame.
   * @param {{transform: any, options: any, max_side: number, solved: boolean, flat?: boolean}} request
   * @param {any} about what the frame will have as `asked`
   * @returns {number} the request's number, 0 while there is no connection
   */
  ask(request, about) {
    if (!this.open) return 0;
    this.#seq += 1;
    this.#asked.set(this.#seq, { about, solved: request.solved });
    if (this.#asked.size > REMEMBERED) this.#asked.delete(this.#asked.keys().next().value);
    this.#socket.send(JSON.stringify({ type: "frame", seq: this.#seq, ...request }));
    return this.#seq;
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const address = `${scheme}://${location.host}/api/pictures/${this.picture}/frames?client=${client}`;
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#failures = 0;
      this.#tell("open");
    };
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#news(JSON.parse(data)) : this.#frame(data));
    socket.onclose = ({ code }) => {
      this.#asked.clear();
      if (this.#closed || this.#socket !== socket) return;
      if (code === REFUSED) return;
      this.#tell("lost");
      this.#timer = setTimeout(() => this.#connect(), PAUSES[Math.min(this.#failures, PAUSES.length - 1)]);
      this.#failures += 1;
    };
    this.#socket = socket;
  }

  /** @param {ArrayBuffer} data */
  #frame(data) {
    const view = new DataView(data);
    if (view.getUint32(0, true) !== MAGIC || view.getUint16(16, true) !== RAW) return;
    const number = (offset) => view.getUint32(offset, true);
    const seq = number(4);
    const flags = view.getUint16(18, true);
    const asked = this.#answered(seq);
    if (asked === undefined) return;
    this.#tell("frame", {
      seq,
      width: number(8),
      height: number(12),
      flags,
      milliseconds: view.getFloat32(20, true),
      full: [number(24), number(28)],
      pixels: new Uint8ClampedArray(data, HEADER),
      asked,
    });
  }

  /** Forget a request and those before it, which the server dropped; returns what was said about it. */
  #answered(seq) {
    const asked = this.#asked.get(seq);
    for (const older of this.#asked.keys()) if (older <= seq) this.#asked.delete(older);
    return asked?.about;
  }

  #news(news) {
    if (news.event === "error") this.#answered(news.seq);
    this.#tell(news.event, news);
  }

  #tell(name, detail = null) {
    if (!this.#closed) this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
