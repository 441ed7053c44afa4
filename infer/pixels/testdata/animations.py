"""Makes the animations in this folder, and strips of the frames that Pillow and, for PNG, FFmpeg compose
from them (Pillow 12 multiplies the alpha of APNG twice). Run it here with Pillow 12, FFmpeg and the tools
of libwebp (cwebp, webpmux).

The parts of the frames differ in place, size, transparency, disposal and blending.
"""
import os, struct, subprocess, zlib
import numpy as np
from PIL import Image

W, H = 13, 11
rng = np.random.default_rng(7)


def part(w, h, color, alpha):
    a = np.empty((h, w, 4), np.uint8)
    a[..., :3] = color
    a[::2, ::3, :3] = 255 - np.array(color, np.uint8)
    a[..., 3] = 255
    a[: h // 2, : w // 2, 3] = alpha
    return Image.fromarray(a, "RGBA")


# left, top (even, for WebP), image, disposal as in APNG, blend
frames = [(0, 0, part(W, H, (200, 30, 20), 255), 0, 0), (2, 2, part(6, 5, (20, 180, 60), 0), 1, 1),
          (4, 0, part(7, 9, (10, 40, 220), 128), 0, 1), (0, 4, part(9, 7, (240, 220, 0), 90), 2, 0),
          (6, 6, part(5, 4, (0, 0, 0), 0), 0, 1)]
delays = [40, 70, 100, 200, 50]


def strip(name):
    im = Image.open(name)
    if name.endswith("png"):
        raw = subprocess.run(["ffmpeg", "-v", "error", "-f", "apng", "-i", name, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "rgba", "-"],
                             check=True, capture_output=True).stdout
        Image.frombytes("RGBA", (W, len(raw) // W // 4), raw).save(name + ".ref.png", optimize=True)
        return
    out = Image.new("RGBA", (W, H * im.n_frames))
    for i in range(im.n_frames):
        im.seek(i)
        out.paste(im.convert("RGBA"), (0, i * H))
    out.save(name + ".ref.png", optimize=True)
    print(name, im.n_frames, im.info)


# GIF, by hand: an image data stream without compression (a clear code before the table grows).
def gif(name):
    out = b"GIF89a" + struct.pack("<HHBBB", W, H, 0, 0, 0) + b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", 4) + b"\0"
    for (x, y, im, dispose, _), delay in zip(frames, delays):
        pixels = [tuple(p) for p in np.asarray(im).reshape(-1, 4)]
        opaque = sorted({p[:3] for p in pixels if p[3] >= 128})
        palette = opaque + [(9, 9, 9)] * (8 - len(opaque))
        index = [opaque.index(p[:3]) if p[3] >= 128 else 7 for p in pixels]
        bits, data = "", b""
        for i, v in enumerate(index):
            bits = f"{v:04b}" + (f"{8:04b}" if i % 4 == 0 else "") + bits
        bits = f"{9:04b}" + bits
        bits = "0" * (-len(bits) % 8) + bits
        data = int(bits, 2).to_bytes(len(bits) // 8, "little")
        out += b"\x21\xf9\x04" + struct.pack("<BHB", ([1, 2, 3][dispose] << 2) | 1, delay // 10, 7) + b"\0"
        out += b"\x2c" + struct.pack("<HHHHB", x, y, im.width, im.height, 0x82) + bytes(sum(palette, ()))
        out += b"\x03" + b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"
    open(name, "wb").write(out + b"\x3b")


def png(name):
    chunk = lambda n, b: struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b))
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, 8, 6, 0, 0, 0)) + chunk(b"acTL", struct.pack(">II", len(frames), 5))
    number = 0
    for i, ((x, y, im, dispose, blend), delay) in enumerate(zip(frames, delays)):
        out += chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, im.width, im.height, x, y, delay, 1000, dispose, blend))
        number += 1
        rows = b"".join(b"\0" + r.tobytes() for r in np.asarray(im))
        if i == 0:
            out += chunk(b"IDAT", zlib.compress(rows))
        else:
            out += chunk(b"fdAT", struct.pack(">I", number) + zlib.compress(rows))
            number += 1
    open(name, "wb").write(out + chunk(b"IEND", b""))


def webp(name):
    args, made = [], []
    for i, ((x, y, im, dispose, blend), delay) in enumerate(zip(frames, delays)):
        im.save("part.png")
        made.append(f"part{i}.webp")
        subprocess.run(["cwebp", "-quiet", "-lossless", "-exact", "part.png", "-o", made[-1]], check=True)
        args += ["-frame", made[-1], f"+{delay}+{x}+{y}+{1 if dispose == 1 else 0}{'+b' if blend else '-b'}"]
    subprocess.run(["webpmux", *args, "-loop", "5", "-o", name], check=True)
    for f in made + ["part.png"]:
        os.remove(f)


gif("parts.gif"), png("parts.png"), webp("parts.webp")
for n in ("parts.gif", "parts.png", "parts.webp"):
    strip(n)
