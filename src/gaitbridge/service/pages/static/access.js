// A new key, shown once.

import { move, say } from "./page.js";

const form = document.getElementById("new-key");
const shown = document.getElementById("made");

form?.addEventListener("answered", (event) => {
  event.preventDefault();
  document.getElementById("made-key").textContent = event.detail.key;
  shown.showModal();
});
document.getElementById("made-copy")?.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(document.getElementById("made-key").textContent);
    say("Copied.");
  } catch {
    say("this browser does not let it be copied: mark it and copy it yourself", { wrong: true });
  }
});
document.getElementById("made-done")?.addEventListener("click", () => move("/access"));
