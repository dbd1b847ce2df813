// What every page shares: asking the service, saying what came of it, dialogs, forms that change something, moving strips, times.

const TOKEN = document.querySelector('meta[name="csrf-token"]').content;
const LATER = "gaitbridge-said"; // what is to be said on the page that follows

/** Ask the service. Gives its document (null without one); an Error in its own words where it refuses, with `status`. */
export async function ask(method, path, body) {
  const headers = { "X-CSRF-Token": TOKEN, Accept: "application/json" };
  if (body !== undefined && !(body instanceof Blob)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, credentials: "same-origin" });
  } catch {
    throw new Error("the service does not answer: is it running, and are you connected?");
  }
  const text = await answer.text();
  const document_ = text && /json/.test(answer.headers.get("content-type") || "") ? JSON.parse(text) : null;
  if (answer.ok) return document_;
  if (answer.status === 401) location.assign(`/sign-in?then=${encodeURIComponent(location.pathname + location.search)}`);
  throw Object.assign(new Error(document_?.detail || `the service answers ${answer.status}`), { status: answer.status });
}

/** Say something at the foot of the page, and to a screen reader. undo: {method, path, body} that takes it back. */
export function say(words, { wrong = false, undo = null } = {}) {
  const place = document.getElementById("said");
  const line = document.createElement("div");
  const text = document.createElement("span");
  text.textContent = words;
  line.append(text);
  if (wrong) line.className = "wrong";
  if (undo) line.append(button("Undo", () => takeBack(line, undo)));
  line.append(button("Close", () => line.remove()));
  place.append(line);
  while (place.children.length > 3) place.firstChild.remove();
  if (!wrong && !undo) setTimeout(() => line.remove(), 8000);
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

async function takeBack(line, undo) {
  try {
    await ask(undo.method, undo.path, undo.body);
    await move(undo.then || location.href, "Undone.");
  } catch (error) {
    line.remove();
    say(error.message, { wrong: true });
  }
}

/** Go to a page (or load this one again) and say something there; `focus` is the id of what has the keyboard there. */
export function move(to, words = "", undo = null, focus = "") {
  if (words) sessionStorage.setItem(LATER, JSON.stringify({ words, undo, focus }));
  const same = new URL(to, location.href);
  if (same.pathname + same.search === location.pathname + location.search) location.reload();
  else location.assign(to);
}

function sayWhatWasLeft() {
  const left = sessionStorage.getItem(LATER);
  if (!left) return;
  sessionStorage.removeItem(LATER);
  const { words, undo, focus } = JSON.parse(left);
  document.getElementById(focus)?.focus();
  setTimeout(() => say(words, { undo }), 250); // a region that is filled while the page loads is not read out
}

/** The fields of a form as a document: numbers as numbers, several boxes of one name as a list, empty fields left out. */
export function fields(form) {
  const found = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || (["checkbox", "radio"].includes(field.type) && !field.checked)) continue;
    const value = field.type === "number" ? field.valueAsNumber : field.value.trim();
    if (field.type === "checkbox" && field.dataset.list !== undefined) (found[field.name] ||= []).push(value);
    else if (field.type === "checkbox") found[field.name] = true;
    else if (value !== "" && !Number.isNaN(value)) found[field.name] = value;
  }
  return found;
}

/**
 * A form with data-call="METHOD PATH" is sent as a document to the service. {field} in the path is a field of the form.
 * data-said: what to say then; data-then: where to go; data-focus: what has the keyboard there; data-body: "none" sends no document;
 * data-undone: where to go when it was undone; data-keeps: "no" offers no undoing.
 */
async function send(form) {
  const [method, pattern] = form.dataset.call.split(" ");
  const values = fields(form);
  const path = pattern.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    delete values[name];
    return encodeURIComponent(value);
  });
  const filled = (text) => text.replace(/\{(\w+)\}/g, (_, name) => form.elements[name]?.value.trim() ?? "");
  const chief = [...form.querySelectorAll("button")];
  chief.forEach((one) => (one.disabled = true));
  try {
    const answer = await ask(method, path, form.dataset.body === "none" ? undefined : values);
    if (form.dispatchEvent(new CustomEvent("answered", { detail: answer, cancelable: true }))) {
      const undo = answer?.undo && form.dataset.keeps !== "no" ? { method: "POST", path: `/v1/undo/${encodeURIComponent(answer.undo)}`, then: form.dataset.undone || location.href } : null;
      const to = (form.dataset.then || location.href).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements[name]?.value.trim() ?? ""));
      const more = answer?.remains ? ` ${answer.remains}` : ""; // what could not be done at once
      move(to, filled(form.dataset.said ?? "Done.") + more, undo, form.dataset.focus || "");
    }
  } catch (error) {
    form.closest("dialog")?.close();
    say(error.message, { wrong: true });
  }
  chief.forEach((one) => (one.disabled = false));
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.call) return;
  event.preventDefault();
  send(event.target);
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog").close();
  const filler = event.target.closest("[data-fills]");
  if (filler) {
    const field = document.getElementById(filler.dataset.fills);
    field.value = filler.value;
    field.focus();
  }
});

/** Moving pictures may be held still: WCAG 2.2.2. */
function holdStill() {
  const control = document.getElementById("still");
  if (!control) return;
  const show = (still) => {
    document.body.classList.toggle("still", still);
    control.setAttribute("aria-pressed", String(still));
  };
  show(localStorage.getItem("gaitbridge-still") === "yes");
  control.hidden = false;
  control.addEventListener("click", () => {
    const still = control.getAttribute("aria-pressed") !== "true";
    localStorage.setItem("gaitbridge-still", still ? "yes" : "no");
    show(still);
  });
}

/** Times stand in the page in UTC; here as the clock on the wall says. */
export function localTimes(within = document) {
  const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const one of within.querySelectorAll("time[datetime]:not([data-day])")) {
    const instant = new Date(one.dateTime);
    if (Number.isNaN(instant.valueOf())) continue;
    one.title = one.dateTime;
    one.textContent = form.format(instant);
  }
}

/** Fields that take a name offer those that hold what was typed. */
let asked = "";
document.addEventListener("input", async (event) => {
  const list = event.target.list;
  const typed = event.target.value.trim();
  if (!list || !typed || typed === asked) return;
  asked = typed;
  try {
    const found = await ask("GET", `/v1/people?${new URLSearchParams({ search: typed, limit: 20 })}`);
    if (asked === typed) list.replaceChildren(...found.people.map((one) => new Option("", one.person)));
  } catch {
    list.replaceChildren(); // offers are a help alone: what is wrong is said when the form is sent
  }
});

for (const one of document.querySelectorAll(".needs-script")) one.hidden = false;
localTimes();
holdStill();
sayWhatWasLeft();
