{{/*
Whom the policies are about and where each goes, as YAML: `suffix`, `component`, `source`, `podIdentity` (whether the
agent of EKS Pod Identity is asked), and `to`: a list of `port` with `component` (ours), `cluster` (a Service's name) or
`names` (Cilium's FQDN selectors).
*/}}
{{- define "sluice.policySubjects" -}}
{{- $root := . -}}
{{- $aws := include "sluice.awsPlaces" . | fromYamlArray -}}
{{- $subjects := list -}}
{{- range $component := list "batcher" "test" -}}
{{- $subjects = append $subjects (dict "suffix" $component "component" $component "source" "" "to" $aws "podIdentity" (include "sluice.asksPodIdentity" (dict "root" $root "account" $root.Values.batcher.serviceAccount) | eq "yes")) -}}
{{- end -}}
{{- if .Values.compactor.enabled -}}
{{- $to := $aws -}}
{{- if .Values.compactor.catalog }}{{ $to = concat $aws (include "sluice.place" (dict "root" $root "url" (printf "https://glue.%s.amazonaws.com" .Values.aws.region)) | fromYamlArray) }}{{ end -}}
{{- with .Values.compactor.pushgateway.url }}{{ $to = concat $to (include "sluice.place" (dict "root" $root "url" .) | fromYamlArray) }}{{ end -}}
{{- $subjects = append $subjects (dict "suffix" "compactor" "component" "compactor" "source" "" "to" $to "podIdentity" (include "sluice.asksPodIdentity" (dict "root" $root "account" .Values.compactor.serviceAccount) | eq "yes")) -}}
{{- end -}}
{{- range $entry := .Values.producers -}}
{{- $p := include "sluice.producer" (dict "root" $root "entry" $entry) | fromYaml -}}
{{- $to := concat $aws (include "sluice.place" (dict "root" $root "url" (default "https://" $p.url)) | fromYamlArray) -}}
{{- $subjects = append $subjects (dict "suffix" (printf "producer-%s" $entry.name) "component" "producer" "source" $entry.name "to" $to "podIdentity" (include "sluice.asksPodIdentity" (dict "root" $root "account" (default $root.Values.producer.serviceAccount $entry.serviceAccount)) | eq "yes")) -}}
{{- end -}}
{{- toYaml $subjects -}}
{{- end -}}

{{/* Pods with neither keys nor an IRSA role get them from the node's agent, if at all. */}}
{{- define "sluice.asksPodIdentity" -}}
{{- if not (or (include "sluice.awsSecret" .root) (hasKey (default dict .account.annotations) "eks.amazonaws.com/role-arn")) -}}yes{{- end -}}
{{- end -}}

{{/* Where SQS, S3 and STS are. */}}
{{- define "sluice.awsPlaces" -}}
{{- $a := .Values.aws -}}
{{- if .Values.localstack.enabled }}
- {component: localstack, port: 4566}
{{- else }}
{{- $sqs := default $a.endpointUrl $a.sqsEndpointUrl }}
{{- $s3 := default $a.endpointUrl $a.s3EndpointUrl }}
{{- if $sqs }}{{ include "sluice.place" (dict "root" . "url" $sqs) }}
{{- else }}{{ include "sluice.place" (dict "root" . "url" (default (printf "https://sqs.%s.amazonaws.com" $a.region) (include "sluice.queueUrl" .))) }}
{{- end }}
{{- if $s3 }}{{ include "sluice.place" (dict "root" . "url" $s3 "bucket" true) }}
{{- else }}{{ include "sluice.place" (dict "root" . "url" (printf "https://s3.%s.amazonaws.com" $a.region) "bucket" true) }}
{{- end }}
{{- if not (or (include "sluice.awsSecret" .) (and $sqs $s3)) }}{{ include "sluice.place" (dict "root" . "url" (printf "https://sts.%s.amazonaws.com" $a.region)) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A URL's host and port. Call: (dict "root" $ "url" "https://…"), with "bucket" true for S3, which has a host for each bucket. */}}
{{- define "sluice.place" -}}
{{- $url := urlParse .url -}}
{{- $host := regexReplaceAll ":[0-9]+$" $url.host "" -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- if eq $host (printf "%s-demo-source" (include "sluice.fullname" .root)) }}
- {component: demo-source, port: {{ $port }}}
{{- else if not $host }}
- {names: [{matchPattern: "*"}], port: {{ $port }}}
{{- else if or (not (contains "." $host)) (regexMatch "\\.(svc|cluster\\.local)$" $host) (contains ".svc." $host) }}
- {cluster: true, port: {{ $port }}}
{{- else if .bucket }}
- {names: [{matchName: {{ $host | quote }}}, {matchPattern: {{ printf "*.%s" $host | quote }}}], port: {{ $port }}}
{{- else }}
- {names: [{matchName: {{ $host | quote }}}], port: {{ $port }}}
{{- end }}
{{- end -}}
