"""Writes limited.heic, with Pillow and pillow-heif 1.8 (x265): testdata/pictures/base.png in the limited range and
the color matrix of ITU-R BT.709, which the HEVC stream states, and the file does not."""

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
Image.open("../../../testdata/pictures/base.png").convert("RGB").save(
    "limited.heic", quality=95, chroma="444", full_range_flag=0, matrix_coefficients=1, color_primaries=1, transfer_characteristics=13, save_nclx_profile=False)
