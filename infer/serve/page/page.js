"use strict";
// The page: what the server offers, what the user chooses, and what is shown of the queue.

const choice = {
  models: [],
  limits: { max_bytes: Infinity, max_pixels: Infinity },
  wanted: recall("localStorage", "choice") || {},
  model: null, generator: null, // of models, and one of the model's directions
  format: "",

  key() {
    const wanted = { model: this.model.name, direction: this.generator.direction };
    if (this.format) wanted.format = this.format;
    return new URLSearchParams(wanted).toString();
  },
  step() { return this.generator.step || 0; },
  from() { return this.generator.from ? capital(this.generator.from) : "Before"; },
  to() { return this.generator.to || "translated"; },
  // fileName returns photo-winter.jpg for photo.jpg.
  fileName(file) {
    const [, stem, extension] = /^(.+?)(\.[^.]*)?$/s.exec(file.name || "image");
    return stem + "-" + this.to().replace(/[^\p{L}\p{N}]+/gu, "-") + (extension || "");
  },
};

// loadModels asks what the server offers, and keeps the user's choice while it is there.
let asking = null;

async function loadModels() {
  clearTimeout(asking);
  let wait = 30;
  try {
    const answer = JSON.parse(await (await request("v1/models")).body.text());
    Object.assign(choice, { models: answer.models, limits: answer.limits });
    $("alert").textContent = answer.models.length ? "" : "The server has no model at the moment.";
    offerFormats(answer.formats);
    const told = answer.formats.read.filter(f => f !== "bmp").map(f => ({ webp: "WebP" })[f] || f.toUpperCase());
    $("limits").textContent = `${told.join(", ")}; up to ${megabytes(choice.limits.max_bytes)} and ${number(choice.limits.max_pixels / 1e6)} megapixels`;
    choose();
  } catch (error) {
    if (error.status === 401) return askToken();
    $("alert").textContent = error.message + " This page tries again every few seconds.";
    wait = 3;
  }
  // Models come and go, above all while one is trained. A page that nobody sees does not ask.
  asking = setTimeout(() => { if (!document.hidden) loadModels(); }, wait * 1000);
}

function offerFormats({ write }) {
  const labels = { jpeg: "JPEG", png: "PNG", webp: "WebP", tiff: "TIFF", avif: "AVIF" };
  const usual = write.filter(f => labels[f]);
  if (usual.join() === $("format").dataset.offered) return;
  $("format").dataset.offered = usual.join();
  $("format").replaceChildren(new Option("Same format", ""), ...usual.map(f => new Option(labels[f], f)));
}

// choose selects the model, the direction, and the format that are wanted, as far as the server has them.
function choose() {
  const { models, wanted } = choice;
  const model = choice.model = models.find(m => m.name === wanted.model) || models[0] || null;
  choice.generator = model && (model.directions.find(d => d.direction === wanted.direction) || model.directions[0]);
  $("format").value = wanted.format || "";
  choice.format = $("format").value || "";
  paintChoice();
  for (const item of queue.items) if (item.run && model && item.run.key !== choice.key()) abort(item);
  showAgain();
  pump();
}

function chosen(change) {
  const { model, generator, format } = choice;
  choice.wanted = { model: model?.name, direction: generator?.direction, format, ...change };
  remember("localStorage", "choice", choice.wanted);
  choose();
}

// paintChoice draws the controls. It replaces only those whose content has changed, which keeps the focus.
let painted = "";

function paintChoice() {
  const { models, model, generator } = choice, hadFocus = $("directions").contains(document.activeElement);
  $("choice").style.visibility = model ? "" : "hidden"; // it keeps its place
  $("about").style.visibility = $("choice").style.visibility;
  if (!model) return;
  $("title").textContent = document.title = generator.from && generator.to ? `Turn ${generator.from} into ${generator.to}` : "Translate images";
  $("modelField").hidden = models.length < 2;
  const now = JSON.stringify([models, model.name, generator.direction]);
  if (now === painted) return;
  painted = now;
  $("model").replaceChildren(...models.map(m => new Option(m.name + (m.training ? " (in training)" : ""), m.name)));
  $("model").value = model.name;
  const segments = model.directions.map(d => {
    const input = element("input", { type: "radio", name: "direction", value: d.direction, checked: d === generator });
    return element("label", {}, input, d.from && d.to ? `${capital(d.from)} → ${capital(d.to)}` : d.direction === "AtoB" ? "A → B" : "B → A");
  });
  $("directions").replaceChildren($("directions").firstElementChild, ...segments);
  if (hadFocus) $("directions").querySelector(":checked").focus();
  paintAbout();
}

function paintAbout() {
  const { model, generator: g } = choice;
  const size = g.width ? `${g.width} × ${g.height} only` : g.train_width ? `${g.train_width} × ${g.train_height}` : "";
  const facts = {
    Name: model.name, Network: g.architecture, "Trained at": size && size + " pixels", "Training steps": g.step && number(g.step),
    "Runs on": [g.provider.toUpperCase(), g.runtime && "ONNX Runtime " + g.runtime].filter(Boolean).join(", "),
  };
  $("model-facts").replaceChildren(...Object.entries(facts).filter(f => f[1]).flatMap(([k, v]) => [element("dt", {}, k), element("dd", {}, v)]));
  $("report").hidden = !model.report;
  if (model.report) {
    const link = element("a", { href: model.report, target: "_blank", rel: "noopener" }, "Report of its training");
    $("report").replaceChildren(link, model.training ? ", which is under way" : "");
  }
  $("card").replaceChildren(...card(model.card || ""));
}

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
  if (!item.view) {
    const shown = await preview(item.file);
    if (shown) learn(item, shown.image, shown.body);
  }
  if (result.view === undefined) {
    const image = await loadImage(result.url).catch(() => preview(result.blob).then(p => p && p.image));
    Object.assign(result, { view: image && image.src, width: image?.naturalWidth, height: image?.naturalHeight });
  }
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
  say(queue.reason || (queue.stopped ? "Stopped. " : "") + text);
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
    text = item.results.get(choice.key()).view === undefined ? "Loading …" : "Done. This browser cannot show the result, but you can download it.";
  } else if (now === "done" && !canBefore) {
    text = "This browser cannot show the original, so here is the result alone.";
  }
  $("veilText").textContent = text;
  $("retry").hidden = now !== "failed" || isFinal(item);
  $("veil").hidden = !text;
  $("veil").classList.toggle("busy", now === "converting" || text === "Loading …");
}

function askToken() {
  const dialog = $("tokenDialog");
  if (dialog.open) return;
  queue.resume = Infinity;
  $("tokenText").textContent = recall("sessionStorage", "token")
    ? "The server does not accept this token. Try it again."
    : "Whoever runs the server knows it. It is kept until you close this tab.";
  dialog.showModal();
}

// files returns the files of a drop, also those in folders. Files in folders that are no images are left out.
const named = /\.(jpe?g|png|gif|bmp|tiff?|webp|heic|heif|avif)$/i;
const isImage = file => file.type.startsWith("image/") || named.test(file.name);

async function dropped(transfer) {
  const entries = [...transfer.items].map(i => i.webkitGetAsEntry?.()), files = [...transfer.files];
  if (!entries.some(e => e?.isDirectory)) return files;
  const found = [];
  const walk = async (entry, top) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      if (top || isImage(file)) found.push(file);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const e of some) await walk(e, false);
    }
  };
  for (const entry of entries) if (entry) await walk(entry, true);
  return found;
}

function addFound(files) {
  if (files.length) add(files); else $("alert").textContent = "There are no images in it.";
}

function start() {
  startViewer();
  for (const button of document.querySelectorAll("[data-pick]")) button.addEventListener("click", () => $(button.dataset.pick).click());
  for (const id of ["files", "folder", "camera"]) {
    $(id).addEventListener("change", event => {
      const files = [...event.target.files];
      event.target.value = ""; // so that the same file can be chosen again
      if (files.length) addFound(id === "folder" ? files.filter(isImage) : files);
    });
  }
  addEventListener("paste", event => { if (event.clipboardData.files.length) add([...event.clipboardData.files]); });
  let inside = 0;
  const carries = event => [...event.dataTransfer.types].includes("Files");
  const hover = change => { $("drop").hidden = (inside = Math.max(0, inside + change)) === 0; };
  addEventListener("dragenter", event => { if (carries(event)) hover(1); });
  addEventListener("dragleave", event => { if (carries(event)) hover(-1); });
  addEventListener("dragover", event => { if (carries(event)) event.preventDefault(); });
  addEventListener("drop", async event => {
    if (!carries(event)) return;
    event.preventDefault();
    hover(-inside);
    addFound(await dropped(event.dataTransfer));
  });

  for (const id of ["choice", "format"]) {
    $(id).addEventListener("change", event => chosen({ [event.target.name || event.target.id]: event.target.value }));
  }
  $("choice").addEventListener("submit", event => event.preventDefault());
  $("retry").addEventListener("click", () => { retry([queue.shown]); $("viewport").focus(); });
  $("retryAll").addEventListener("click", () => retry(inState("failed").filter(item => !isFinal(item))));
  $("stop").addEventListener("click", stop);
  $("remove").addEventListener("click", () => remove(queue.shown));
  $("clear").addEventListener("click", () => { while (queue.items.length) remove(queue.items[queue.items.length - 1]); });
  $("zip").addEventListener("click", downloadAll);
  $("again").addEventListener("click", () => {
    for (const item of inState("done")) {
      const result = item.results.get(choice.key());
      if (result.step === choice.step()) continue;
      release(result);
      item.results.delete(choice.key());
    }
    pump();
  });
  $("tokenForm").addEventListener("submit", event => {
    event.preventDefault();
    remember("sessionStorage", "token", $("token").value.trim());
    $("token").value = "";
    $("tokenDialog").close();
  });
  $("tokenDialog").addEventListener("close", () => {
    queue.resume = 0;
    loadModels();
  });
  addEventListener("online", () => { queue.resume = 0; pump(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && choice.model) loadModels(); });
  loadModels();
}

start();
