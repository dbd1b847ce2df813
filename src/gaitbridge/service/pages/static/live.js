// When the service tells of a walk, the list is fetched anew as the service makes it: there is one way in which a walk is shown.

import { localTimes } from "./page.js";

const list = document.getElementById("events");
const state = document.getElementById("state");
const pause = document.getElementById("pause");
const LEAST_MS = 1000; // between two lists

let waiting = 0; // walks told of that are not shown
let shown = 0; // when
let planned = false;

const events = new EventSource(list.dataset.events);
events.addEventListener("open", say);
events.addEventListener("error", say);
for (const kind of list.dataset.kinds.split(" ")) {
  events.addEventListener(kind, () => {
    waiting += 1;
    say();
    plan();
  });
}
pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!paused()));
  say();
  plan();
});

function paused() {
  return pause.getAttribute("aria-pressed") === "true";
}

function say() {
  const open = events.readyState === EventSource.OPEN;
  const words = paused() ? `paused, ${waiting} waiting` : open ? "connected" : events.readyState === EventSource.CLOSED ? "not connected: load the page again" : "connecting";
  state.textContent = words;
  state.className = `badge ${open && !paused() ? "right" : "doubt"}`;
}

function plan() {
  if (planned || paused() || !waiting) return;
  planned = true;
  setTimeout(renew, Math.max(0, shown + LEAST_MS - Date.now()));
}

async function renew() {
  planned = false;
  if (paused()) return;
  waiting = 0;
  shown = Date.now();
  try {
    const answer = await fetch("/live", { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return location.reload();
    const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("events");
    const before = new Set([...list.children].map((one) => one.id));
    const focused = document.activeElement?.closest("#events > li")?.id;
    for (const one of made.children) one.classList.toggle("new", !before.has(one.id));
    localTimes(made);
    list.replaceChildren(...made.children);
    if (focused) document.getElementById(focused)?.querySelector("a")?.focus();
    document.getElementById("none").hidden = list.children.length > 0;
  } catch {
    say();
  }
  plan();
}
