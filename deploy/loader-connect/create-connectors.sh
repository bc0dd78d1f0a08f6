#!/bin/sh
# Creates each connector of a folder: create-connectors.sh CONNECT_URL FOLDER
# with CONNECT_REST_USER and CONNECT_REST_PASSWORD, if the worker asks for them.
set -eu
url=$1
folder=$2
ask() {
  curl -s ${CONNECT_REST_USER:+-u "$CONNECT_REST_USER:$CONNECT_REST_PASSWORD"} -o /tmp/answer -w '%{http_code}' "$@"
}
for file in "$folder"/*.json; do
  name=$(sed -n 's/^ *"name": *"\([^"]*\)".*/\1/p' "$file" | head -n 1)
  tries=0
  while true; do
    # Connect takes {"name", "config"} when it creates a connector. 409 is said of one that exists, which
    # is left as it is, and while workers join.
    code=$(ask -X POST -H 'Content-Type: application/json' --data @"$file" \
      --retry 60 --retry-delay 2 --retry-connrefused "$url/connectors")
    if [ "$code" = 201 ] || { [ "$code" = 409 ] && [ "$(ask "$url/connectors/$name")" = 200 ]; }; then
      echo "$file: $code"
      break
    fi
    tries=$((tries + 1))
    if [ "$code" != 409 ] || [ "$tries" -ge 60 ]; then
      echo "$file: HTTP $code" >&2
      cat /tmp/answer >&2
      exit 1
    fi
    sleep 2
  done
done
