#!/bin/sh
# Creates each connector of a folder: create-connectors.sh CONNECT_URL FOLDER
# with CONNECT_REST_USER and CONNECT_REST_PASSWORD, if the worker asks for them.
set -eu
url=$1
folder=$2
for file in "$folder"/*.json; do
  # Connect takes {"name", "config"} when it creates a connector; what exists already is left (409).
  code=$(curl -s ${CONNECT_REST_USER:+-u "$CONNECT_REST_USER:$CONNECT_REST_PASSWORD"} -o /tmp/answer -w '%{http_code}' -X POST -H 'Content-Type: application/json' \
    --data @"$file" --retry 60 --retry-delay 2 --retry-connrefused "$url/connectors")
  case "$code" in
    201 | 409) echo "$file: $code" ;;
    *) echo "$file: HTTP $code" >&2; cat /tmp/answer >&2; exit 1 ;;
  esac
done
