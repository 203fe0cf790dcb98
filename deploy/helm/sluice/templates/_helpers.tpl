{{/* 33, so that `-producer-` and a name of 20 after it stay within 63. */}}
{{- define "sluice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 33 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}{{ .Release.Name | trunc 33 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 33 | trimSuffix "-" }}{{- end -}}
{{- end -}}
{{- end -}}

{{/*
What selects pods, and all that their templates carry: with the version among them, an upgrade of the chart
alone would replace every pod, and LocalStack's takes its data along. Call: (dict "root" $ "component" "batcher")
*/}}
{{- define "sluice.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .source }}
sluice/source: {{ . }}
{{- end }}
{{- end -}}

{{- define "sluice.labels" -}}
{{ include "sluice.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sluice
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* An image's reference. Call: (dict "root" $ "image" "batcher") */}}
{{- define "sluice.image" -}}
{{- $given := index .root.Values.image .image -}}
{{- if $given -}}{{ $given }}
{{- else -}}
{{- with .root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- ternary "sluice" (printf "sluice-%s" .image) (eq .image "cli") }}:{{ default .root.Chart.AppVersion .root.Values.image.tag -}}
{{- end -}}
{{- end -}}

{{- define "sluice.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Seconds of a duration such as 30, "30s", "2m", "250ms", "12h"; whole seconds, rounded up. */}}
{{- define "sluice.seconds" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text | float64 -}}
{{- $unit := regexFind "[a-z]*$" $text -}}
{{- $factor := get (dict "" 1.0 "ms" 0.001 "s" 1.0 "m" 60.0 "min" 60.0 "h" 3600.0 "d" 86400.0) $unit -}}
{{- mulf $number $factor | ceil | int64 -}}
{{- end -}}

{{- define "sluice.localstackHost" -}}
{{ include "sluice.fullname" . }}-localstack.{{ .Release.Namespace }}.svc.cluster.local:4566
{{- end -}}

{{- define "sluice.endpointUrl" -}}
{{- if .Values.localstack.enabled -}}http://{{ include "sluice.localstackHost" . }}
{{- else -}}{{ .Values.aws.endpointUrl }}{{- end -}}
{{- end -}}

{{/* KEDA takes account and queue from the URL's path, and the host from awsEndpoint only. */}}
{{- define "sluice.queueUrl" -}}
{{- if .Values.queue.url -}}{{ .Values.queue.url }}
{{- else if .Values.localstack.enabled -}}http://{{ include "sluice.localstackHost" . }}/000000000000/{{ .Values.queue.name }}
{{- end -}}
{{- end -}}

{{/* A queue is in the region of its URL, whatever the bucket's is. */}}
{{- define "sluice.queueRegion" -}}
{{- $host := include "sluice.queueUrl" . | regexFind "^https?://[^/]+" -}}
{{- default .Values.aws.region (regexFind "[a-z]{2,}(-[a-z]+)+-[0-9]+" (regexFind "(sqs(-fips)?\\.[a-z]{2,}(-[a-z]+)+-[0-9]+\\.|[a-z]{2,}(-[a-z]+)+-[0-9]+\\.queue\\.)" $host)) -}}
{{- end -}}

{{- define "sluice.awsSecret" -}}
{{- if .Values.aws.existingSecret -}}{{ .Values.aws.existingSecret }}
{{- else if .Values.localstack.enabled -}}{{ include "sluice.fullname" . }}-localstack
{{- end -}}
{{- end -}}

{{- define "sluice.serviceAccountName" -}}
{{- $own := (index .root.Values .component).serviceAccount -}}
{{- if $own.create -}}{{ default (printf "%s-%s" (include "sluice.fullname" .root) .component) $own.name }}
{{- else -}}{{ default "default" $own.name }}{{- end -}}
{{- end -}}

{{/* A producer's settings: `producer` with the entry's own keys over it, and the demo source where it has no URL. */}}
{{- define "sluice.producer" -}}
{{- $merged := mergeOverwrite (deepCopy .root.Values.producer) (deepCopy .entry) -}}
{{- if and (not $merged.url) (not $merged.existingSecret) .root.Values.demoSource.enabled -}}
{{- $_ := set $merged "url" (printf "http://%s-demo-source:8000/v2/stream/recentchange" (include "sluice.fullname" .root)) -}}
{{- $_ := set $merged "preset" "wikimedia" -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{/* Environment that both services share. */}}
{{- define "sluice.commonEnv" -}}
- name: AWS_REGION
  value: {{ .Values.aws.region | quote }}
{{- with include "sluice.endpointUrl" . }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.sqsEndpointUrl }}
- name: AWS_ENDPOINT_URL_SQS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.s3EndpointUrl }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . | quote }}
{{- end }}
- name: SLUICE_AWS_CLIENT
  value: {{ .Values.aws.client | quote }}
{{- with include "sluice.awsSecret" . }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_SECRET_ACCESS_KEY}}
- name: AWS_SESSION_TOKEN
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_SESSION_TOKEN, optional: true}}
{{- end }}
- name: SLUICE_QUEUE
  value: {{ default .Values.queue.name (include "sluice.queueUrl" .) | quote }}
{{- with .Values.queue.dlq }}
- name: SLUICE_DLQ
  value: {{ . | quote }}
{{- end }}
- name: SLUICE_BUCKET
  value: {{ .Values.bucket.name | quote }}
- name: SLUICE_PREFIX
  value: {{ .Values.bucket.prefix | quote }}
{{- with .Values.bucket.encryption }}
{{- with .sse }}
- name: SLUICE_S3_SSE
  value: {{ . | quote }}
{{- end }}
{{- with .kmsKeyId }}
- name: SLUICE_S3_SSE_KMS_KEY_ID
  value: {{ . | quote }}
{{- end }}
{{- with toString .bucketKey }}
- name: SLUICE_S3_BUCKET_KEY
  value: {{ . | quote }}
{{- end }}
{{- end }}
- name: SLUICE_HTTP_PORT
  value: "8080"
- name: SLUICE_LOG_LEVEL
  value: {{ .Values.logging.level | quote }}
- name: SLUICE_LOG_FORMAT
  value: {{ .Values.logging.format | quote }}
{{- end -}}

{{- define "sluice.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "sluice.scrapeAnnotations" -}}
{{- if .Values.metrics.annotations }}
prometheus.io/scrape: "true"
prometheus.io/port: "8080"
prometheus.io/path: /metrics
{{- end }}
{{- end -}}

{{/* Where pods go. Call with a component's values. */}}
{{- define "sluice.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* A number as a person wrote it: Helm reads 65536 as a float and may print it as 6.5536e+04. */}}
{{- define "sluice.plain" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}
