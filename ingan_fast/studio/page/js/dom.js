/** Small helpers for elements. */

/**
 * The element with this id.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element. Properties whose names have a dash, and role, for and class, are set as attributes.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || ["role", "for", "class"].includes(name)) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/**
 * An icon of icons.svg.
 * @param {string} name
 */
export function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  drawing.append(use);
  return drawing;
}

/**
 * Call a function once, `delay` milliseconds after the last call.
 * @param {() => void} run
 * @param {number} delay
 */
export function debounced(run, delay) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(run, delay);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** Whether the user asked for little motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * A time for people: "40 s", "3 min", "2 h 5 min".
 * @param {number} seconds
 */
export function inWords(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The value of the checked radio button in a group. */
export const chosen = (form, name) => form.querySelector(`[name="${name}"]:checked`)?.value;
