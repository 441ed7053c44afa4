"use strict";
// The choice: what the server offers, and which model, direction, and format the user wants of it.

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
    if (!answer.models.length) throw new Error("The server has no model yet.");
    $("alert").textContent = "";
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
  const model = choice.model = models.find(m => m.name === wanted.model) || models[0] || choice.model;
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

function askToken() {
  const dialog = $("tokenDialog");
  if (dialog.open) return;
  queue.resume = Infinity;
  $("tokenText").textContent = recall("sessionStorage", "token")
    ? "The server does not accept this token. Try it again."
    : "Whoever runs the server knows it. It is kept until you close this tab.";
  dialog.showModal();
}
