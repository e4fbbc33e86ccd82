/** Companion maps: pictures of the same size that follow the layout. */

import { ask, getJson, postFile } from "./api.js";
import { byId, element } from "./dom.js";
import { Newest, fileOf } from "./jobs.js";
import { complain } from "./notices.js";
import { addPanel, button, hint } from "./panels.js";
import { transformOf } from "./pose.js";
import { on, session } from "./session.js";

const SIDE = 480;
const jobs = new Newest();

/** The open picture's companions. @type {{id: string, name: string, type: string, channels: number}[]} */
export const companions = [];

export function startCompanions() {
  const file = element("input", { type: "file", multiple: true, hidden: true, "aria-label": "Maps to add" });
  file.id = "companion-file";
  file.onchange = () => {
    addCompanions([...file.files]);
    file.value = "";
  };
  addPanel(
    "companions",
    hint("Normals, depth, roughness or names of things, of the picture's size. Their values are copied, never mixed."),
    button("Add maps …", () => file.click()),
    file,
    element("ul", { id: "companions", class: "maps", "aria-label": "Companion maps" }),
  );
  on("picture", load);
  on(["rest", "tool"], follow);
}

/** @param {File[]} files */
export async function addCompanions(files) {
  session.setTool("companions");
  for (const file of files) {
    try {
      await postFile(`/api/pictures/${session.picture.id}/companions`, file);
    } catch (error) {
      complain(error);
    }
  }
  await load();
  follow();
}

async function load() {
  const { picture } = session;
  companions.length = 0;
  try {
    const known = await getJson(`/api/pictures/${picture.id}/companions`);
    if (session.picture === picture) companions.push(...known.companions);
  } catch (error) {
    complain(error);
  }
  byId("companions").replaceChildren(...companions.map(row));
}

function row(companion) {
  const remove = element("button", { type: "button", class: "quiet", "aria-label": `Remove ${companion.name}` }, "×");
  remove.onclick = () =>
    ask(`/api/pictures/${session.picture.id}/companions/${companion.id}`, { method: "DELETE" }).then(load, complain);
  const image = element("img", {
    src: `/api/pictures/${session.picture.id}/companions/${companion.id}/preview.png`,
    alt: `${companion.name}, laid out like the picture`,
    "data-companion": companion.id,
  });
  const about = `${companion.type}, ${companion.channels} ${companion.channels === 1 ? "channel" : "channels"}`;
  return element("li", {}, image, element("span", {}, companion.name, element("small", {}, about)), remove);
}

/** Lay the thumbnails out like the picture, as it rests. */
async function follow() {
  if (session.tool !== "companions" || companions.length === 0) return;
  try {
    const body = {
      transform: transformOf(session.pose),
      options: session.options,
      companions: companions.map((each) => each.id),
      max_side: SIDE,
    };
    const job = await jobs.run("companions/previews", body);
    for (const { id, file } of job.result.companions) {
      const image = byId("companions").querySelector(`[data-companion="${id}"]`);
      if (image) image.src = fileOf(job, file);
    }
  } catch (error) {
    complain(error);
  }
}
