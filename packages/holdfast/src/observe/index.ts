export { BUCKET_BOUNDS_SECONDS, Histogram, type HistogramSnapshot } from "./histogram.ts"
export { LockMetrics, Metrics, type MetricsSnapshot, OperationMetrics } from "./metrics.ts"
