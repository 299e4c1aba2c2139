#!/usr/bin/env bash
# Deploys a release as scripts usually do: a lock directory, a trap that cleans up and goes back, the version in a file at the end.
#   deploy-with-lock.sh ROOT VERSION APPLICATION_URL NODE PROGRAM
set -euo pipefail
root=$1 version=$2 url=$3 node=$4 program=$5
is_healthy() { curl --silent --fail --output /dev/null --max-time 5 "$url"; }

if ! mkdir "$root/deploy.lock"; then
  echo "another deployment of $root is going on" >&2
  exit 75
fi
before=$(basename "$(readlink "$root/current")")
is_switched=no

switch_to() {
  ln -sfn "releases/$1" "$root/current.new"
  mv -T "$root/current.new" "$root/current"
  "$node" "$program" restart "$url"
}

finish() {
  code=$?
  trap - EXIT
  if [ "$code" -ne 0 ] && [ "$is_switched" = yes ]; then
    switch_to "$before" || echo "could not go back to $before" >&2
  fi
  rmdir "$root/deploy.lock"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

healthy_within_a_second() {
  for _ in 1 2 3 4 5 6 7; do
    if is_healthy; then return 0; fi
    sleep 0.15
  done
  return 1
}

[ -d "$root/releases/$version" ]
"$node" "$program" hook
is_switched=yes
switch_to "$version"
healthy_within_a_second
for _ in 1 2 3 4 5 6 7; do
  is_healthy
  sleep 0.15
done
echo "$version" >"$root/VERSION.new"
mv "$root/VERSION.new" "$root/VERSION"
