#!/bin/sh
# Makes, with ImageMagick 6 and ExifTool 12.57, metadata.jpg, 40x30 pixels with metadata in every place, and
# metadata.heic and metadata.avif, which have its EXIF and XMP.
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
for format in heic avif; do
	cp ../../../testdata/pictures/base.$format metadata.$format
	exiftool -q -overwrite_original -TagsFromFile metadata.jpg -all:all --IPTC:all --ThumbnailImage metadata.$format
done
