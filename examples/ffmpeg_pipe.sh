#!/usr/bin/env bash
# Decode with ffmpeg, retarget, encode with ffmpeg: any codec that ffmpeg has, and the sound copied.
#
#     ./ffmpeg_pipe.sh MODEL clip.mp4 wide.mkv --scale 1.5x1
#     ENCODER="-c:v libsvtav1 -crf 30" ./ffmpeg_pipe.sh MODEL clip.mp4 wide.webm --size 960x540
#
# MODEL is a run folder or an exported model; what follows the files goes to `ingan-fast video`. Frames travel as y4m,
# which has one rate: `-fps_mode cfr` makes a clip of variable rate even, so that sound and picture stay together.
# Run with ffmpeg 5.1.
set -euo pipefail

if (($# < 4)); then
    echo "usage: $0 MODEL CLIP OUT --size WxH | --scale SXxSY | --corners \"x,y x,y x,y x,y\"" >&2
    exit 2
fi
model=$1 clip=$2 out=$3
shift 3
read -ra encoder <<<"${ENCODER:--c:v libx264 -crf 18}"

ffmpeg -nostdin -v error -i "$clip" -map 0:v:0 -fps_mode cfr -pix_fmt yuv420p -f yuv4mpegpipe - |
    ingan-fast video "$model" --input - "$@" --out - |
    ffmpeg -nostdin -v error -y -f yuv4mpegpipe -i - -i "$clip" -map 0:v -map '1:a?' "${encoder[@]}" -c:a copy "$out"
