#!/bin/sh
# Back up a gateway that runs, restore the backup into a scratch directory, and say whether one could go on with it.
#   drill.sh DIR KEYSDIR [OPTION ...]       options of consent gateway: --settings FILE, --state DIR
# DIR and KEYSDIR are made below the directories given, named by the day; they should be on different machines' disks.
# Copies of the keys that are older than KEEP_DAYS (30) are deleted: an erasure is not whole while one is there.
set -eu

if [ "$#" -lt 2 ]; then
    echo "usage: drill.sh DIR KEYSDIR [OPTION ...]" >&2
    exit 2
fi
database="$1/consent-$(date -u +%Y%m%dT%H%M%SZ)"
keys="$2/consent-keys-$(date -u +%Y%m%dT%H%M%SZ)"
kept="$2"
shift 2

consent gateway backup "$database" --keys "$keys" "$@"
consent gateway drill "$database" --keys "$keys" "$@"
find "$kept" -mindepth 1 -maxdepth 1 -type d -name 'consent-keys-*' -mtime "+${KEEP_DAYS:-30}" -exec rm -r {} +
