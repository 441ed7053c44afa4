#!/bin/sh
# Makes streams of one frame from testdata/pictures/base.png with FFmpeg 5.1.
set -e
cd "$(dirname "$0")"
picture=../../../testdata/pictures/base.png
for format in yuv420p yuv422p yuv444p yuv411p gray yuv420p10le yuv444p10le; do
	ffmpeg -v error -y -i $picture -vf "scale=sws_flags=accurate_rnd+full_chroma_int" -pix_fmt $format -strict -1 -f yuv4mpegpipe $format.y4m
done
ffmpeg -v error -y -i $picture -vf "scale=sws_flags=accurate_rnd+full_chroma_int:out_range=full" -pix_fmt yuvj420p -strict -1 -f yuv4mpegpipe full.y4m
ffmpeg -v error -y -i $picture -vf "scale=sws_flags=accurate_rnd+full_chroma_int" -chroma_sample_location left -pix_fmt yuv420p -f yuv4mpegpipe left.y4m
ffmpeg -v error -y -i $picture -vf "crop=24:1:0:0,scale=1280:2:sws_flags=accurate_rnd+full_chroma_int+neighbor:out_color_matrix=bt709" -pix_fmt yuv444p -f yuv4mpegpipe wide.y4m
