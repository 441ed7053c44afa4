"""Makes the pictures in this folder. Run it here, with Pillow 13 and NumPy 2:

    python3 -m venv venv && venv/bin/pip install pillow numpy && venv/bin/python make.py

The files are what Go's own encoders cannot make (EXIF, CMYK, WebP, progressive
and interlaced data), and references computed by PIL. base.png is the picture
that the other files hold; NAME.ref.png is what PIL reads from a lossy NAME.
"""
import numpy as np
from PIL import Image, ImageOps

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
