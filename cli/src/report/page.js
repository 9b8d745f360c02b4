// Shows the stimulus below the pointer on the maps of features.
"use strict";
(() => {
  const told = (name) => {
    const element = document.getElementById(name);
    return element ? JSON.parse(element.textContent) : null;
  };
  const tip = document.getElementById("tip");
  const stimuli = told("stimuli");
  if (!stimuli) return;
  const near = (places, x, y) => {
    let best = -1, distance = 30 * 30;
    places.forEach(([px, py], index) => {
      const d = (px - x) ** 2 + (py - y) ** 2;
      if (d < distance) [best, distance] = [index, d];
    });
    return best;
  };
  const show = (index, event) => {
    tip.replaceChildren();
    if (stimuli.side) {
      const picture = document.createElement("div");
      picture.className = "sprite";
      const scale = Math.max(1, Math.floor(96 / stimuli.side));
      const side = stimuli.side * scale;
      picture.style.width = picture.style.height = side + "px";
      picture.style.backgroundSize = stimuli.columns * side + "px auto";
      const column = index % stimuli.columns, row = Math.floor(index / stimuli.columns);
      picture.style.backgroundPosition = -column * side + "px " + -row * side + "px";
      tip.append(picture);
    }
    const text = [stimuli.classes[stimuli.labels[index]], stimuli.names[index]].filter(Boolean).join(", ");
    tip.append(document.createTextNode(text));
    tip.hidden = false;
    const room = 12;
    const left = Math.min(event.clientX + room, innerWidth - tip.offsetWidth - room);
    const below = event.clientY + room;
    const top = below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - room : below;
    tip.style.left = Math.max(room, left) + "px";
    tip.style.top = Math.max(room, top) + "px";
  };
  for (const map of document.querySelectorAll("[data-places]")) {
    const places = JSON.parse(map.dataset.places);
    const chart = map.querySelector("svg");
    const moved = (event) => {
      const box = chart.getBoundingClientRect();
      const { width } = chart.viewBox.baseVal;
      const scale = width / box.width;
      const index = near(places, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
      if (index < 0) tip.hidden = true;
      else show(index, event);
    };
    chart.addEventListener("pointermove", moved);
    chart.addEventListener("pointerdown", moved);
    chart.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
})();
