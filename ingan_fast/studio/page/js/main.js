/** The studio's page. */

import { getJson } from "./api.js";
import { startCompare } from "./compare.js";
import { addCompanions, startCompanions } from "./companions.js";
import { byId, icon } from "./dom.js";
import { startHandles } from "./handles.js";
import { announce, banner } from "./notices.js";
import { startOpening } from "./opening.js";
import { startMove } from "./move.js";
import { startPaint } from "./paint.js";
import { startPanels } from "./panels.js";
import { session } from "./session.js";
import { startShape } from "./shape.js";
import { startStage } from "./stage.js";
import { startTakeHome } from "./take_home.js";
import { startTiles } from "./tiles.js";
import { startTheme } from "./theme.js";
import { startTrain } from "./train.js";
import { startTrained } from "./trained.js";
import { startVariations } from "./variations.js";

const TOOLS = [
  startShape,
  startPaint,
  startTrained,
  startCompare,
  startVariations,
  startTiles,
  startCompanions,
  startTrain,
  startMove,
  startTakeHome,
];

async function start() {
  history.replaceState(null, "", location.pathname + location.hash); // without the token
  startTheme();
  startHistory();
  try {
    session.server = await getJson("/api/server");
  } catch (error) {
    banner(error.message);
    return;
  }
  for (const begin of TOOLS) begin();
  startPanels();
  startHandles();
  startStage();
  await startOpening(addCompanions);
}

function startHistory() {
  const { history: steps } = session;
  const [undo, redo] = [byId("undo"), byId("redo")];
  undo.append(icon("undo"));
  redo.append(icon("redo"));
  undo.onclick = () => steps.undo();
  redo.onclick = () => steps.redo();
  steps.addEventListener("change", ({ detail }) => {
    undo.disabled = !steps.canUndo;
    redo.disabled = !steps.canRedo;
    if (detail) announce(detail);
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input[type=number], input[type=text], textarea");
    if (typing || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) steps.undo();
    else if (key === "y" || key === "z") steps.redo();
    else return;
    event.preventDefault();
  });
}

start();
