#!/usr/bin/env bash
# `make status`: pods, scaling, queues and the newest objects.
source "$(dirname "$0")/common.sh"
need_cluster_tools
have_cluster || die "there is no cluster $CLUSTER: make up"
aws() { k -n "$NAMESPACE" exec deployment/sluice-localstack -- awslocal "$@" 2>/dev/null; }
k -n "$NAMESPACE" get pods -o wide
k -n "$NAMESPACE" get scaledobject,hpa
echo
for queue in $(aws sqs list-queues --query 'QueueUrls[]' --output text); do
  printf '%-24s waiting %s, in flight %s\n' "${queue##*/}" $(aws sqs get-queue-attributes --queue-url "$queue" \
    --attribute-names ApproximateNumberOfMessages ApproximateNumberOfMessagesNotVisible \
    --query '[Attributes.ApproximateNumberOfMessages, Attributes.ApproximateNumberOfMessagesNotVisible]' --output text)
done
objects=$(aws s3 ls --recursive "$(place)" || true)
printf '\n%s objects; the newest:\n%s\n' "$(printf '%s' "$objects" | grep -c . || true)" "$(printf '%s' "$objects" | tail -3)"
