"""Makes the pictures in this folder. Run it here, with Pillow 13 and NumPy 2:

    python3 -m venv venv && venv/bin/pip install pillow numpy && venv/bin/python make.py

The files are what Go's own encoders cannot make (EXIF, CMYK, WebP, progressive
and interlaced data), and references computed by PIL. base.png is the picture
that the other files hold; NAME.ref.png is what PIL reads from a lossy NAME.
"""
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps

# 24 x 16: smooth, so that JPEG keeps it, with four corners that tell every turn apart.
w, h = 24, 16
y, x = np.mgrid[0:h, 0:w].astype(float)
base = np.stack([40 + 180 * x / (w - 1), 30 + 200 * y / (h - 1), 220 - 90 * x / (w - 1) - 90 * y / (h - 1)], 2)
base = Image.fromarray(base.round().astype(np.uint8), "RGB")
base.save("base.png")

# What has to be done to the upright picture so that a viewer's turn undoes it.
T = Image.Transpose
stored = {1: None, 2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM,
          5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}


def turned(o):
    exif = Image.Exif()
    exif[0x0112] = o
    return (base if stored[o] is None else base.transpose(stored[o])), exif


for o in stored:
    im, exif = turned(o)
    im.save(f"orientation_{o}.jpg", quality=95, subsampling=0, exif=exif)
    seen = np.asarray(ImageOps.exif_transpose(Image.open(f"orientation_{o}.jpg"))).astype(int)
    assert abs(seen - np.asarray(base)).max() < 12, o
im, exif = turned(6)
im.save("orientation_6.png", exif=exif)
im.save("orientation_6.webp", lossless=True, exif=exif)
im.save("orientation_6.tiff", exif=exif)


def lossy(name, im, **kw):
    im.save(name, **kw)
    Image.open(name).convert("RGB").save(name + ".ref.png")


lossy("cmyk.jpg", base.convert("CMYK"), quality=95)
lossy("gray.jpg", base.convert("L"), quality=95)
lossy("progressive.jpg", base, quality=95, subsampling=0, progressive=True)
lossy("subsampled.jpg", base, quality=95, subsampling=2)
lossy("lossy.webp", base, quality=95)

alpha = base.copy()
alpha.putalpha(Image.fromarray((255 - 12 * y).clip(0, 255).astype(np.uint8), "L"))
alpha.save("alpha.png")
alpha.save("alpha.webp", lossless=True, exact=True)
base.save("deflate.tiff", compression="tiff_adobe_deflate")
base.save("lzw.tiff", compression="tiff_lzw")
base.save("reversed.tiff", compression="tiff_lzw", tiffinfo={266: 2})  # FillOrder: from the lowest bit
base.save("base.bmp")
base.save("lossless.webp", lossless=True)
base.quantize(16).save("palette.gif")
base.quantize(16).save("palette.png")
base.quantize(16).convert("RGB").save("palette.ref.png")

# Bicubic resizing and luma of a picture with hard edges and noise.
rng = np.random.default_rng(7)
y, x = np.mgrid[0:47, 0:61].astype(float)
tex = np.stack([128 + 100 * np.sin(x / 3), 255.0 * ((x + y) % 14 < 7), 128 + 100 * np.cos(y / 5)], 2)
tex = Image.fromarray((tex + rng.normal(0, 20, tex.shape)).clip(0, 255).astype(np.uint8), "RGB")
tex.save("texture.png")
for size in (30, 23), (97, 80), (61, 20), (72, 72):
    tex.resize(size, Image.Resampling.BICUBIC).save("texture_%dx%d.png" % size)
tex.convert("L").save("texture_luma.png")

# What else cameras, scanners and programs write. Pillow writes no Adam7, no 16 bits of colour, no tiles and no planes, so those are put
# together here byte by byte.
a = np.asarray(base)
straight = np.asarray(alpha)


def png(name, depth, kind, samples, interlace=0, extra=b""):
    """samples: h x w x n, of up to 16 bits."""
    def rows(s):
        if s.size == 0:
            return b""
        flat = s.reshape(s.shape[0], -1)
        if depth == 16:
            packed = flat.astype(">u2").view(np.uint8).reshape(flat.shape[0], -1)
        elif depth == 8:
            packed = flat.astype(np.uint8)
        else:
            bits = np.unpackbits(flat.astype(np.uint8)[..., None], axis=2)[..., 8 - depth:]
            packed = np.packbits(bits.reshape(flat.shape[0], -1), axis=1)
        return b"".join(b"\0" + r.tobytes() for r in packed)

    adam7 = (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
    raw = b"".join(rows(samples[y::dy, x::dx]) for x, y, dx, dy in adam7) if interlace else rows(samples)
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, kind, 0, 0, interlace)
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))
    Image.open(name).load()


png("interlaced.png", 8, 2, a, interlace=1)
png("deep.png", 16, 2, a.astype(np.uint16) * 257)
png("deep_alpha.png", 16, 6, straight.astype(np.uint16) * 257, interlace=1)
Image.merge("LA", (base.convert("L"), alpha.getchannel("A"))).save("gray_alpha.png")
Image.open("gray_alpha.png").convert("RGBA").save("gray_alpha.ref.png")
few = base.quantize(16)
few.info["transparency"] = bytes(255 - 15 * i for i in range(16))
few.save("palette_alpha.png", transparency=few.info["transparency"])
Image.open("palette_alpha.png").convert("RGBA").save("palette_alpha.ref.png")
two = base.convert("1")
two.save("two.png")
two.save("fax4.tiff", compression="group4")
two.convert("RGB").save("two.ref.png")

# Inks. Programs mean inverted inks in JPEG, and plain ones in TIFF.
data = open("cmyk.jpg", "rb").read()
i = data.index(b"\xff\xee\x00\x0eAdobe")
for name, changed in ("ycck.jpg", data[:i + 15] + b"\x02" + data[i + 16:]), ("cmyk_plain.jpg", data[:i] + data[i + 16:]):
    open(name, "wb").write(changed)
    Image.open(name).convert("RGB").save(name + ".ref.png")
base.convert("CMYK").save("cmyk.tiff", compression="tiff_lzw")
base.convert("CMYK").convert("RGB").save("cmyk.tiff.ref.png")

base.quantize(16).save("palette.tiff")
base.quantize(16).save("palette.bmp")
alpha.save("alpha.tiff", compression="tiff_adobe_deflate")
base.save("pages.tiff", save_all=True, append_images=[Image.new("RGB", (5, 5))])
base.save("animated.webp", save_all=True, append_images=[Image.new("RGB", (w, h), "red")], duration=100, lossless=True)
base.quantize(16).save("animated.gif", save_all=True, append_images=[Image.new("RGB", (w, h), "red").quantize(2)], duration=100)
alpha.save("alpha_lossy.webp", quality=95)
Image.open("alpha_lossy.webp").convert("RGBA").save("alpha_lossy.ref.png")


def tiff(name, tags, blobs, order="<"):
    """tags: {tag: list of numbers, or bytes}; what is longer than 4 bytes goes behind the directory. blobs: strips or tiles, which tags
    324 and 325 or 273 and 279 tell of."""
    where, size = (324, 325) if 322 in tags else (273, 279)
    tags = dict(tags) | {where: [0] * len(blobs), size: [len(b) for b in blobs]}
    at = 8
    place = []
    for b in blobs:
        place.append(at)
        at += len(b)
    tags[where] = place
    tail, head, more = at + 2 + 12 * len(tags) + 4, b"", b""
    for t in sorted(tags):
        v = tags[t]
        kind, n = (7, len(v)) if isinstance(v, bytes) else (4, len(v)) if t in (where, size) else (3, len(v))
        body = v if kind == 7 else struct.pack(order + str(n) + ("I" if kind == 4 else "H"), *v)
        if len(body) > 4:
            head += struct.pack(order + "HHII", t, kind, n, tail + len(more))
            more += body + b"\0" * (len(body) % 2)
        else:
            head += struct.pack(order + "HHI", t, kind, n) + body.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    with open(name, "wb") as f:
        f.write(mark + struct.pack(order + "I", at) + b"".join(blobs) + struct.pack(order + "H", len(tags)) + head + b"\0\0\0\0" + more)


size = {256: [w], 257: [h]}
rgb = size | {258: [8, 8, 8], 259: [1], 262: [2], 277: [3]}
tiff("tiled.tiff", rgb | {322: [16], 323: [16]}, [np.pad(a[:, x:x + 16], ((0, 0), (0, 16 - a[:, x:x + 16].shape[1]), (0, 0))).tobytes() for x in (0, 16)])
tiff("strips.tiff", rgb | {278: [5]}, [a[y:y + 5].tobytes() for y in range(0, h, 5)], order=">")
tiff("deep.tiff", size | {258: [16, 16, 16], 259: [8], 262: [2], 277: [3], 278: [h]}, [zlib.compress((a.astype(">u2") * 257).tobytes())], order=">")
tiff("planes.tiff", rgb | {278: [h], 284: [2]}, [a[:, :, c].tobytes() for c in range(3)])
tiff("fourth.tiff", size | {258: [8, 8, 8, 8], 259: [1], 262: [2], 277: [4], 278: [h], 338: [0]}, [np.dstack([a, 7 * np.ones((h, w), np.uint8)]).tobytes()])

# An ICC profile that is not sRGB's: wide primaries and a gamma of 2.2.
def s15(*v):
    return b"".join(struct.pack(">i", round(x * 65536)) for x in v)


text = b"Wide test space"
icc = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + b"\0" * 78, b"cprt": b"text\0\0\0\0none\0",
       b"wtpt": b"XYZ \0\0\0\0" + s15(0.9642, 1, 0.8249), b"rXYZ": b"XYZ \0\0\0\0" + s15(0.6097, 0.3111, 0.0195),
       b"gXYZ": b"XYZ \0\0\0\0" + s15(0.2053, 0.6257, 0.0609), b"bXYZ": b"XYZ \0\0\0\0" + s15(0.1492, 0.0632, 0.7446)}
for c in b"rTRC", b"gTRC", b"bTRC":
    icc[c] = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563)
table, body = b"", b""
for name, v in icc.items():
    v = v.ljust((len(v) + 3) // 4 * 4, b"\0")
    table += name + struct.pack(">II", 132 + 12 * len(icc) + len(body), len(v))
    body += v
rest = struct.pack(">I", len(icc)) + table + body
profile = (struct.pack(">I", 128 + len(rest)) + b"none\x02\x10\0\0mntrRGB XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp").ljust(68, b"\0")
profile = (profile + s15(0.9642, 1, 0.8249)).ljust(128, b"\0") + rest
open("wide.icc", "wb").write(profile)
base.save("wide.png", icc_profile=profile)
base.save("wide.jpg", icc_profile=profile, quality=95, subsampling=0)
base.save("wide.tiff", icc_profile=profile)
base.save("wide.webp", icc_profile=profile, lossless=True)
assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip() == text.decode()

# PNM of every kind, binary by Pillow and as text.
base.save("base.ppm")
base.convert("L").save("gray.pgm")
Image.open("two.png").convert("1").save("two.pbm")
px = np.asarray(base)
with open("text.ppm", "w") as f:
    f.write("P3\n# made by hand\n24 16\n255\n" + "\n".join(" ".join(map(str, row.reshape(-1))) for row in px))
with open("deep.ppm", "wb") as f:
    f.write(b"P6 24 16 65535\n" + (px.astype(">u2") * 257).tobytes())

# HEIC and AVIF, with pillow-heif 1.8 (x265) and Pillow's libavif; the references are what they read.
# Photographs from phones are stored turned, as orientation_6 is.
import pillow_heif

pillow_heif.register_heif_opener()
lossy("base.heic", base, quality=95, chroma="444")
lossy("odd.heic", base.crop((0, 0, 23, 15)), quality=95, chroma="444")
lossy("gray.heic", base.convert("L"), quality=95)
lossy("base.avif", base, quality=95, subsampling="4:4:4")
Image.open("alpha.png").save("alpha.avif", quality=95, subsampling="4:4:4", alpha_premultiplied=False)
Image.open("alpha.avif").save("alpha.avif.ref.png")
im, exif = turned(6)
im.save("orientation_6.heic", quality=95, chroma="444", exif=exif.tobytes())
im.save("orientation_6.avif", quality=95, subsampling="4:4:4", exif=exif)
