#!/bin/sh
# Makes the secrets that compose.yaml hands to the containers, once: what is there stays.
#   ./make-secrets.sh [FOLDER]     without one: the folder `secrets` beside this file
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # keep NAME VALUE
  [ -e "$folder/$1" ] || printf '%s\n' "$2" >"$folder/$1"
  chmod 0444 "$folder/$1" # the folder is closed to others; a container's user has to read it
}

keep admin_key "$(random 24)"
keep secret_key "$(random 32)"
keep postgres_password "$(random 24)"
keep valkey_password "$(random 24)"
keep database_url "postgresql+asyncpg://hub:$(cat "$folder/postgres_password")@postgres:5432/hub"
keep redis_url "redis://:$(cat "$folder/valkey_password")@valkey:6379/0"
echo "The secrets are in $folder; the first key of the API is in $folder/admin_key."
