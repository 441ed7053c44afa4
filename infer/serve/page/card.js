"use strict";
// The card of a model: Markdown, of which headings, paragraphs, lists, tables, code, emphasis, and links are
// shown. Elements are built one by one, so that nothing in a card can become HTML.

// inline returns the nodes of a line of text.
function inline(text) {
  const nodes = [], pattern = /`([^`]+)`|\*\*(.+?)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;
  let at = 0;
  for (const m of text.matchAll(pattern)) {
    nodes.push(text.slice(at, m.index));
    at = m.index + m[0].length;
    if (m[1]) nodes.push(element("code", {}, m[1]));
    else if (m[2]) nodes.push(element("strong", {}, ...inline(m[2])));
    else if (m[3]) nodes.push(element("em", {}, ...inline(m[3])));
    else if (/^https?:\/\//i.test(m[5])) nodes.push(element("a", { href: m[5], rel: "noopener noreferrer", target: "_blank" }, m[4]));
    else nodes.push(m[4]); // a file of the project, which is not here
  }
  nodes.push(text.slice(at));
  return nodes;
}

const cells = row => row.trim().replace(/^\||\|$/g, "").split("|").map(c => c.trim());

function table(rows) {
  const [head, , ...body] = rows.map(cells);
  const row = (name, list) => element("tr", {}, ...list.map(c => element(c ? name : "td", {}, ...inline(c))));
  const e = element("table", {}, element("tbody", {}, ...body.map(list => row("td", list))));
  if (head.some(Boolean)) e.prepend(element("thead", {}, row("th", head)));
  return element("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: "Table" }, e);
}

function list(rows) {
  const ordered = /^\s*\d/.test(rows[0]), items = [];
  for (const row of rows) {
    const m = /^\s*(?:[-*+]|\d+[.)])\s+(.*)$/.exec(row);
    if (m) items.push(m[1]); else items[items.length - 1] += " " + row.trim();
  }
  return element(ordered ? "ol" : "ul", {}, ...items.map(i => element("li", {}, ...inline(i))));
}

// The kinds of blocks: how one begins, which lines go on with it, and what it becomes. The last one takes
// every other line.
const isItem = /^\s*([-*+]|\d+[.)])\s/, isHeading = /^#{1,6}\s/;
const blocks = [
  { begin: /^\s*$/, more: /^\s*$/, make: () => [] },
  { begin: isHeading, more: null, make: ([row]) => [element(/^##/.test(row) ? "h3" : "h2", {}, ...inline(row.replace(/^#+\s+|\s+#+$/g, "")))] },
  { begin: /^```/, more: /^(?!```)/, closed: true, make: rows => [element("pre", { tabIndex: 0 }, element("code", {}, rows.slice(1).join("\n")))] },
  { begin: /^( {4}|\t)/, more: /^( {4}|\t|$)/, make: rows => [element("pre", { tabIndex: 0 }, element("code", {}, rows.map(r => r.replace(/^ {4}|^\t/, "")).join("\n").trimEnd()))] },
  { begin: /^\s*\|/, more: /^\s*\|/, make: rows => rows.length > 1 ? [table(rows)] : [element("p", {}, rows[0])] },
  { begin: isItem, more: /\S/, make: rows => [list(rows)] },
  { begin: /^/, more: /^(?!\s*$|#{1,6}\s|```|\s*\||\s*[-*+]\s)/, make: rows => [element("p", {}, ...inline(rows.join(" ")))] },
];

// card returns the nodes of a Markdown text.
function card(text) {
  const rows = text.split(/\r?\n/), nodes = [];
  for (let i = 0; i < rows.length;) {
    const kind = blocks.find(b => b.begin.test(rows[i])), from = i++;
    while (kind.more && i < rows.length && kind.more.test(rows[i])) i++;
    nodes.push(...kind.make(rows.slice(from, i)));
    if (kind.closed) i++;
  }
  return nodes;
}
