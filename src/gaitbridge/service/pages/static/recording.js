// The progress of a recording, as the service tells it; then its walkers.

import { move, say } from "./page.js";

const place = document.getElementById("progress");

if (place) {
  const words = document.getElementById("progress-words");
  const bar = document.getElementById("progress-bar");
  const events = new EventSource(place.dataset.events);
  events.addEventListener("progress", (event) => {
    const job = JSON.parse(event.data);
    const { done = 0, total = 0, note = "" } = job.progress || {};
    if (total) bar.value = done / total;
    else bar.removeAttribute("value");
    const said = note ? `${job.state}: ${note}` : job.state;
    if (words.textContent !== said) words.textContent = said;
  });
  for (const kind of ["done", "failed"]) {
    events.addEventListener(kind, () => {
      events.close();
      location.reload();
    });
  }
  events.addEventListener("forgotten", () => {
    events.close();
    move("/recordings", "The recording was forgotten.");
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) say("the service tells no more of this recording: load the page again", { wrong: true });
  });
}
