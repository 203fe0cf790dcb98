{{/* Contradictions between values, refused before anything is made: each line says which, and what to do. */}}
{{- define "sluice.validate" -}}
{{- include "sluice.validateLabels" . -}}
{{- include "sluice.validateAws" . -}}
{{- include "sluice.validateProducers" . -}}
{{- include "sluice.validateBatcher" . -}}
{{- include "sluice.validateAutoscaling" . -}}
{{- include "sluice.validateMetrics" . -}}
{{- include "sluice.validateCompactor" . -}}
{{- end -}}

{{/* A pod that its own selector does not select is refused by Kubernetes, or belongs to somebody else. */}}
{{- define "sluice.validateLabels" -}}
{{- $v := .Values -}}
{{- $all := dict "commonLabels" $v.commonLabels "producer.podLabels" $v.producer.podLabels "batcher.podLabels" $v.batcher.podLabels "compactor.podLabels" $v.compactor.podLabels -}}
{{- range $v.producers }}{{ $_ := set $all (printf "podLabels of the producer %q" .name) .podLabels }}{{ end -}}
{{- range $place, $labels := $all -}}
{{- range $key := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "sluice/source" -}}
{{- if hasKey (default dict $labels) $key -}}
{{- fail (printf "%s: the pods are selected by the label %s, so it is the chart's own: leave it out, or use another key (nameOverride changes app.kubernetes.io/name)" $place $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.validateAws" -}}
{{- $v := .Values -}}
{{- if and $v.image.registryRequired (not (include "sluice.registry" .)) -}}
{{- $run := list "batcher" -}}
{{- if $v.producers }}{{ $run = append $run "producer" }}{{ end -}}
{{- if $v.compactor.enabled }}{{ $run = append $run "compactor" }}{{ end -}}
{{- if $v.demoSource.enabled }}{{ $run = append $run "cli" }}{{ end -}}
{{- range $run }}{{ if not (index $v.image .) -}}
{{- fail (printf "image.registry is empty, and these nodes have no images of their own: push them (make images REGISTRY=ghcr.io/acme) and set image.registry=ghcr.io/acme (or image.%s), or set image.registryRequired=false" .) -}}
{{- end }}{{ end -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" (include "sluice.fullname" .)) -}}
{{- fail (printf "the names of all objects would begin with %q: a Service's begins with a letter; set fullnameOverride, or give the release another name" (include "sluice.fullname" . | trunc 1)) -}}
{{- end -}}
{{- $encryption := $v.bucket.encryption -}}
{{- if and $encryption.kmsKeyId (not (has $encryption.sse (list "aws:kms" "aws:kms:dsse"))) -}}
{{- fail "bucket.encryption.kmsKeyId needs bucket.encryption.sse=aws:kms or aws:kms:dsse" -}}
{{- end -}}
{{- if and (has (toString $encryption.bucketKey) (list "true" "false")) (ne (default "" $encryption.sse) "aws:kms") -}}
{{- fail "bucket.encryption.bucketKey needs bucket.encryption.sse=aws:kms: S3 has no bucket keys for anything else" -}}
{{- end -}}
{{- if not $v.bucket.name -}}
{{- fail "bucket.name is empty: name the bucket of the objects, for instance bucket.name=acme-lake" -}}
{{- end -}}
{{- if and $v.caBundle.configMap $v.caBundle.secret -}}
{{- fail "caBundle.configMap and caBundle.secret are both set: one file of certificates is mounted; leave one empty" -}}
{{- end -}}
{{- if and $v.localstack.enabled (or $v.aws.endpointUrl $v.aws.sqsEndpointUrl $v.aws.s3EndpointUrl) -}}
{{- fail "aws.endpointUrl and localstack.enabled contradict each other: with LocalStack the chart knows the endpoint; leave aws.endpointUrl empty" -}}
{{- end -}}
{{- if and $v.localstack.enabled $v.queue.url -}}
{{- fail "queue.url and localstack.enabled contradict each other: LocalStack's queue is made by the chart; leave queue.url empty" -}}
{{- end -}}
{{- if and $v.queue.url (not (regexMatch "^https?://[^/]+/[0-9]{12}/[A-Za-z0-9_-]+(\\.fifo)?$" $v.queue.url)) -}}
{{- fail (printf "queue.url=%s: must end in exactly /<account>/<queue> (twelve digits, then the name), as SQS's GetQueueUrl gives it" $v.queue.url) -}}
{{- end -}}
{{- end -}}

{{- define "sluice.validateGrace" -}}
{{- $grace := include "sluice.seconds" .values.shutdownGrace | int -}}
{{- $pod := int .values.terminationGracePeriodSeconds -}}
{{- if lt $pod (add $grace 5 | int) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds=%d: must be at least shutdownGrace (%ds) and 5 s more, or Kubernetes kills a pod that is still draining" .name $pod $grace) -}}
{{- end -}}
{{- end -}}

{{- define "sluice.validateProducers" -}}
{{- $root := . -}}
{{- $names := dict -}}
{{- $checkpoints := dict -}}
{{- range $entry := .Values.producers -}}
{{- if hasKey $names $entry.name -}}
{{- fail (printf "producers: two entries are named %q; the name is the checkpoint's, so two producers would fight over it" $entry.name) -}}
{{- end -}}
{{- $_ := set $names $entry.name true -}}
{{- $p := include "sluice.producer" (dict "root" $root "entry" $entry) | fromYaml -}}
{{- if not (or $p.url $p.existingSecret) -}}
{{- fail (printf "producers: %q has no url; give one (a secret one in existingSecret), or set demoSource.enabled=true" $entry.name) -}}
{{- end -}}
{{- if (urlParse (default "" $p.url)).userinfo -}}
{{- fail (printf "producers: the url of %q holds a user, which the manifest would show; put the url into a Secret's SLUICE_SOURCE_URL and name it in existingSecret" $entry.name) -}}
{{- end -}}
{{- $host := (urlParse (default "" $p.url)).host -}}
{{- $agent := default "" $p.userAgent -}}
{{- if and (regexMatch "(^|\\.)(wikimedia|wikipedia)\\.org(:|$)" $host) (not (or (contains "@" $agent) (contains "://" $agent))) -}}
{{- fail (printf "producers: %q reads %s, which refuses clients without a contact (a mail address or a URL); set producer.userAgent, for instance 'Acme-lake/1.0 (data@acme.example)'" $entry.name $host) -}}
{{- end -}}
{{- include "sluice.validateQuantities" (dict "root" $root "section" "producer" "values" $p "of" (printf " (of %q)" $entry.name)) -}}
{{- $beat := include "sluice.quantity" (list "duration" (default "0" $p.heartbeat)) | float64 -}}
{{- if and (gt $beat 0.0) (lt $beat 1.0) -}}
{{- fail (printf "producer.heartbeat=%s (of %q): must be 0 (none) or 1s or more; each is a message of its own" (toString $p.heartbeat) $entry.name) -}}
{{- end -}}
{{- $preset := default (ternary "" (ternary "wikimedia" "generic" (regexMatch "(^|\\.)wikimedia\\.org(:|$)" $host)) (eq $host "")) $p.preset -}}
{{- if and (gt (include "sluice.quantity" (list "duration" (default "0" $p.rewind)) | float64) 0.0) (eq $preset "generic") -}}
{{- fail (printf "producer.rewind=%s (of %q): only the preset wikimedia can rewind, and this is generic; set producer.rewind=0" (toString $p.rewind) $entry.name) -}}
{{- end -}}
{{- if and (eq (default "" $p.eventId) "sse") (eq $preset "wikimedia") -}}
{{- fail (printf "producer.eventId=sse (of %q): with the preset wikimedia an SSE id is a position, which events share; leave it empty" $entry.name) -}}
{{- end -}}
{{- if $p.checkpoint -}}
{{- if hasKey $checkpoints $p.checkpoint -}}
{{- fail (printf "producers: %q and %q share the checkpoint %s; each source needs its own" $entry.name (get $checkpoints $p.checkpoint) $p.checkpoint) -}}
{{- end -}}
{{- $_ := set $checkpoints $p.checkpoint $entry.name -}}
{{- end -}}
{{- if and (hasPrefix "file://" (default "" $p.checkpoint)) (not $p.persistence.enabled) (not $p.extraVolumeMounts) -}}
{{- fail (printf "producers: the checkpoint %s of %q is on no volume and would go with the pod; set producer.persistence.enabled=true (then a file under /var/lib/sluice), or mount one with extraVolumes and extraVolumeMounts" $p.checkpoint $entry.name) -}}
{{- end -}}
{{- include "sluice.validateGrace" (dict "name" (printf "producers %q" $entry.name) "values" $p) -}}
{{- end -}}
{{- end -}}

{{- define "sluice.validateBatcher" -}}
{{- $b := .Values.batcher -}}
{{- include "sluice.validateGrace" (dict "name" "batcher" "values" $b) -}}
{{- include "sluice.validateQuantities" (dict "root" . "section" "batcher" "values" $b) -}}
{{- $told := (.Files.Get "files/limits.yaml" | fromYaml).settings -}}
{{- $age := include "sluice.seconds" (default "30s" $b.batch.maxAge) | int -}}
{{- if ge (add $age (int .Values.queue.visibilityTimeout)) 43200 -}}
{{- fail (printf "batcher.batch.maxAge=%s and queue.visibilityTimeout=%d are 12 h or more together: SQS lets a message be held for 12 h at most, extensions included" (toString $b.batch.maxAge) (int .Values.queue.visibilityTimeout)) -}}
{{- end -}}
{{- $drain := addf $told.receiveWaitSeconds $told.drainSeconds -}}
{{- if and $b.shutdownGrace (le (include "sluice.quantity" (list "duration" $b.shutdownGrace) | float64) $drain) (not (include "sluice.hasEnv" (list $b "SLUICE_RECEIVE_WAIT"))) -}}
{{- fail (printf "batcher.shutdownGrace=%s: must be more than %vs: the last poll of the queue may take %vs, and a flush %vs" (toString $b.shutdownGrace) $drain $told.receiveWaitSeconds $told.drainSeconds) -}}
{{- end -}}
{{- if and $b.batch.maxBytes (lt (include "sluice.quantity" (list "size" $b.batch.maxBytes) | float64) (float64 $told.maxEventBytes)) (not (include "sluice.hasEnv" (list $b "SLUICE_MAX_EVENT_BYTES"))) -}}
{{- fail (printf "batcher.batch.maxBytes=%s: must be %d or more: a batch holds at least one event, and one may have so many (SLUICE_MAX_EVENT_BYTES)" (include "sluice.plain" $b.batch.maxBytes) (int $told.maxEventBytes)) -}}
{{- end -}}
{{- $format := default "csv" $b.format -}}
{{- if and (eq $b.columns "raw") (ne $format "jsonl") -}}
{{- fail (printf "batcher.columns=raw: events as they came are JSON lines, and batcher.format=%s has columns; set batcher.format=jsonl" $format) -}}
{{- end -}}
{{- if and (eq $b.columns "raw") $b.transform.code -}}
{{- fail "batcher.transform.code works on columns, and batcher.columns=raw has none; leave one of them out" -}}
{{- end -}}
{{- $compression := default (ternary "zstd" "none" (eq $format "parquet")) $b.compression -}}
{{- $most := get (dict "none" 0 "gzip" 9 "zstd" 19) $compression -}}
{{- if gt (int $b.compressionLevel) $most -}}
{{- fail (printf "batcher.compressionLevel=%d: %s %s" (int $b.compressionLevel) $compression (ternary "has no levels; set 0" (printf "has levels 1 to %d" $most) (eq $most 0))) -}}
{{- end -}}
{{- $parts := splitList "," (default "none" $b.partitionBy) -}}
{{- if ne (len $parts) (len (uniq $parts)) -}}
{{- fail (printf "batcher.partitionBy=%s: a part stands twice" $b.partitionBy) -}}
{{- end -}}
{{- if and (eq $b.columns "file") (not $b.columnsFile) -}}
{{- fail "batcher.columns=file needs the columns in batcher.columnsFile (a list of name, path and type; a file: --set-file batcher.columnsFile=columns.yaml)" -}}
{{- end -}}
{{- if and $b.columnsFile (ne $b.columns "file") -}}
{{- fail (printf "batcher.columnsFile is set but batcher.columns=%s would ignore it; set batcher.columns=file" $b.columns) -}}
{{- end -}}
{{- if and $b.transform.code (not (contains (printf "def %s(" $b.transform.function) $b.transform.code)) -}}
{{- fail (printf "batcher.transform.code has no function %s; name the function in batcher.transform.function" $b.transform.function) -}}
{{- end -}}
{{- end -}}

{{- define "sluice.validateAutoscaling" -}}
{{- $a := .Values.autoscaling -}}
{{- if $a.enabled -}}
{{- if not (.Capabilities.APIVersions.Has "keda.sh/v1alpha1") -}}
{{- fail "autoscaling.enabled=true needs KEDA, and this cluster has no keda.sh/v1alpha1: install KEDA (https://keda.sh/docs/latest/deploy/), or set autoscaling.enabled=false; for `helm template` add --api-versions keda.sh/v1alpha1" -}}
{{- end -}}
{{- if not (include "sluice.queueUrl" .) -}}
{{- fail "autoscaling.enabled=true needs queue.url (KEDA reads account and queue from it): https://sqs.<region>.amazonaws.com/<account>/<queue>" -}}
{{- end -}}
{{- if gt (int $a.minReplicas) (int $a.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas=%d is more than autoscaling.maxReplicas=%d" (int $a.minReplicas) (int $a.maxReplicas)) -}}
{{- end -}}
{{- $held := int .Values.batcher.maxHeldMessages -}}
{{- $length := include "sluice.queueLength" . | int -}}
{{- if le $length $held -}}
{{- fail (printf "autoscaling.queueLength=%d: must be more than batcher.maxHeldMessages=%d; what a pod holds is in flight and counted, so the pod would ask for another one for its own messages" $length $held) -}}
{{- end -}}
{{- $age := include "sluice.seconds" .Values.batcher.batch.maxAge | int -}}
{{- if le (include "sluice.scaleDownSeconds" . | int) $age -}}
{{- fail (printf "autoscaling.scaleDownStabilizationSeconds=%s: must be more than batcher.batch.maxAge (%ds), or scale-in cuts batches short" (include "sluice.scaleDownSeconds" .) $age) -}}
{{- end -}}
{{- if and (eq (int $a.minReplicas) 0) (le (include "sluice.cooldownSeconds" . | int) $age) -}}
{{- fail (printf "autoscaling.cooldownPeriod=%s: must be more than batcher.batch.maxAge (%ds), or the last pod goes before its last batch is written" (include "sluice.cooldownSeconds" .) $age) -}}
{{- end -}}
{{- if and (eq (int $a.minReplicas) 0) (gt (include "sluice.heartbeatSeconds" . | int) 0) -}}
{{- fail "producer.heartbeat and autoscaling.minReplicas=0 contradict each other: each heartbeat is a message, which keeps a batcher awake; set autoscaling.minReplicas=1, or producer.heartbeat=0" -}}
{{- end -}}
{{- $auth := include "sluice.kedaAuth" . -}}
{{- if and (eq $auth "secret") (not (include "sluice.awsSecret" .)) -}}
{{- fail "autoscaling.auth=secret needs aws.existingSecret" -}}
{{- end -}}
{{- if and (eq $auth "pod-identity") (not (or $a.roleArn (include "sluice.batcherRole" .) (not .Values.batcher.serviceAccount.create))) -}}
{{- fail "autoscaling.auth=pod-identity names no role, which KEDA refuses: set batcher.serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn (IRSA) or autoscaling.roleArn; where KEDA's own identity may read the queue (EKS Pod Identity), set autoscaling.auth=operator; see docs/aws/README.md" -}}
{{- end -}}
{{- if and (eq $auth "existing") (not $a.authName) -}}
{{- fail "autoscaling.auth=existing needs autoscaling.authName, the name of a TriggerAuthentication" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.validateCompactor" -}}
{{- $c := .Values.compactor -}}
{{- include "sluice.validateQuantities" (dict "root" . "section" "compactor" "values" $c) -}}
{{- if and $c.enabled (hasPrefix "lake/" (printf "%s/" (default "" .Values.bucket.prefix))) -}}
{{- fail (printf "bucket.prefix=%s: the compactor's table lies under lake/, so the objects must lie elsewhere" .Values.bucket.prefix) -}}
{{- end -}}
{{- if and $c.every (include "sluice.compactorPushes" .) -}}
{{- fail "compactor.every and compactor.pushgateway contradict each other: Prometheus scrapes the Deployment (metrics.serviceMonitor or podMonitor); the Pushgateway is for the CronJob" -}}
{{- end -}}
{{- if (urlParse (default "" $c.pushgateway.url)).userinfo -}}
{{- fail "compactor.pushgateway.url holds a user, which the manifest would show; put the URL into a Secret's SLUICE_PUSHGATEWAY and name it in compactor.pushgateway.existingSecret" -}}
{{- end -}}
{{- end -}}

{{- define "sluice.validateMetrics" -}}
{{- $m := .Values.metrics -}}
{{- if and .Values.networkPolicy.enabled (eq .Values.networkPolicy.flavor "cilium") (not (.Capabilities.APIVersions.Has "cilium.io/v2")) -}}
{{- fail "networkPolicy.flavor=cilium needs Cilium, and this cluster has no cilium.io/v2: set networkPolicy.flavor=kubernetes; for `helm template` add --api-versions cilium.io/v2" -}}
{{- end -}}
{{- if and $m.serviceMonitor.enabled $m.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor.enabled and metrics.podMonitor.enabled would scrape everything twice; enable one" -}}
{{- end -}}
{{- range $name := list "serviceMonitor" "podMonitor" -}}
{{- $monitor := get $m $name -}}
{{- if and $monitor.interval $monitor.scrapeTimeout -}}
{{- if gt (include "sluice.prometheusMillis" $monitor.scrapeTimeout | int) (include "sluice.prometheusMillis" $monitor.interval | int) -}}
{{- fail (printf "metrics.%s.scrapeTimeout=%s: must not be more than interval=%s, or the Prometheus operator leaves the monitor out" $name $monitor.scrapeTimeout $monitor.interval) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (or $m.serviceMonitor.enabled $m.podMonitor.enabled $m.prometheusRule.enabled) (not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- fail "metrics.serviceMonitor, podMonitor and prometheusRule need the Prometheus operator, and this cluster has no monitoring.coreos.com/v1: install it, or disable them (metrics.annotations=true serves a plain Prometheus); for `helm template` add --api-versions monitoring.coreos.com/v1" -}}
{{- end -}}
{{- end -}}
