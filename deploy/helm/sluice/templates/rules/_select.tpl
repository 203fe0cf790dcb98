{{/*
The rules are in files by group. In them `[[ $labels.pod ]]` is Prometheus's own template, whose braces Helm would
take for its own; runbook, release and the values' labels are added in prometheusrule.yaml, and a rule that is `leftOut`
by a value that is 0 or null is left out there.

What selects the series of this release, without braces: by namespace and, where a monitor of ours sets it, by job, so that two
releases in a namespace do not answer for each other. A ServiceMonitor's job is the Service, a PodMonitor's is
`<namespace>/<monitor>`. Call: include "sluice.select" (dict "root" . "component" "producer")
*/}}
{{- define "sluice.select" -}}
{{- $m := .root.Values.metrics -}}
namespace={{ .root.Release.Namespace | quote }}
{{- if or $m.serviceMonitor.enabled $m.podMonitor.enabled -}}
,job=~"({{ .root.Release.Namespace }}/)?{{ include "sluice.fullname" .root }}-{{ .component }}{{ if eq .component "producer" }}(-.+)?{{ end }}"
{{- end -}}
{{- end -}}

{{- define "sluice.select.producer" -}}{{ include "sluice.select" (dict "root" . "component" "producer") }}{{- end -}}
{{- define "sluice.select.batcher" -}}{{ include "sluice.select" (dict "root" . "component" "batcher") }}{{- end -}}

{{/*
A series of KEDA's about our ScaledObject, whose namespace is `exported_namespace` where KEDA's monitor does not set
`honorLabels`. Call: (dict "root" . "metric" "keda_…" "before" "increase(" "after" "[5m])")
*/}}
{{- define "sluice.keda" -}}
{{- range $i, $label := list "namespace" "exported_namespace" -}}
{{- if $i }} or {{ end -}}
{{- printf "%s%s{%s=%q,scaledObject=\"%s-batcher\"}%s" $.before $.metric $label $.root.Release.Namespace (include "sluice.fullname" $.root) $.after -}}
{{- end -}}
{{- end -}}

{{/*
The pods of one source. Their names are cut at 58 characters and five of chance, so of a long one only the beginning
is known. Call: (dict "root" . "source" "wikimedia")
*/}}
{{- define "sluice.pods.source" -}}
{{- $name := printf "%s-producer-%s" (include "sluice.fullname" .root) .source -}}
{{- if gt (len $name) 46 }}{{ trunc 46 $name }}.+{{ else }}{{ $name }}-[a-z0-9]+-[a-z0-9]+{{ end -}}
{{- end -}}

{{/* Pods of this release, as kube-state-metrics names them. */}}
{{- define "sluice.pods" -}}
namespace={{ .Release.Namespace | quote }},pod=~"{{ include "sluice.fullname" . }}-(producer-.+|batcher-.+|compactor-.+)"
{{- end -}}
