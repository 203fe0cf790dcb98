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

{{/* An object's labels: ours, everybody's over them, and its own (`labels`) over these. No key stands twice. */}}
{{- define "sluice.labels" -}}
{{- $ours := dict
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/part-of" "sluice"
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- mergeOverwrite (include "sluice.selectorLabels" . | fromYaml) $ours (deepCopy (default dict .root.Values.commonLabels)) (deepCopy (default dict .labels)) | toYaml -}}
{{- end -}}

{{/* A pod's labels: what selects it, everybody's, and its own (`labels`). */}}
{{- define "sluice.podLabels" -}}
{{- mergeOverwrite (include "sluice.selectorLabels" . | fromYaml) (deepCopy (default dict .root.Values.commonLabels)) (deepCopy (default dict .labels)) | toYaml -}}
{{- end -}}

{{/* An object's annotations: everybody's, and its own over them. Call: (list $ map map …) */}}
{{- define "sluice.annotations" -}}
{{- $all := deepCopy (default dict (first .).Values.commonAnnotations) -}}
{{- range rest . }}{{- $all = mergeOverwrite $all (deepCopy (default dict .)) -}}{{- end -}}
{{- with $all }}
annotations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An image's reference. Call: (dict "root" $ "image" "batcher") */}}
{{- define "sluice.image" -}}
{{- $given := index .root.Values.image .image -}}
{{- if $given -}}{{ $given }}
{{- else -}}
{{- with include "sluice.registry" .root }}{{ trimSuffix "/" . }}/{{ end -}}
{{- ternary "sluice" (printf "sluice-%s" .image) (eq .image "cli") }}:{{ default .root.Chart.AppVersion (include "sluice.plain" (default "" .root.Values.image.tag)) -}}
{{- end -}}
{{- end -}}

{{- define "sluice.registry" -}}
{{- default "" (default .Values.image.registry .Values.global.imageRegistry) -}}
{{- end -}}

{{- define "sluice.pullSecrets" -}}
{{- $names := list -}}
{{- range concat (default list .Values.global.imagePullSecrets) (default list .Values.image.pullSecrets) -}}
{{- if kindIs "map" . }}{{ $names = append $names . }}{{ else }}{{ $names = append $names (dict "name" .) }}{{ end -}}
{{- end -}}
{{- with uniq $names }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sluice.localstackHost" -}}
{{ include "sluice.fullname" . }}-localstack.{{ .Release.Namespace }}.svc.cluster.local:4566
{{- end -}}

{{- define "sluice.endpointUrl" -}}
{{- if .Values.localstack.enabled -}}http://{{ include "sluice.localstackHost" . }}
{{- else -}}{{ default "" .Values.aws.endpointUrl }}{{- end -}}
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
{{- if and $merged.persistence.enabled (not $merged.checkpoint) -}}
{{- $_ := set $merged "checkpoint" (printf "file:///var/lib/sluice/%s.json" .entry.name) -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{/* Seconds between the rarest heartbeats of any source; 0 when no source has any. */}}
{{- define "sluice.heartbeatSeconds" -}}
{{- $most := 0 -}}
{{- range .Values.producers -}}
{{- $p := include "sluice.producer" (dict "root" $ "entry" .) | fromYaml -}}
{{- $most = max $most (include "sluice.seconds" (default "0" $p.heartbeat) | int) -}}
{{- end -}}
{{- $most -}}
{{- end -}}

{{/* The ServiceAccount of one source: its own where its entry has one, else the producers'. */}}
{{- define "sluice.producerAccountName" -}}
{{- $own := .entry.serviceAccount -}}
{{- if not $own -}}{{ include "sluice.serviceAccountName" (dict "root" .root "component" "producer") }}
{{- else if ne $own.create false -}}{{ default (printf "%s-producer-%s" (include "sluice.fullname" .root) .entry.name) $own.name }}
{{- else -}}{{ default "default" $own.name }}{{- end -}}
{{- end -}}

{{- define "sluice.scrapeAnnotations" -}}
{{- if .Values.metrics.annotations }}
prometheus.io/scrape: "true"
prometheus.io/port: "8080"
prometheus.io/path: /metrics
{{- end }}
{{- end -}}

{{/* A number as a person wrote it: Helm reads numbers as floats, and prints 2000000 as 2e+06. */}}
{{- define "sluice.plain" -}}
{{- if not (kindIs "float64" .) }}{{ . }}
{{- else if eq (floor .) . }}{{ int64 . }}
{{- else }}{{ printf "%.6f" . | trimSuffix "0" | trimSuffix "0" | trimSuffix "0" | trimSuffix "0" | trimSuffix "0" }}{{ end -}}
{{- end -}}
