// What the page does besides showing: it shows times as those of the reader, and itself anew
// whenever something has happened. Without this script it is complete, but stands still.
"use strict";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function localTimes(within) {
  for (const time of within.querySelectorAll("time")) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// Whether somebody is about to enter something, which must not be taken from under their hands.
function isBusy() {
  const at = document.activeElement;
  return at && at.closest("main") && ["INPUT", "SELECT"].includes(at.tagName);
}

// Where the keyboard was, so that it is there again.
function place(within) {
  const all = [...within.querySelectorAll("a, button, input, select")];
  return all.indexOf(document.activeElement);
}

let isLoading = false;
async function refresh() {
  if (isLoading || isBusy() || document.hidden) return;
  isLoading = true;
  try {
    const answer = await fetch(location.href, { redirect: "manual" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [old, now] = [document, fresh].map((of) => of.querySelector("main"));
    if (isBusy() || !now) return;
    localTimes(now);
    const nth = place(old);
    // The verdict stays the same element, so that it is read aloud if and only if it changes.
    const [said, verdict] = [old, now].map((of) => of.querySelector("#verdict"));
    if (said.textContent !== verdict.textContent) {
      said.textContent = verdict.textContent;
      said.className = verdict.className;
    }
    while (said.nextSibling) said.nextSibling.remove();
    while (verdict.nextSibling) old.append(verdict.nextSibling);
    document.title = fresh.title;
    if (nth >= 0) old.querySelectorAll("a, button, input, select")[nth]?.focus();
  } catch {
    // It may be between two runs. The next news come from the new one.
  } finally {
    isLoading = false;
  }
}

localTimes(document);
if (document.querySelector("#verdict")) {
  const news = new EventSource("/events?after=" + document.body.dataset.version);
  news.addEventListener("message", refresh);
  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, 30000);
}
