"""Writes the images of this folder. Needs pillow, numpy and tifffile.

scan.png and scan.tiff are the same 12-bit image in 16-bit samples, gray; scan_color.tiff has three
channels, and signed.tiff has negative values. The others are what the two libraries make of them.
"""
import numpy as np
import tifffile
from PIL import Image

W, H = 24, 16
y, x = np.mgrid[0:H, 0:W]
scan = np.clip(300 + 150 * x + 3 * y * y + 700 * np.sin(0.9 * x + 0.7 * y), 40, 3800).round().astype(np.uint16)
scan[0, 0], scan[0, 1] = 0, 4095
color = np.stack([scan, 4095 - scan, scan[:, ::-1]], axis=2)

Image.fromarray(scan).save("scan.png", optimize=True)
tifffile.imwrite("scan.tiff", scan, photometric="minisblack", compression="zlib")
tifffile.imwrite("scan_color.tiff", color, photometric="rgb", planarconfig="contig", compression="zlib")
# CT values from -1024 on, as some programs write them.
tifffile.imwrite("signed.tiff", scan.astype(np.int16) - 1024, photometric="minisblack", compression="zlib")


def resize(plane, w, h):
    f = np.asarray(Image.fromarray(plane.astype(np.float32)).resize((w, h), Image.BICUBIC))
    return np.clip(np.floor(f + 0.5), 0, 65535).astype(np.uint16)


# Bicubic resizing at full precision, as PIL does it for floats, from values stretched to all 16 bits.
full = (scan.astype(np.float64) * 65535 / 4095).round().astype(np.uint16)
for w, h in (11, 9), (40, 30):
    Image.fromarray(resize(full, w, h)).save(f"scan_{w}x{h}.png", optimize=True)

# The values 500 to 2500 as the values 0 to 65535, with the others clamped.
window = (np.clip(scan.astype(np.float64) - 500, 0, 2000) * 65535 / 2000 + 0.5).astype(np.uint16)
Image.fromarray(window).save("scan_500_2500.png", optimize=True)
