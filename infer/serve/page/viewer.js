"use strict";
// The viewer shows an image before and after, at any zoom.
//
// The sheet has the size of the image in its own pixels. It is scaled and moved as a whole, so that the
// browser decodes each of the two images once. The divider is a part of the visible width: zooming and
// moving leave it in its place.

const viewer = {
  width: 1, height: 1,   // of the image, in its pixels
  scale: 1, x: 0, y: 0,  // pixels of the page per pixel of the image, and the place of the sheet
  fitted: true,
  part: 0.5,             // of the visible image left of the divider
};

const most = 8; // screen pixels per pixel of the image
const fullScale = () => 1 / devicePixelRatio;

function fitScale() {
  const box = $("viewport");
  return Math.min(box.clientWidth / viewer.width, box.clientHeight / viewer.height, 2);
}

// visible returns where the image is in the viewport, from left to right.
function visible() {
  const left = Math.max(0, viewer.x);
  return { left, width: Math.min($("viewport").clientWidth, viewer.x + viewer.width * viewer.scale) - left };
}

// arrange puts everything in its place.
function arrange() {
  const box = $("viewport"), v = viewer, fit = fitScale();
  if (v.fitted) v.scale = fit;
  const place = (at, size, room) => size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at));
  v.x = place(v.x, v.width * v.scale, box.clientWidth);
  v.y = place(v.y, v.height * v.scale, box.clientHeight);
  $("sheet").style.cssText = `width: ${v.width}px; height: ${v.height}px; transform: translate(${v.x}px, ${v.y}px) scale(${v.scale})`;
  const shown = visible(), at = shown.left + v.part * shown.width;
  $("divider").style.transform = `translateX(${at}px)`;
  const alone = box.classList.contains("alone"), cut = (at - v.x) / v.scale;
  $("before").style.clipPath = alone ? "" : `inset(0 ${v.width - cut}px 0 0)`;
  $("after").style.clipPath = alone ? "" : `inset(0 0 0 ${cut}px)`;
  $("tagBefore").style.cssText = `left: calc(${shown.left}px + .6rem); opacity: ${v.part < 0.1 ? 0 : 1}`;
  $("tagAfter").style.cssText = `right: calc(${box.clientWidth - shown.left - shown.width}px + .6rem); opacity: ${v.part > 0.9 ? 0 : 1}`;
  box.classList.toggle("zoomed", v.scale > fit * 1.001);
  box.classList.toggle("pixelated", v.scale * devicePixelRatio >= 3);
  $("zoom").value = number(v.scale * devicePixelRatio * 100) + "%";
  const percent = Math.round(v.part * 100);
  $("divider").setAttribute("aria-valuenow", percent);
  $("divider").setAttribute("aria-valuetext", `${percent}% before, ${100 - percent}% after`);
}

// zoom changes the scale around a place of the viewport, by default its center.
function zoom(scale, x = $("viewport").clientWidth / 2, y = $("viewport").clientHeight / 2) {
  const v = viewer, fit = fitScale();
  const to = Math.min(Math.max(scale, Math.min(fit, fullScale())), Math.max(most * fullScale(), fit));
  v.x = x - (x - v.x) * to / v.scale;
  v.y = y - (y - v.y) * to / v.scale;
  v.scale = to;
  v.fitted = to === fit;
  arrange();
}

function fit() {
  viewer.fitted = true;
  arrange();
}

function divide(part) {
  viewer.part = Math.min(1, Math.max(0, part));
  arrange();
}

// divideAt moves the divider to a place of the viewport.
function divideAt(x) {
  const shown = visible();
  divide((x - shown.left) / shown.width);
}

// reveal moves the divider from the right to the middle, so that a result appears.
function reveal() {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return divide(0.5);
  const began = performance.now();
  const step = now => {
    const t = Math.min(1, Math.max(0, now - began) / 600);
    divide(1 - 0.5 * (1 - (1 - t) ** 3));
    if (t < 1 && !pointers.size) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

// The pointers that touch the viewport, and what they do: move the divider or the image, or pinch. A finger
// is undecided until it has moved sideways, because it may be about to scroll the page.
const pointers = new Map();
let dragging = "";

function local(event) {
  const box = $("viewport").getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

// spread returns the center of two pointers and their distance.
function spread() {
  const [a, b] = [...pointers.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
}

function startViewer() {
  const box = $("viewport"), divider = $("divider");
  new ResizeObserver(arrange).observe(box);

  box.addEventListener("pointerdown", event => {
    if (event.button || event.target.closest("#veil")) return;
    const at = local(event);
    pointers.set(event.pointerId, at);
    box.setPointerCapture(event.pointerId);
    const zoomed = box.classList.contains("zoomed");
    if (pointers.size > 1) dragging = "pinch";
    else if (event.target === divider) dragging = "divider";
    else if (zoomed) dragging = "image";
    else if (event.pointerType === "touch") dragging = "undecided";
    else {
      dragging = "divider";
      divideAt(at.x);
    }
  });
  box.addEventListener("pointermove", event => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const at = local(event);
    if (dragging === "undecided") {
      if (Math.abs(at.x - last.x) < 8) return;
      dragging = "divider";
    }
    const before = dragging === "pinch" ? spread() : null;
    pointers.set(event.pointerId, at);
    if (dragging === "divider") {
      divideAt(at.x);
    } else if (dragging === "image") {
      viewer.x += at.x - last.x;
      viewer.y += at.y - last.y;
      arrange();
    } else if (pointers.size === 2) {
      const now = spread();
      viewer.x += now.x - before.x;
      viewer.y += now.y - before.y;
      zoom(viewer.scale * now.distance / before.distance, now.x, now.y);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    box.addEventListener(end, event => {
      pointers.delete(event.pointerId);
      dragging = pointers.size === 1 ? "image" : "";
    });
  }
  box.addEventListener("dblclick", event => {
    if (event.target.closest("#veil")) return;
    const at = local(event);
    if (viewer.fitted) zoom(Math.max(fullScale(), viewer.scale * 2), at.x, at.y); else fit();
  });
  // At fit, the wheel scrolls the page where it can, and zooms otherwise.
  box.addEventListener("wheel", event => {
    if (!event.ctrlKey && viewer.fitted && (event.deltaY > 0 || scrollY > 0)) return;
    event.preventDefault();
    const at = local(event), lines = event.deltaMode ? 30 : 1;
    zoom(viewer.scale * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), at.x, at.y);
  }, { passive: false });

  box.addEventListener("keydown", event => {
    const step = event.shiftKey ? 0.1 : 0.02, ahead = event.target === divider;
    const move = (x, y) => { viewer.x += x; viewer.y += y; arrange(); };
    const actions = {
      "+": () => zoom(viewer.scale * 1.5), "=": () => zoom(viewer.scale * 1.5), "-": () => zoom(viewer.scale / 1.5),
      "0": fit, "1": () => zoom(fullScale()),
      ArrowLeft: () => ahead ? divide(viewer.part - step) : move(60, 0),
      ArrowRight: () => ahead ? divide(viewer.part + step) : move(-60, 0),
    };
    if (ahead) {
      Object.assign(actions, {
        ArrowDown: actions.ArrowLeft, ArrowUp: actions.ArrowRight, Home: () => divide(0), End: () => divide(1),
        PageDown: () => divide(viewer.part - 0.1), PageUp: () => divide(viewer.part + 0.1),
      });
    } else if (!viewer.fitted) {
      Object.assign(actions, { ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60) });
    }
    if (event.target.closest("#veil") || event.ctrlKey || event.altKey || event.metaKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
  $("zoomIn").addEventListener("click", () => zoom(viewer.scale * 1.5));
  $("zoomOut").addEventListener("click", () => zoom(viewer.scale / 1.5));
  $("zoomFit").addEventListener("click", fit);
  $("zoomFull").addEventListener("click", () => zoom(fullScale()));
}
