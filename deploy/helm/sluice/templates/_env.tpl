{{/* One variable, unless its value is unset: then the service's own default counts. Call: (list "NAME" value) */}}
{{- define "sluice.setting" -}}
{{- $value := index . 1 -}}
{{- if not (kindIs "invalid" $value) }}{{ if ne (toString $value) "" }}
- name: {{ index . 0 }}
  value: {{ include "sluice.plain" $value | quote }}
{{- end }}{{ end }}
{{- end -}}

{{/*
A container's environment with the user's `extraEnv` in it. A name of the chart's own is replaced: twice the same name
would be refused by a server-side apply. Call: (dict "env" <text> "extra" list)
*/}}
{{- define "sluice.mergedEnv" -}}
{{- $last := dict -}}
{{- range .extra }}{{ $_ := set $last .name . }}{{ end -}}
{{- $all := list -}}
{{- range (fromYamlArray .env) }}{{ if not (hasKey $last .name) }}{{ $all = append $all . }}{{ end }}{{ end -}}
{{- $seen := dict -}}
{{- range .extra -}}
{{- if not (hasKey $seen .name) }}{{ $all = append $all (get $last .name) }}{{ end -}}
{{- $_ := set $seen .name true -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "sluice.awsEnv" -}}
{{- include "sluice.setting" (list "AWS_REGION" .Values.aws.region) }}
{{- include "sluice.setting" (list "AWS_ENDPOINT_URL" (include "sluice.endpointUrl" .)) }}
{{- include "sluice.setting" (list "AWS_ENDPOINT_URL_SQS" .Values.aws.sqsEndpointUrl) }}
{{- include "sluice.setting" (list "AWS_ENDPOINT_URL_S3" .Values.aws.s3EndpointUrl) }}
{{- include "sluice.setting" (list "SLUICE_AWS_CLIENT" .Values.aws.client) }}
{{- with include "sluice.awsSecret" . }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_SECRET_ACCESS_KEY}}
- name: AWS_SESSION_TOKEN
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_SESSION_TOKEN, optional: true}}
{{- end }}
{{- if include "sluice.caSource" . }}
{{- /* boto3 and libcurl; requests; OpenSSL itself, so pyarrow (the table's files) and urllib (the Pushgateway). */ -}}
{{- range list "AWS_CA_BUNDLE" "REQUESTS_CA_BUNDLE" "SSL_CERT_FILE" }}
- name: {{ . }}
  value: /etc/sluice-ca/{{ $.Values.caBundle.key }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Environment that all services share. */}}
{{- define "sluice.commonEnv" -}}
{{- include "sluice.awsEnv" . }}
{{- include "sluice.setting" (list "SLUICE_QUEUE" (default .Values.queue.name (include "sluice.queueUrl" .))) }}
{{- include "sluice.setting" (list "SLUICE_DLQ" .Values.queue.dlq) }}
{{- include "sluice.setting" (list "SLUICE_BUCKET" .Values.bucket.name) }}
- name: SLUICE_PREFIX
  value: {{ default "" .Values.bucket.prefix | quote }}
{{- include "sluice.setting" (list "SLUICE_S3_SSE" .Values.bucket.encryption.sse) }}
{{- include "sluice.setting" (list "SLUICE_S3_SSE_KMS_KEY_ID" .Values.bucket.encryption.kmsKeyId) }}
{{- include "sluice.setting" (list "SLUICE_S3_BUCKET_KEY" .Values.bucket.encryption.bucketKey) }}
- name: SLUICE_HTTP_PORT
  value: "8080"
{{- include "sluice.setting" (list "SLUICE_LOG_LEVEL" .Values.logging.level) }}
{{- include "sluice.setting" (list "SLUICE_LOG_FORMAT" .Values.logging.format) }}
{{- end -}}

{{- define "sluice.batcherEnv" -}}
{{- $b := .Values.batcher -}}
{{- include "sluice.commonEnv" . }}
{{- include "sluice.setting" (list "SLUICE_VISIBILITY_TIMEOUT" .Values.queue.visibilityTimeout) }}
{{- include "sluice.setting" (list "SLUICE_FORMAT" $b.format) }}
{{- include "sluice.setting" (list "SLUICE_COMPRESSION" $b.compression) }}
{{- include "sluice.setting" (list "SLUICE_COMPRESSION_LEVEL" (default "" $b.compressionLevel)) }}
{{- include "sluice.setting" (list "SLUICE_COLUMNS" (eq $b.columns "file" | ternary "/etc/sluice/columns.yaml" $b.columns)) }}
{{- include "sluice.setting" (list "SLUICE_DRAIN" ($b.drain | default (ternary "return" "flush" .Values.autoscaling.enabled))) }}
{{- include "sluice.setting" (list "SLUICE_PARTITION_BY" $b.partitionBy) }}
{{- include "sluice.setting" (list "SLUICE_UNWRAP" $b.unwrap) }}
{{- include "sluice.setting" (list "SLUICE_EVENT_TIME" $b.eventTime) }}
{{- include "sluice.setting" (list "SLUICE_BATCH_MAX_ROWS" $b.batch.maxRows) }}
{{- include "sluice.setting" (list "SLUICE_BATCH_MAX_BYTES" $b.batch.maxBytes) }}
{{- include "sluice.setting" (list "SLUICE_BATCH_MAX_AGE" $b.batch.maxAge) }}
{{- include "sluice.setting" (list "SLUICE_MAX_HELD_MESSAGES" $b.maxHeldMessages) }}
{{- include "sluice.setting" (list "SLUICE_SHUTDOWN_GRACE" $b.shutdownGrace) }}
{{- if $b.transform.code }}
- name: SLUICE_TRANSFORM
  value: {{ printf "sluice_transform:%s" $b.transform.function }}
- name: PYTHONPATH
  value: /etc/sluice
{{- end }}
{{- end -}}

{{/* Call: (dict "root" $ "source" <a producer's merged settings>) */}}
{{- define "sluice.producerEnv" -}}
{{- $p := .source -}}
{{- include "sluice.commonEnv" .root }}
{{- if $p.url }}
- name: SLUICE_SOURCE_URL
  value: {{ $p.url | quote }}
{{- else }}
- name: SLUICE_SOURCE_URL
  valueFrom: {secretKeyRef: {name: {{ $p.existingSecret }}, key: SLUICE_SOURCE_URL}}
{{- end }}
{{- with $p.existingSecret }}
- name: SLUICE_SOURCE_HEADERS
  valueFrom: {secretKeyRef: {name: {{ . }}, key: SLUICE_SOURCE_HEADERS, optional: {{ not $p.url }}}}
{{- end }}
{{- include "sluice.setting" (list "SLUICE_SOURCE_NAME" $p.name) }}
{{- include "sluice.setting" (list "SLUICE_SOURCE_PRESET" $p.preset) }}
{{- include "sluice.setting" (list "SLUICE_USER_AGENT" $p.userAgent) }}
{{- include "sluice.setting" (list "SLUICE_SOURCE_EVENTS" (join "," (default list $p.events))) }}
{{- include "sluice.setting" (list "SLUICE_EVENT_ID" $p.eventId) }}
{{- include "sluice.setting" (list "SLUICE_SOURCE_IDLE_TIMEOUT" $p.idleTimeout) }}
{{- include "sluice.setting" (list "SLUICE_SOURCE_REWIND" $p.rewind) }}
{{- include "sluice.setting" (list "SLUICE_HEARTBEAT" $p.heartbeat) }}
{{- include "sluice.setting" (list "SLUICE_WIRE" $p.wire) }}
{{- include "sluice.setting" (list "SLUICE_PACK_MAX_EVENTS" $p.pack.maxEvents) }}
{{- include "sluice.setting" (list "SLUICE_PACK_MAX_BYTES" $p.pack.maxBytes) }}
{{- include "sluice.setting" (list "SLUICE_PACK_MAX_AGE" $p.pack.maxAge) }}
{{- include "sluice.setting" (list "SLUICE_CHECKPOINT" $p.checkpoint) }}
{{- include "sluice.setting" (list "SLUICE_CHECKPOINT_INTERVAL" $p.checkpointInterval) }}
{{- include "sluice.setting" (list "SLUICE_EVENT_TIME" .root.Values.batcher.eventTime) }}
{{- include "sluice.setting" (list "SLUICE_SHUTDOWN_GRACE" $p.shutdownGrace) }}
{{- end -}}
