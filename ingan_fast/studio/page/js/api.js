/** Requests to the studio's server (docs/studio_api.md). */

/** This page, for the server: jobs belong to it. A reload is a new page. */
export const client = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
  byte.toString(16).padStart(2, "0"),
).join("");

/** An answer that is an error, with the server's sentence. */
export class ApiError extends Error {
  /** @param {number} status @param {any} content */
  constructor(status, content) {
    super(sentence(content?.error ?? `the server answered with ${status}`));
    this.status = status;
    this.content = content;
  }
}

/** Why no answer came. */
export class Unreachable extends Error {
  constructor() {
    super("The studio's server can't be reached.");
  }
}

/** A server's sentence begins with a small letter, or with a file's name, and has no full stop. */
export function sentence(text) {
  const named = /^\S*\.\w/.test(text);
  const whole = named ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/**
 * Ask, and give the response of a request that was met.
 * @param {string} path
 * @param {RequestInit} [settings]
 */
export async function ask(path, settings = {}) {
  let response;
  try {
    response = await fetch(path, { ...settings, headers: { "X-Client": client, ...settings.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
  if (response.ok) return response;
  throw new ApiError(response.status, await response.json().catch(() => null));
}

/** @param {string} path */
export const getJson = async (path) => (await ask(path)).json();

/**
 * @param {string} path
 * @param {any} body
 * @param {RequestInit} [settings]
 */
export async function postJson(path, body, settings = {}) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, { method: "POST", body: JSON.stringify(body), headers, ...settings })).json();
}

/**
 * Send a file as a form.
 * @param {string} path
 * @param {File} file
 */
export async function postFile(path, file) {
  const form = new FormData();
  form.append("file", file, file.name || "pasted.png");
  return (await ask(path, { method: "POST", body: form })).json();
}
