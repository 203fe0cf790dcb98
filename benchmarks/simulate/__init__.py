"""The pipeline in a cluster on AWS, second by second, on paper: lag, money, and which limit comes first.

The inputs are the chart's own values, the services' own defaults, AWS's documented quotas, and two measured
figures (`make bench`): µs of CPU an event of the producer and of the batcher. Nothing else is fitted.
"""
