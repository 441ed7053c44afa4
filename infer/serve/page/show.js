"use strict";
// What is shown of the queue: the tiles, the progress, and one item in the viewer.

// show puts an item into the viewer.
function show(item) {
  queue.shown = item;
  viewer.fitted = true;
  if (item) {
    $("before").removeAttribute("src");
    if (item.tile) item.tile.input.checked = true;
  }
  showAgain();
  paint();
}

// showAgain shows the images that there are of the shown item.
async function showAgain() {
  const item = queue.shown, before = $("before"), after = $("after");
  if (!item || !choice.model) return;
  const result = item.results.get(choice.key());
  const isCurrent = () => item === queue.shown && result === item.results.get(choice.key());
  await measure(item);
  if (!isCurrent()) return;
  if (item.view) showIn(before, item.view);
  paint();
  if (!result) return;
  if (!item.view) await (item.previewed ??= preview(item, item.file));
  await (result.loaded ??= loadImage(result.url).then(image => see(result, image), () => preview(result, result.blob)));
  if (!isCurrent()) return;
  if (item.view) showIn(before, item.view);
  if (result.view) {
    showIn(after, result.view);
    await after.decode().catch(() => { /* it was replaced */ });
    if (!isCurrent()) return;
    if (!result.seen && item.view) {
      result.seen = true;
      reveal();
    }
  }
  paint();
}

// showIn gives an element an image, if it has another one.
function showIn(element, url) {
  if (element.getAttribute("src") !== url) element.src = url;
}

// paint draws the state of the queue and of the shown item.
function paint() {
  const { items, shown } = queue, some = items.length > 0;
  $("empty").hidden = some;
  $("view").hidden = $("queue").hidden = !some;
  if (!choice.model || !some) return;
  for (const item of items) paintTile(item);
  $("tiles").hidden = items.length < 2;
  paintShown(shown);
  const done = inState("done"), failed = inState("failed"), left = items.length - done.length - failed.length;
  const text = `${done.length} of ${items.length} converted` + (failed.length ? `, ${failed.length} failed` : "");
  $("counts").textContent = text;
  $("progress").max = items.length;
  $("progress").value = done.length + failed.length;
  $("progress").hidden = left === 0;
  $("zip").hidden = done.length < 2;
  $("retryAll").hidden = failed.every(isFinal);
  $("again").hidden = !done.some(item => item.results.get(choice.key()).step !== choice.step());
  $("stop").hidden = left === 0;
  $("stop").textContent = queue.stopped ? "Continue" : "Stop";
  say(queue.reason || (queue.stopped ? "Stopped. " + text : left ? "Converting " + plural(items.length, "image") : text));
}

// say tells a screen reader what has changed.
function say(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

function paintTile(item) {
  if (!item.tile) {
    const input = element("input", { type: "radio", name: "shown", checked: item === queue.shown });
    const canvas = element("canvas", { width: 4, height: 3 }), text = element("span", { className: "state" });
    canvas.setAttribute("aria-hidden", "true");
    const label = element("label", { className: "tile", title: item.file.name }, input, canvas, element("span", {}, item.file.name), text);
    input.addEventListener("change", () => show(item));
    input.addEventListener("keydown", event => { if (event.key === "Delete") remove(item); });
    item.tile = { label, input, canvas, text };
    $("tiles").append(label);
  }
  const now = state(item);
  if (item.tile.state === now) return; // every change makes the browser arrange all tiles
  item.tile.state = now;
  item.tile.label.classList.toggle("failed", now === "failed");
  item.tile.text.textContent = { done: "✓ done", converting: "converting …", failed: "✗ failed", waiting: "waiting" }[now];
}

function paintShown(item) {
  const now = state(item), result = item.results.get(choice.key()), box = $("viewport");
  const isIn = (id, held) => Boolean(held?.view) && $(id).getAttribute("src") === held.view;
  const canBefore = isIn("before", item), canAfter = isIn("after", result), both = canBefore && canAfter;
  viewer.width = (both || !canBefore ? result?.width : item.width) || item.width || 4;
  viewer.height = (both || !canBefore ? result?.height : item.height) || item.height || 3;
  box.classList.toggle("alone", !both);
  box.classList.toggle("bare", !canBefore && !canAfter);
  for (const button of document.querySelectorAll(".group button")) button.disabled = !canBefore && !canAfter;
  $("before").hidden = !canBefore;
  $("after").hidden = !canAfter;
  $("before").alt = both ? "" : item.file.name;
  box.setAttribute("aria-label", item.file.name + (both ? ", before and after" : ""));
  $("tagBefore").textContent = choice.from();
  $("tagAfter").textContent = choice.generator.to ? capital(choice.generator.to) : "After";
  arrange();
  paintVeil(item, now, canBefore, canAfter);
  $("facts").textContent = [item.file.name, item.width && `${item.width} × ${item.height}`, megabytes(item.file.size)].filter(Boolean).join(" · ");
  if (result) Object.assign($("download"), { href: result.url, download: result.name });
  else $("download").removeAttribute("href");
  $("download").ariaDisabled = !result;
  $("notes").textContent = result && result.notes ? "Note: " + result.notes : "";
}

// paintVeil says in the viewer what is not to be seen.
function paintVeil(item, now, canBefore, canAfter) {
  const waits = queue.stopped ? "Stopped" : queue.reason || "Waiting …";
  let text = { converting: "Converting …", waiting: waits, failed: item.errors.get(choice.key())?.message, done: "" }[now];
  if (now === "done" && !canAfter) {
    text = item.results.get(choice.key()).view !== null ? "Loading …" : "Done. This browser cannot show the result, but you can download it.";
  } else if (now === "done" && !canBefore) {
    text = "This browser cannot show the original, so here is the result alone.";
  }
  $("veilText").textContent = text;
  $("retry").hidden = now !== "failed" || isFinal(item);
  $("veil").hidden = !text;
  $("veil").classList.toggle("busy", now === "converting" || text === "Loading …");
}
