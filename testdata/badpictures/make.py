"""Makes the files in this folder: damaged, hostile and mistaken pictures, each named for what is wrong with it. Needs Python alone:

    python3 make.py

They are put together byte by byte, some from the pictures in ../pictures. What becomes of each stands in the table of
infer/pixels/hostile_test.go.
"""
import os
import struct
import zlib

good = lambda name: open(os.path.join("..", "pictures", name), "rb").read()


def put(name, data):
    assert len(data) < 70_000, name
    with open(name, "wb") as f:
        f.write(data)


# Nothing, and other things than pictures.
put("empty.png", b"")
put("one_byte.jpg", b"\xff")
put("text.png", b"This is no picture.\n")
put("web_page.jpg", b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n")
put("zeros.jpg", bytes(500))
put("heic.jpg", struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(100))
put("avif.png", struct.pack(">I", 24) + b"ftypavif" + bytes(4) + b"mif1avif" + bytes(100))
put("jpeg_xl.jpg", b"\xff\x0a" + bytes(50))
put("photoshop.png", b"8BPS\0\1" + bytes(50))
put("vector.png", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>")
put("archive.png", b"PK\3\4" + bytes(50))
put("big.tiff", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + bytes(50))
put("sound.webp", b"RIFF\x24\0\0\0WAVEfmt " + bytes(28))
put("signature_alone.png", b"\x89PNG\r\n\x1a\n")
put("mislabelled_png.jpg", good("base.png"))
put("mislabelled_webp.tiff", good("lossless.webp"))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(w, h, idat, depth=8, kind=2, more=b"", interlace=0):
    head = struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


pixels4 = zlib.compress(b"\0" + bytes(12) + b"\0" + bytes(12) + b"\0" + bytes(12) + b"\0" + bytes(12))
bomb = zlib.compress(bytes(60 << 20), 9)  # 60 MiB in 60 KB
put("cut_header.png", good("base.png")[:20])
put("cut_half.png", good("base.png")[:len(good("base.png")) // 2])
put("no_pixels.png", png(0, 5, pixels4))
put("no_data.png", png(4, 4, b""))
put("bad_checksum.png", good("base.png").replace(b"IDAT", b"IDAT\1", 1)[:-1])
put("bad_filter.png", png(4, 4, zlib.compress(b"\x09" + bytes(12) * 5)))
put("bad_zlib.png", png(4, 4, b"\x78\x9c" + b"\xff" * 40))
put("no_palette.png", png(4, 4, pixels4, kind=3))
put("unknown_depth.png", png(4, 4, pixels4, depth=5))
put("beyond_palette.png", png(8, 2, zlib.compress(b"\0" + b"\xff" * 8 + b"\0" + b"\xff" * 8), kind=3, more=chunk(b"PLTE", b"\1\2\3")))
put("claims_4_billion.png", png(65535, 65535, pixels4))
put("claims_2_62.png", png(1 << 31 - 1, 1 << 31 - 1, pixels4))
put("claims_99_million.png", png(11000, 9000, pixels4))
put("claims_99_million_16bit.png", png(11000, 9000, pixels4, depth=16, kind=6, interlace=1))
put("bomb_in_pixels.png", png(4, 4, bomb))
put("bomb_in_profile.png", png(4, 4, pixels4, more=chunk(b"iCCP", b"x\0\0" + bomb)))
put("bomb_in_text.png", png(4, 4, pixels4, more=chunk(b"zTXt", b"Comment\0\0" + bomb)))
put("profile_cut.png", png(4, 4, pixels4, more=chunk(b"iCCP", b"x\0\0" + bomb[:300])))
put("profile_nameless.png", png(4, 4, pixels4, more=chunk(b"iCCP", b"x" * 90)))
put("exif_is_noise.png", png(4, 4, pixels4, more=chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff" + b"\xff" * 30)))
put("chunk_length_lies.png", good("base.png")[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(50))


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(data)) + data


def jpeg(w, h, sof=0xc0, components=3, scans=b"", before=b"", depth=8):
    quant = segment(0xdb, b"\0" + b"\1" * 64)
    dc = segment(0xc4, b"\0" + b"\1" + bytes(15) + b"\0")  # one code of one bit: no difference
    ac = segment(0xc4, b"\x10" + b"\0\2" + bytes(14) + b"\0\xe0")  # of two bits: end of block, end of 2^14 blocks
    frame = segment(sof, struct.pack(">BHHB", depth, h, w, components) + b"".join(bytes([i + 1, 0x11, 0]) for i in range(components)))
    return b"\xff\xd8" + before + quant + frame + dc + ac + scans + b"\xff\xd9"


def scan(components, lo=0, hi=63, bits=b""):
    return segment(0xda, bytes([len(components)]) + b"".join(bytes([c, 0]) for c in components) + bytes([lo, hi, 0])) + bits


jpg = good("subsampled.jpg")
put("cut_header.jpg", jpg[:100])
put("cut_half.jpg", jpg[:len(jpg) - 200])
put("cut_half_progressive.jpg", good("progressive.jpg")[:len(good("progressive.jpg")) // 2])
put("no_pixels.jpg", jpeg(0, 0, scans=scan([1, 2, 3], bits=b"\0")))
put("no_scan.jpg", jpeg(8, 8))
i = jpg.index(b"\xff\xda") + 14
put("noise.jpg", jpg[:i] + bytes(i * i % 251 for i in range(300)))
put("claims_4_billion.jpg", jpeg(65500, 65500, scans=scan([1, 2, 3], bits=bytes(20))))
put("claims_99_million.jpg", jpeg(11000, 9000, scans=scan([1, 2, 3], bits=bytes(20))))
put("claims_99_million_progressive.jpg", jpeg(11000, 9000, sof=0xc2, scans=scan([1, 2, 3], hi=0, bits=bytes(20))))
put("thousand_scans.jpg", jpeg(1000, 1000, sof=0xc2, scans=scan([1, 2, 3], hi=0, bits=bytes(5900)) + scan([1], lo=1, bits=b"\x80\x00\x7f") * 1000))
put("five_colours.jpg", jpeg(8, 8, components=5, scans=scan([1], bits=b"\0")))
put("arithmetic.jpg", jpeg(8, 8, sof=0xc9, scans=scan([1], bits=b"\0")))
put("lossless.jpg", jpeg(8, 8, sof=0xc3, scans=scan([1], bits=b"\0")))
put("twelve_bits.jpg", jpeg(8, 8, sof=0xc1, depth=12, components=1, scans=scan([1], bits=b"\0")))
put("segment_length_zero.jpg", b"\xff\xd8\xff\xe1\0\0" + jpg[2:])
exif = lambda tiff: segment(0xe1, b"Exif\0\0" + tiff)
put("exif_loops.jpg", b"\xff\xd8" + exif(b"MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08\0\0\0\x08") + jpg[2:])
put("exif_count_lies.jpg", b"\xff\xd8" + exif(b"II*\0\x08\0\0\0\xff\xff" + b"\x12\1\3\0\xff\xff\xff\xff\xff\xff\xff\xff") + jpg[2:])
put("exif_64k.jpg", b"\xff\xd8" + exif(b"II*\0\x08\0\0\0" + struct.pack("<H", 5400) + b"\x0f\1\2\0\xff\xff\xff\x7f\0\0\0\0" * 5400) + jpg[2:])
put("profile_part_missing.jpg", b"\xff\xd8" + segment(0xe2, b"ICC_PROFILE\0\2\xff" + bytes(200)) + jpg[2:])
put("profile_255_parts.jpg", b"\xff\xd8" + b"".join(segment(0xe2, b"ICC_PROFILE\0" + bytes([i, 255]) + bytes(100)) for i in range(1, 256)) + jpg[2:])


def gif(w, h, fw, fh, data, x=0, y=0, table=b"\0\0\0\xff\xff\xff", bits=2, more=b""):
    flags = 0x80 if table else 0
    return (b"GIF89a" + struct.pack("<HHBBB", w, h, flags, 0, 0) + table + more + b"," + struct.pack("<HHHHB", x, y, fw, fh, 0)
            + bytes([bits]) + data + b"\0;")


put("cut_half.gif", good("palette.gif")[:len(good("palette.gif")) // 2])
put("no_frame.gif", good("palette.gif")[:13 + 48] + b";")
put("no_pixels.gif", gif(0, 0, 0, 0, b"\1\x2c"))
put("no_colours.gif", gif(4, 4, 4, 4, b"\2\x84\x51", table=b""))
put("bad_code.gif", gif(4, 4, 4, 4, b"\4\xff\xff\xff\xff"))
put("frame_beyond_screen.gif", gif(4, 4, 9000, 9000, b"\2\x84\x51"))
put("claims_4_billion.gif", gif(65535, 65535, 65535, 65535, b"\2\x84\x51"))
put("claims_99_million.gif", gif(11000, 9000, 11000, 9000, b"\2\x84\x51"))
put("screen_of_99_million.gif", gif(11000, 9000, 1, 1, b"\2\x44\1"))
put("comments_only.gif", good("palette.gif")[:13 + 48] + b"!\xfe" + (b"\xff" + bytes(255)) * 200)


def bmp(w, h, bpp, data=b"", compression=0, head=40, table=b""):
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + head + len(table)) + struct.pack("<IiiHHIIiiII", head, w, h, 1, bpp, compression, 0, 0, 0, 0, 0)[:head] + table + data


put("cut_half.bmp", good("base.bmp")[:300])
put("cut_header.bmp", good("base.bmp")[:30])
put("no_pixels.bmp", bmp(0, 0, 24))
put("negative_width.bmp", bmp(-4, 4, 24, bytes(48)))
put("claims_4_billion.bmp", bmp(65535, 65535, 24))
put("claims_99_million.bmp", bmp(11000, 9000, 1, table=bytes(8)))
put("run_length.bmp", bmp(4, 4, 8, bytes(20), compression=1, table=bytes(1024)))
put("sixteen_bits.bmp", bmp(4, 4, 16, bytes(32)))
put("os2.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, 4, 4, 1, 24) + bytes(48))


def tiff(entries, data=b"", after=0, count=None):
    """entries: (tag, type, count, value)."""
    at = 8 + len(data)
    return (b"II*\0" + struct.pack("<I", at) + data + struct.pack("<H", len(entries) if count is None else count)
            + b"".join(struct.pack("<HHII", *e) for e in sorted(entries)) + struct.pack("<I", after))


def gray(w, h, compression=1, offset=8, size=16, more=(), bits=8):
    return [(256, 4, 1, w), (257, 4, 1, h), (258, 3, 1, bits), (259, 3, 1, compression), (262, 3, 1, 1), (273, 4, 1, offset), (278, 4, 1, h),
            (279, 4, 1, size), *more]


put("cut_half.tiff", good("deflate.tiff")[:len(good("deflate.tiff")) // 2])
put("directory_beyond_end.tiff", b"II*\0\xff\xff\xff\x7f" + bytes(50))
put("directory_loops.tiff", tiff(gray(4, 4), bytes(16), after=24))
put("directory_count_lies.tiff", tiff(gray(4, 4), bytes(16), count=65535))
put("no_pixels.tiff", tiff(gray(0, 4), bytes(16)))
put("no_data.tiff", tiff([e for e in gray(4, 4) if e[0] != 273]))
put("strip_beyond_end.tiff", tiff(gray(4, 4, offset=1 << 30), bytes(16)))
put("strip_of_4_gigabytes.tiff", tiff(gray(4, 4, size=0xffffffff), bytes(16)))
put("four_billion_strips.tiff", tiff([e if e[0] != 273 else (273, 4, 0x1fffffff, 8) for e in gray(4, 4)], bytes(16)))
put("claims_4_billion.tiff", tiff(gray(65535, 65535), bytes(16)))
put("claims_99_million.tiff", tiff(gray(11000, 9000), bytes(16)))
put("claims_99_million_packed.tiff", tiff(gray(11000, 9000, compression=8, size=len(pixels4)), pixels4))
put("bomb_in_strip.tiff", tiff(gray(64, 64, compression=8, size=len(bomb)), bomb))
put("tile_of_4_billion.tiff", tiff([(322, 4, 1, 65536), (323, 4, 1, 65536), (324, 4, 1, 8), (325, 4, 1, 16)]
                                   + [e for e in gray(4, 4) if e[0] not in (273, 278, 279)], bytes(16)))
put("tiles_without_height.tiff", tiff([(322, 4, 1, 16), (323, 4, 1, 0), (324, 4, 1, 8), (325, 4, 1, 16)]
                                      + [e for e in gray(4, 4) if e[0] not in (273, 278, 279)], bytes(16)))
put("no_bits.tiff", tiff(gray(4, 4, bits=0), bytes(16)))
put("twelve_bits.tiff", tiff(gray(4, 4, bits=12), bytes(24)))
put("jpeg_inside.tiff", tiff(gray(4, 4, compression=7), bytes(16)))
put("bad_lzw.tiff", tiff(gray(4, 4, compression=5), b"\xff" * 16))
put("palette_missing.tiff", tiff([e if e[0] != 262 else (262, 3, 1, 3) for e in gray(4, 4)], bytes(16)))
put("planes.tiff", good("planes.tiff"))
put("floats.tiff", tiff(gray(4, 4, bits=32, more=[(339, 3, 1, 3)]), bytes(64)))
put("profile_of_4_gigabytes.tiff", tiff(gray(4, 4, more=[(34675, 7, 0xffffffff, 8)]), bytes(16)))


def riff(*chunks):
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def vp8x(w, h, flags=0):
    return b"VP8X", bytes([flags, 0, 0, 0]) + struct.pack("<I", w - 1)[:3] + struct.pack("<I", h - 1)[:3]


def vp8l(w, h, data=bytes(20)):
    return b"VP8L", b"\x2f" + struct.pack("<I", (w - 1) | (h - 1) << 14) + data


lossy = good("lossy.webp")
put("cut_half.webp", lossy[:len(lossy) // 2])
put("cut_half_lossless.webp", good("lossless.webp")[:len(good("lossless.webp")) // 2])
put("no_picture.webp", riff(vp8x(4, 4)))
put("length_lies.webp", lossy[:4] + b"\xff\xff\xff\x7f" + lossy[8:])
put("chunk_length_lies.webp", lossy[:16] + b"\xff\xff\xff\x7f" + lossy[20:])
put("canvas_of_2_48.webp", riff(vp8x(1 << 24, 1 << 24)))
put("claims_268_million.webp", riff(vp8l(16384, 16384)))
put("claims_99_million.webp", riff(vp8l(11000, 9000)))
put("small_canvas_large_picture.webp", riff(vp8x(4, 4), vp8l(11000, 9000)))
put("large_alpha.webp", riff(vp8x(11000, 9000, 16), (b"ALPH", b"\0" + bytes(20)), (b"VP8 ", bytes(20))))
put("bad_trees.webp", riff(vp8l(4, 4, b"\xff" * 40)))
frame = struct.pack("<I", 0)[:3] * 2 + struct.pack("<I", 3)[:3] * 2 + bytes(4)
put("animation_without_frame.webp", riff(vp8x(4, 4, 2), (b"ANIM", bytes(6))))
put("animation_frame_cut.webp", riff(vp8x(4, 4, 2), (b"ANIM", bytes(6)), (b"ANMF", frame[:9])))
put("animation_frame_large.webp", riff(vp8x(4, 4, 2), (b"ANIM", bytes(6)), (b"ANMF", frame + riff(vp8l(11000, 9000))[12:])))
put("animation_canvas_large.webp", riff(vp8x(11000, 9000, 2), (b"ANIM", bytes(6)), (b"ANMF", frame + riff(vp8l(4, 4))[12:])))
