/** The divider between two pictures: dragged, or moved by keys. */

const STEPS = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10 };

/**
 * @param {HTMLElement} divider
 * @param {HTMLElement} area which has the part, in per cent, as its property --part
 */
export function startSlider(divider, area) {
  let part = 50;
  const set = (value) => {
    part = Math.min(100, Math.max(0, value));
    area.style.setProperty("--part", `${part}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(part)));
  };
  divider.onpointerdown = (event) => {
    divider.setPointerCapture(event.pointerId);
    divider.onpointermove = (move) => {
      const box = area.getBoundingClientRect();
      set((100 * (move.clientX - box.left)) / box.width);
    };
  };
  divider.onlostpointercapture = () => {
    divider.onpointermove = null;
  };
  divider.onkeydown = (event) => {
    const ends = { Home: 0, End: 100 };
    if (event.key in ends) set(ends[event.key]);
    else if (event.key in STEPS) set(part + STEPS[event.key] * (event.shiftKey ? 5 : 1));
    else return;
    event.preventDefault();
  };
  set(part);
}
