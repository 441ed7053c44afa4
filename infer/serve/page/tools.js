"use strict";
// Small tools of the page: elements, what the browser remembers, and requests to the server.

const $ = id => document.getElementById(id);

// element makes an element. Text is never parsed as HTML.
function element(name, properties, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

// recall and remember keep a value in the browser. A browser that refuses storage forgets it.
function recall(storage, key) {
  try { return JSON.parse(window[storage].getItem("cyclegan." + key)); } catch { return null; }
}

function remember(storage, key, value) {
  try { window[storage].setItem("cyclegan." + key, JSON.stringify(value)); } catch { /* forget it */ }
}

const capital = text => text.charAt(0).toUpperCase() + text.slice(1);
const number = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits });
const plural = (n, word) => n + " " + word + (n === 1 ? "" : "s");

function megabytes(bytes) {
  return bytes < 1e6 ? number(Math.max(1, bytes / 1e3)) + " kB" : number(bytes / 1e6, bytes < 1e7 ? 1 : 0) + " MB";
}

// A Problem is why the server refused. Status 0: it cannot be reached. Wait is in seconds.
class Problem extends Error {
  constructor(status, message, wait = 0) {
    super(message);
    this.status = status;
    this.wait = wait;
  }
}

const unreachable = () => new Problem(0, "The server cannot be reached.");

// request sends a request and returns the headers and the body, as a blob. Without the browser's own
// credentials, so that it asks for none: the page does.
async function request(path, options) {
  const token = recall("sessionStorage", "token");
  const headers = { "Content-Type": "application/octet-stream" };
  if (token) headers.Authorization = "Bearer " + token;
  let answer, body;
  try {
    answer = await fetch(path, { ...options, headers, credentials: "omit" });
    body = await answer.blob();
  } catch (error) {
    throw error.name === "AbortError" ? error : unreachable();
  }
  if (answer.ok) return { headers: answer.headers, body };
  let detail = "The server answered: " + answer.status + " " + answer.statusText;
  if (/json/.test(answer.headers.get("Content-Type"))) {
    try { detail = capital(JSON.parse(await body.text()).detail); } catch { /* a proxy's answer */ }
  }
  throw new Problem(answer.status, detail, Number(answer.headers.get("Retry-After")) || 0);
}

// save hands a file to the user.
function save(url, name) {
  element("a", { href: url, download: name }).click();
}
