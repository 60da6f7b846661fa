#!/bin/sh
# Usage: sh docker/make-secrets.sh 'esdb://user:password@host:2113?tls=true'
# Makes docker/secrets/ with fresh random secrets and the event store's URL; never overwrites one. Keep a copy elsewhere: without master_key and
# index_secret the personal data in the event log cannot be read, and no identity is recognized.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
if [ ! -e secrets/event_store_url ]; then
  case "${1:-}" in
    esdb://* | esdb+discover://*) printf '%s\n' "$1" >secrets/event_store_url ;;
    *)
      echo "Name the event store: sh $0 'esdb://user:password@host:2113?tls=true'" >&2
      exit 2
      ;;
  esac
fi
for name in postgres_password identity_password projector_password process_manager_password cli_password; do
  [ -e "secrets/$name" ] || openssl rand -hex 32 >"secrets/$name"
done
[ -e secrets/process_manager_database_url ] ||
  printf 'postgresql://ligature_process_manager:%s@postgres:5432/ligature\n' "$(cat secrets/process_manager_password)" >secrets/process_manager_database_url
for name in master_key index_secret cookie_secret; do
  [ -e "secrets/$name" ] || openssl rand -base64 32 >"secrets/$name"
done
# The folder is closed to others. The files are readable, because each container's own user reads them.
chmod 444 secrets/*
