#!/usr/bin/env bash
# Compares the CPU seconds of Farcast's ladder with those of the ffmpeg program for the same ladder and
# settings: three rounds, alternating, medians; ours in the origin's own threads, and in a process of its own as broadcasts have it.
# Exit code 1 if ours costs more than 1.1 times ffmpeg's.
#
#   loadtests/bench-transcode.sh [path of the transcode_file example] [path of farcast-origin]
#
# Without paths both are built first. Both read the same clip, discard their output, drop no frame.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=${1:-} origin=${2:-}
if [ -z "$program" ] || [ -z "$origin" ]; then
    (cd "$root" && cargo build --release -p farcast-origin --bins --example transcode_file)
    program=${CARGO_TARGET_DIR:-$root/target}/release/examples/transcode_file
    origin=${CARGO_TARGET_DIR:-$root/target}/release/farcast-origin
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clip=$work/clip.mp4
ffmpeg -v error -y -f lavfi -i "testsrc2=s=1920x1080:r=30:d=30,noise=alls=12:allf=t" \
    -f lavfi -i "sine=r=48000:d=30" -c:v libx264 -preset veryfast -b:v 6M -g 60 -bf 0 -pix_fmt yuv420p \
    -c:a aac -b:a 128k "$clip"

# Threads per encoder as origin/src/transcode/encode.rs chooses them.
cores=$(nproc)
threads() { if [ "$1" -le 480 ]; then echo 1; elif [ "$cores" -lt 2 ]; then echo "$cores"; else echo 2; fi; }
x264() { # bit rate in kbps, height
    echo -c:v libx264 -preset veryfast -tune zerolatency -profile:v high -pix_fmt yuv420p -bf 0 -sc_threshold 0 \
        -b:v "$1k" -maxrate "$(($1 * 106 / 100))k" -bufsize "$(($1 * 12 / 10))k" -g 300 -forced-idr 1 \
        -force_key_frames 'expr:gte(t,n_forced*2)' -threads "$(threads "$2")" -flags +global_header+cgop
}

ffmpeg_ladder() { # ladder
    local stats=$work/ffmpeg.txt
    local decode=(-threads "$((cores < 4 ? cores : 4))" -thread_type slice -flags low_delay)
    if [ "$1" = default ]; then
        set -- -map 0:v -map 0:a -c copy -f null - \
            -map 0:v -map 0:a -vf scale=854:480:flags=bilinear $(x264 1200 480) -c:a copy -f null -
    else
        set -- -map 0:v -map 0:a -vf scale=1280:720:flags=bilinear $(x264 2500 720) -c:a aac -b:a 128k -f null - \
            -map 0:v -map 0:a -vf scale=640:360:flags=bilinear $(x264 800 360) -c:a aac -b:a 128k -f null -
    fi
    ffmpeg -nostdin -y -benchmark -progress "$work/progress.txt" "${decode[@]}" -i "$clip" "$@" 2>"$stats"
    local cpu frames
    cpu=$(sed -n 's/^bench: utime=\([0-9.]*\)s stime=\([0-9.]*\)s.*/\1 \2/p' "$stats" | awk '{ print $1 + $2 }')
    frames=$(sed -n 's/^frame=//p' "$work/progress.txt" | tail -1)
    echo "$cpu $frames"
}

ours_ladder() { # ladder, more arguments
    local ladder=$1
    shift
    "$program" "$clip" --ladder "$ladder" "$@" |
        sed 's/.*"cpu_s":\([0-9.]*\),"frames":\[\([0-9,]*\)\].*/\1 \2/'
}

median() { sort -n | sed -n 2p; }

failed=0
for ladder in default 720p+360p; do
    : >"$work/ours"
    : >"$work/theirs"
    : >"$work/apart"
    for round in 1 2 3; do
        read -r ours our_frames < <(ours_ladder "$ladder")
        read -r apart apart_frames < <(ours_ladder "$ladder" --worker "$origin")
        read -r theirs their_frames < <(ffmpeg_ladder "$ladder")
        echo "$ladder round $round: farcast $ours s ($our_frames frames), in a process of its own $apart s ($apart_frames), ffmpeg $theirs s ($their_frames frames)"
        echo "$ours" >>"$work/ours"
        echo "$theirs" >>"$work/theirs"
        echo "$apart" >>"$work/apart"
    done
    for way in ours apart; do
        ratio=$(awk -v a="$(median <"$work/$way")" -v b="$(median <"$work/theirs")" 'BEGIN { printf "%.3f", a / b }')
        echo "$ladder, $way: CPU ratio farcast / ffmpeg = $ratio"
        awk -v r="$ratio" 'BEGIN { exit !(r > 1.1) }' && failed=1
    done
done
exit "$failed"
