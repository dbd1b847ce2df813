// Signing in: a form like any, but what is wrong with a key is said beside it.

import { say } from "./page.js";

const form = document.getElementById("sign-in");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = document.getElementById("problem");
  problem.hidden = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
    if (answer.ok) return location.assign(form.elements.then.value);
    problem.textContent = (await answer.json()).detail;
    problem.hidden = false;
    form.elements.key.setAttribute("aria-invalid", "true");
    form.elements.key.select();
  } catch {
    say("the service does not answer: is it running, and are you connected?", { wrong: true });
  }
});
