"use strict";
// A zip file of results, stored: images do not become smaller. The files stay blobs, which the browser may
// keep on disk, and only their checksums are computed here.

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? n >>> 1 ^ 0xedb88320 : n >>> 1;
  return n;
});

async function crc32(blob) {
  let crc = ~0;
  const reader = blob.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return ~crc >>> 0;
    for (let i = 0; i < value.length; i++) crc = crcTable[(crc ^ value[i]) & 255] ^ crc >>> 8;
  }
}

// record packs numbers into bytes, little endian. Fields are [bytes, value].
function record(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true); else view.setUint32(at, value, true);
    at += size;
  }
  return view.buffer;
}

// makeZip returns a zip file of { name, blob, time }.
async function makeZip(files) {
  const limit = 0xffffffff;
  const bytes = files.reduce((sum, f) => sum + f.blob.size + 400 + 6 * f.name.length, 0);
  if (bytes > limit || files.length > 65000) throw new Error("A zip file holds at most 4 GB here. Remove some images and download them in two parts.");
  const body = [], directory = [];
  let offset = 0, directorySize = 0;
  for (const f of files) {
    const name = new TextEncoder().encode(f.name), time = new Date(f.time), crc = await crc32(f.blob);
    const common = [
      [2, 20], [2, 0x800], [2, 0], // version, names are UTF-8, stored
      [2, time.getHours() << 11 | time.getMinutes() << 5 | time.getSeconds() >> 1],
      [2, Math.max(0, time.getFullYear() - 1980) << 9 | time.getMonth() + 1 << 5 | time.getDate()],
      [4, crc], [4, f.blob.size], [4, f.blob.size], [2, name.length], [2, 0],
    ];
    const head = record([4, 0x04034b50], ...common);
    const entry = record([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]);
    body.push(head, name, f.blob);
    directory.push(entry, name);
    offset += head.byteLength + name.length + f.blob.size;
    directorySize += entry.byteLength + name.length;
  }
  const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, directorySize], [4, offset], [2, 0]);
  return new Blob([...body, ...directory, end], { type: "application/zip" });
}

// distinct gives files of the same name, in capitals or not, different ones: photo.jpg, photo (2).jpg.
function distinct(names) {
  const seen = new Set();
  return names.map(name => {
    const [, stem, extension] = /^(.*?)(\.[^.]*)?$/s.exec(name.replace(/[\/\\:*?"<>|\x00-\x1f]/g, "_"));
    let unique = stem + (extension || "");
    for (let n = 2; seen.has(unique.toLowerCase()); n++) unique = `${stem} (${n})${extension || ""}`;
    seen.add(unique.toLowerCase());
    return unique;
  });
}
