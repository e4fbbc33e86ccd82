/** Opening pictures: dropped, pasted, chosen, or opened before. */

import { ask, getJson, postFile } from "./api.js";
import { byId, element } from "./dom.js";
import { complain, say } from "./notices.js";
import { session } from "./session.js";

const SLOW = 600; // milliseconds after which it is said that a picture is being opened

/** Called with files that are dropped as companions. */
let addCompanions = (files) => {};

/** @param {(files: File[]) => void} onCompanions */
export async function startOpening(onCompanions) {
  addCompanions = onCompanions;
  const file = byId("file");
  for (const id of ["open", "browse"]) byId(id).onclick = () => file.click();
  file.onchange = () => {
    if (file.files.length) openFile(file.files[0]);
    file.value = "";
  };
  document.addEventListener("paste", (event) => {
    const pasted = [...event.clipboardData.files];
    if (pasted.length) openFile(pasted[0]);
  });
  watchDrops();
  window.addEventListener("hashchange", () => location.hash.slice(1) && openPicture(location.hash.slice(1)));
  byId("home").onclick = () => {
    const start = byId("start");
    start.hidden = !start.hidden && session.picture !== null;
    if (!start.hidden) showRecent();
  };
  await first();
}

/** Open what the address names, or what the command line named. */
async function first() {
  const id = location.hash.slice(1) || session.server.start;
  if (id && (await openPicture(id))) return;
  showRecent();
}

/** @param {File} file */
export async function openFile(file) {
  const { upload_bytes: most } = session.server.limits;
  if (file.size > most) {
    say(`${file.name} has ${Math.round(file.size / 1e6)} MB; at most ${Math.round(most / 1e6)} MB can be opened.`, "error");
    return;
  }
  document.body.dataset.busy = "yes";
  const slow = setTimeout(() => say(`Opening ${file.name} …`), SLOW);
  try {
    show(await postFile("/api/pictures", file));
  } catch (error) {
    complain(error);
  } finally {
    clearTimeout(slow);
    delete document.body.dataset.busy;
  }
}

/** @param {string} id @returns {Promise<boolean>} whether it could be opened */
export async function openPicture(id) {
  if (session.picture?.id === id) {
    byId("start").hidden = true;
    return true;
  }
  try {
    show(await getJson(`/api/pictures/${encodeURIComponent(id)}`));
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

function show(picture) {
  history.replaceState(null, "", `#${picture.id}`);
  document.body.dataset.open = "yes";
  document.title = `${picture.name} – ingan-fast studio`;
  byId("start").hidden = true;
  byId("title").textContent = `${picture.name} · ${picture.size[0]} × ${picture.size[1]}`;
  for (const notice of picture.notices) say(notice);
  session.open(picture);
}

async function showRecent() {
  const { pictures } = await getJson("/api/pictures");
  const place = byId("recent");
  place.replaceChildren();
  for (const picture of pictures.filter((each) => each.preview_size).slice(0, 8)) {
    const open = element(
      "button",
      { type: "button", class: "thumbnail", "aria-label": `Open ${picture.name}`, onclick: () => openPicture(picture.id) },
      element("img", { src: `/api/pictures/${picture.id}/preview.png`, alt: "", loading: "lazy" }),
      element("span", {}, picture.name),
    );
    const forget = element("button", { type: "button", class: "quiet forget", "aria-label": `Forget ${picture.name}` }, "×");
    const card = element("div", { class: "card" }, open, forget);
    forget.onclick = () => ask(`/api/pictures/${picture.id}`, { method: "DELETE" }).then(() => card.remove(), complain);
    place.append(card);
  }
}

function watchDrops() {
  const dropping = byId("dropping");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const show = (by) => {
    depth = Math.max(0, depth + by);
    dropping.hidden = depth === 0;
  };
  document.addEventListener("dragenter", (event) => hasFiles(event) && show(1));
  document.addEventListener("dragleave", (event) => hasFiles(event) && show(-1));
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const over = event.target.closest?.("[data-drop]");
    for (const zone of dropping.children) zone.classList.toggle("over", zone === over);
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(-depth);
    const files = [...event.dataTransfer.files];
    const companion = session.picture && event.target.closest?.('[data-drop="companion"]');
    if (!companion && files.length > 1) say(`One picture is opened at a time: ${files[0].name}.`);
    if (companion) addCompanions(files);
    else if (files.length) openFile(files[0]);
  });
}
