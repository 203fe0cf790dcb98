{{/*
Whom the policies are about and where each goes, as YAML: `suffix`, `component`, `source`, `podIdentity` (whether the
agent of EKS Pod Identity is asked), and `to`: a list of `port` with `component` (ours), `cluster` (a Service's name) or
`names` (Cilium's FQDN selectors).
*/}}
{{- define "sluice.policySubjects" -}}
{{- $root := . -}}
{{- $aws := include "sluice.awsPlaces" . | fromYamlArray | uniq -}}
{{- $subjects := list -}}
{{- range $component := list "batcher" "test" -}}
{{- $subjects = append $subjects (dict "suffix" $component "component" $component "source" "" "to" $aws "podIdentity" (include "sluice.asksPodIdentity" (dict "root" $root "account" $root.Values.batcher.serviceAccount) | eq "yes")) -}}
{{- end -}}
{{- if .Values.compactor.enabled -}}
{{- $to := $aws -}}
{{- if .Values.compactor.catalog }}{{ $to = concat $aws (include "sluice.place" (dict "root" $root "url" (include "sluice.awsUrl" (list "glue" .Values.aws.region))) | fromYamlArray) }}{{ end -}}
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
{{- with default $a.endpointUrl $a.sqsEndpointUrl }}{{ include "sluice.place" (dict "root" $ "url" .) }}
{{- else }}{{ include "sluice.place" (dict "root" . "url" (default (include "sluice.awsUrl" (list "sqs" $a.region)) (include "sluice.queueUrl" .))) }}
{{- with .Values.queue.dlq }}
{{- $region := ternary (index (splitList ":" (printf "%s:::" .)) 3) $a.region (hasPrefix "arn:" .) }}
{{- include "sluice.place" (dict "root" $ "url" (ternary . (include "sluice.awsUrl" (list "sqs" $region)) (regexMatch "^https?://" .))) }}
{{- end }}
{{- end }}
{{- with default $a.endpointUrl $a.s3EndpointUrl }}{{ include "sluice.place" (dict "root" $ "url" . "bucket" true) }}
{{- else }}{{ include "sluice.place" (dict "root" . "url" (include "sluice.awsUrl" (list "s3" $a.region)) "bucket" true) }}
{{- /* There boto3 and libcurl take the name from before there were regions, and pyarrow the region's. */ -}}
{{- if eq $a.region "us-east-1" }}{{ include "sluice.place" (dict "root" . "url" "https://s3.amazonaws.com" "bucket" true) }}{{ end }}
{{- end }}
{{- /* A pod without keys asks STS for some (IRSA): at the common endpoint where one is set, as boto3 does. */ -}}
{{- if not (include "sluice.awsSecret" .) }}{{ include "sluice.place" (dict "root" . "url" (default (include "sluice.awsUrl" (list "sts" $a.region)) $a.endpointUrl)) }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Where AWS serves a region. Call: (list "sqs" "eu-west-1"). Each partition has a domain of its own:
https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
*/}}
{{- define "sluice.awsUrl" -}}
{{- $region := default "us-east-1" (index . 1) -}}
{{- $domain := "amazonaws.com" -}}
{{- range $prefix, $other := dict "cn-" "amazonaws.com.cn" "eusc-" "amazonaws.eu" "us-iso-" "c2s.ic.gov" "us-isob-" "sc2s.sgov.gov" "us-isof-" "csp.hci.ic.gov" "eu-isoe-" "cloud.adc-e.uk" -}}
{{- if hasPrefix $prefix $region }}{{ $domain = $other }}{{ end -}}
{{- end -}}
https://{{ index . 0 }}.{{ $region }}.{{ $domain }}
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
