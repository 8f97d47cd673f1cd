export { BUCKET_BOUNDS_SECONDS, Histogram, type HistogramSnapshot } from "./histogram.ts"
export {
  CellMetrics,
  LockMetrics,
  type LockMetricsSnapshot,
  Metrics,
  type MetricsSnapshot,
  OperationMetrics,
  type OperationMetricsSnapshot,
} from "./metrics.ts"
