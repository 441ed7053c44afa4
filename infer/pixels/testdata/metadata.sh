#!/bin/sh
# Makes metadata.jpg, 40x30 pixels with metadata in every place, with ImageMagick 6 and ExifTool 12.57.
set -e
cd "$(dirname "$0")"
convert -size 40x30 gradient:red-navy -strip -density 300 -units PixelsPerInch -quality 70 metadata.jpg
convert -size 16x12 gradient:red-navy -strip -quality 50 thumbnail.jpg
exiftool -q -overwrite_original -Make=Camera -Model=M1 -Artist='Jane Doe' -Copyright='(c) Jane' \
	-DateTimeOriginal='2020:01:02 03:04:05' -ISO=200 -ExposureTime=1/250 -UserComment=hello -InteropIndex=R98 \
	-GPSLatitude=46.5 -GPSLatitudeRef=N -GPSLongitude=7.5 -GPSLongitudeRef=E \
	-Orientation#=6 -ExifImageWidth=40 -ExifImageHeight=30 -XResolution=300 -YResolution=300 \
	-XMP-tiff:Orientation#=6 -XMP-dc:Title='A valley' -XMP-exif:ExifImageWidth=40 \
	-IPTC:Caption-Abstract=caption -IPTC:Keywords=snow '-ThumbnailImage<=thumbnail.jpg' metadata.jpg
rm thumbnail.jpg
