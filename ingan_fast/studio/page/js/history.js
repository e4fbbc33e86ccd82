/** Undo and redo, for shapes and for strokes alike. */

const KEPT = 60;

/** @typedef {{what: string, undo: () => void, redo: () => void}} Step */

export class History extends EventTarget {
  /** @type {Step[]} */ #done = [];
  /** @type {Step[]} */ #undone = [];

  /** Note a step that was made. @param {Step} step */
  add(step) {
    this.#done.push(step);
    if (this.#done.length > KEPT) this.#done.shift();
    this.#undone = [];
    this.#tell();
  }

  undo() {
    const step = this.#done.pop();
    if (!step) return;
    step.undo();
    this.#undone.push(step);
    this.#tell(`Undone: ${step.what}`);
  }

  redo() {
    const step = this.#undone.pop();
    if (!step) return;
    step.redo();
    this.#done.push(step);
    this.#tell(`Redone: ${step.what}`);
  }

  clear() {
    this.#done = [];
    this.#undone = [];
    this.#tell();
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  #tell(said = "") {
    this.dispatchEvent(new CustomEvent("change", { detail: said }));
  }
}
