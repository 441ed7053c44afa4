"use strict";
// The queue: images, their results, and the requests under way.
//
// An item has a result or an error for each choice of a model, a direction, and a format. So another choice
// converts every image again, and going back shows the results that are there.

const queue = {
  items: [],
  shown: null,       // the item in the viewer
  stopped: false,    // by the user
  resume: 0,         // the time before which nothing is sent, because the server is busy or away
  reason: "",        // why, in words
  failures: 0,       // requests in a row that did not reach the server
};
const parallel = 2;     // requests under way
const patience = 6;     // tries of an image, if the server cannot be reached

// add puts files into the queue.
function add(files) {
  const focused = $("empty").querySelector(":focus-visible"); // its button is about to vanish
  for (const file of files) {
    queue.items.push({ file, url: URL.createObjectURL(file), results: new Map(), errors: new Map(), run: null, tries: 0 });
  }
  queue.stopped = false;
  if (!queue.shown && queue.items.length) show(queue.items[0]);
  pump();
  if (focused) $("viewport").focus();
}

function state(item) {
  const key = choice.key();
  if (item.results.has(key)) return "done";
  if (item.run) return "converting";
  return item.errors.has(key) ? "failed" : "waiting";
}

const inState = name => queue.items.filter(item => state(item) === name);

// pump starts what may start.
function pump() {
  if (choice.model && !queue.stopped && Date.now() >= queue.resume) {
    queue.reason = "";
    const waiting = inState("waiting").sort((a, b) => (b === queue.shown) - (a === queue.shown));
    for (let free = parallel - inState("converting").length; free > 0 && waiting.length; free--) convert(waiting.shift());
  }
  paint();
}

// hold stops the queue for some seconds.
function hold(seconds, reason) {
  queue.resume = Date.now() + seconds * 1000;
  queue.reason = reason + " Trying again in " + plural(seconds, "second") + ".";
  setTimeout(pump, seconds * 1000 + 20);
}

async function convert(item) {
  const run = item.run = { key: choice.key(), step: choice.step(), name: choice.fileName(item.file), abort: new AbortController() };
  try {
    await measure(item);
    if (item.run !== run) return;
    checkLimits(item);
    const { headers, body } = await request("v1/translate?" + run.key, { method: "POST", body: item.file, signal: run.abort.signal });
    const name = withExtension(run.name, body.type);
    item.results.set(run.key, { blob: body, url: URL.createObjectURL(body), name, notes: headers.get("Note") || "", step: run.step });
    queue.failures = item.tries = 0;
  } catch (error) {
    if (item.run === run) await failed(item, run, error);
  } finally {
    if (item.run === run) item.run = null;
    if (item === queue.shown) showAgain();
    pump();
  }
}

// failed decides what an error means: another try, or the end for this image.
async function failed(item, run, error) {
  if (error.status === 401) return askToken();
  if (error.status === 429) return hold(Math.max(1, error.wait), "The server is busy.");
  if (error.status === 0 && await isGone(item.file)) {
    error = new Error("The file cannot be read. It has been moved or changed since you added it.");
  } else if ((error.status === 0 || error.status === 503) && ++item.tries < patience) {
    queue.failures++;
    return hold(error.wait || Math.min(2 ** (queue.failures - 1), 30), error.message);
  }
  if (error.status === 404) loadModels(); // the model has gone
  item.errors.set(run.key, error);
}

async function isGone(file) {
  try { await file.slice(0, 1).arrayBuffer(); return false; } catch { return true; }
}

// abort ends the request of an item, which frees its place on the server.
function abort(item) {
  const run = item.run;
  item.run = null;
  if (run) run.abort.abort();
}

// measure learns the size of an image, if the browser can show it, and draws its thumbnail. Thumbnails are
// drawn one after the other: each of them needs the whole image for a moment.
let thumbnails = Promise.resolve();

function measure(item) {
  item.measured ??= loadImage(item.url).then(image => see(item, image, item.file), () => { /* see preview */ });
  return item.measured;
}

// see notes what the browser shows for an item or a result. An item gets a thumbnail of the blob.
function see(held, image, blob) {
  Object.assign(held, { view: image.src, width: image.naturalWidth, height: image.naturalHeight });
  if (held.file) thumbnails = thumbnails.then(() => drawThumbnail(held, blob)).catch(() => { /* the tile stays gray */ });
}

// preview asks the server for an image in a format that the browser can show, because most browsers cannot
// show TIFF and HEIC.
async function preview(held, blob) {
  try {
    const { body } = await request("v1/preview", { method: "POST", body: blob });
    see(held, await loadImage(URL.createObjectURL(body)), body);
  } catch {
    held.view = null;
  }
}

// loadImage reads the header of an image. The browser decodes it when it is shown.
function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("The browser cannot show this image."));
    image.src = url;
  });
}

async function drawThumbnail(item, blob) {
  const tall = item.height > item.width * 0.75;
  const bitmap = await createImageBitmap(blob, { [tall ? "resizeWidth" : "resizeHeight"]: tall ? 240 : 180, resizeQuality: "medium" });
  const canvas = item.tile.canvas;
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0); // transferFromImageBitmap forgets the orientation
  bitmap.close();
}

// checkLimits refuses what the server would refuse, before it is sent.
function checkLimits({ file, width, height }) {
  const { max_bytes, max_pixels } = choice.limits;
  if (file.size > max_bytes) throw new Problem(413, `The file has ${megabytes(file.size)}. This server takes at most ${megabytes(max_bytes)}.`);
  if (width * height > max_pixels) throw new Problem(413, `The image has ${number(width * height / 1e6, 1)} megapixels. This server takes at most ${number(max_pixels / 1e6, 1)}.`);
}

// withExtension gives a file name the extension of a media type. One that fits already stays as it is.
function withExtension(name, type) {
  const extensions = { "image/jpeg": ["jpg", "jpeg", "jpe", "jfif"], "image/tiff": ["tif", "tiff"] };
  const fitting = extensions[type] || [type.replace(/^image\/(x-)?/, "")];
  const [, stem, extension] = /^(.+?)(?:\.([^.]*))?$/s.exec(name);
  return fitting.includes((extension || "").toLowerCase()) ? name : stem + "." + fitting[0];
}

function remove(item) {
  abort(item);
  const at = queue.items.indexOf(item);
  queue.items.splice(at, 1);
  [item, ...item.results.values()].forEach(release);
  if (item.tile) item.tile.label.remove();
  if (item === queue.shown) show(queue.items[Math.min(at, queue.items.length - 1)] || null);
  pump();
  if (!queue.items.length) $("empty").querySelector("button").focus();
}

// release frees the file of an image or a result, and its preview.
function release({ url, view }) {
  URL.revokeObjectURL(url);
  if (view) URL.revokeObjectURL(view);
}

// isFinal reports whether another try would fail as well: the image is not for this server.
const isFinal = item => [400, 413, 415, 422].includes(item.errors.get(choice.key())?.status);

// retry tries failed items again.
function retry(items) {
  for (const item of items) {
    item.errors.delete(choice.key());
    item.tries = 0;
  }
  queue.stopped = false;
  queue.resume = 0;
  pump();
}

function stop() {
  queue.stopped = !queue.stopped;
  if (queue.stopped) queue.items.forEach(abort);
  pump();
}

async function downloadAll() {
  const button = $("zip"), done = inState("done");
  button.disabled = true;
  try {
    const results = done.map(item => item.results.get(choice.key()));
    const names = distinct(results.map(r => r.name));
    const zip = await makeZip(results.map((r, i) => ({ name: names[i], blob: r.blob, time: done[i].file.lastModified })));
    const url = URL.createObjectURL(zip);
    save(url, choice.to() + ".zip");
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    $("alert").textContent = error.message;
  }
  button.disabled = false;
}
