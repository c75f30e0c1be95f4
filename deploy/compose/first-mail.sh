#!/bin/sh
# first-mail.sh SECRETS: queues a mail as any producer does, waits until it is sent and says where it is.
set -eu

if [ "$SMTP_HOST:$EMAIL_TRANSPORT" != :smtp ]; then
  echo "SMTP_HOST or EMAIL_TRANSPORT is set in .env, so mail does not go to the catcher, and no first mail is sent."
  exit
fi

redis() { redis-cli --no-auth-warning -u "$url" "$@"; }

url=$(cat "$1/redis_url")
id=first-mail-$(date +%s)
redis lpush "$QUEUE_PREFIX:email:pending" '{"id":"'"$id"'","to":"you@example.com","subject":"Hello from the queue",
  "body":"This mail waited in Redis until email-worker took it."}' >/dev/null

seconds=0
until [ "$(redis hget "$QUEUE_PREFIX:email:status:$id" state)" = sent ]; do
  if [ "$seconds" -ge 60 ]; then
    echo "The first mail was queued and is not sent yet. Why: docker compose logs email-worker" >&2
    exit 1
  fi
  seconds=$((seconds + 1))
  sleep 1
done
echo "The first mail is in the catcher. Look at $WEB"
