// Recordings dropped or chosen, sent one after another with their progress.

import { move, say } from "./page.js";

const form = document.getElementById("upload");
const token = document.querySelector('meta[name="csrf-token"]').content;

for (const kind of ["dragover", "dragenter"]) {
  form.addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
}
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  sendAll(event.dataTransfer.files);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  sendAll(form.elements.files.files);
});

async function sendAll(files) {
  const taken = [];
  for (const file of files) {
    try {
      taken.push(await sendOne(file));
    } catch (error) {
      say(`${file.name}: ${error.message}`, { wrong: true });
    }
  }
  if (taken.length === 1 && files.length === 1) move(`/recordings/${encodeURIComponent(taken[0].id)}`);
  else if (taken.length) move("/recordings", `${taken.length} recordings taken in.`);
}

function sendOne(file) {
  const line = document.createElement("div");
  const words = document.createElement("p");
  const bar = document.createElement("progress");
  words.textContent = `Sending ${file.name}`;
  bar.setAttribute("aria-label", words.textContent);
  bar.max = 1;
  line.append(words, bar);
  document.getElementById("sending").append(line);
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of what was sent
    const query = new URLSearchParams();
    if (form.elements.site.value.trim()) query.set("site", form.elements.site.value.trim());
    request.open("POST", `/v1/recordings?${query}`);
    request.setRequestHeader("X-CSRF-Token", token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => (bar.value = event.loaded / event.total));
    request.addEventListener("error", () => failed(new Error("the connection broke: try again")));
    request.addEventListener("load", () => {
      const answer = JSON.parse(request.responseText || "{}");
      if (request.status < 300) done(answer);
      else failed(new Error(answer.detail || `the service answers ${request.status}`));
    });
    request.addEventListener("loadend", () => line.remove());
    request.send(file);
  });
}
