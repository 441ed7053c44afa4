#!/bin/sh
# Makes, with libjpeg-turbo 2.1.5, sampling_*.jpg: one image of 37x29 pixels, with the components sampled as
# each name says.
set -e
cd "$(dirname "$0")"
awk 'BEGIN { print "P3 37 29 255"; for (y = 0; y < 29; y++) for (x = 0; x < 37; x++)
	print int(127+127*sin(x/5)), int(255*y/28), int(127+127*sin((x+y)/7)) }' >sampling.ppm
for sampling in 1x1 1x4 2x1,1x1,1x2 3x1; do
	cjpeg -sample $sampling sampling.ppm >sampling_$(echo $sampling | tr , _).jpg
done
cjpeg -progressive -sample 1x1,2x2,2x2 sampling.ppm >sampling_1x1_2x2_2x2.jpg
rm sampling.ppm
