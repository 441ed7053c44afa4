"use strict";
// The page: how images get into it, and what its controls do.

const named = /\.(jpe?g|png|gif|bmp|tiff?|webp|heic|heif|avif|ppm)$/i;
const isImage = file => file.type.startsWith("image/") || named.test(file.name);

// dropped returns the files of a drop, also those in folders, of which only images count.
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
  if (files.length) add(files); else $("alert").textContent = "There are no images in it that can be read.";
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
    addFound(await dropped(event.dataTransfer).catch(() => []));
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
  document.addEventListener("visibilitychange", () => { if (!document.hidden) loadModels(); });
  loadModels();
}

start();
