/** The public surface of Holdfast. What is not here is private. */

// Opening a store
export { open, type OpenOptions } from "./open.ts"
export { type CloseOptions, type CloseReport, Holdfast, type WaitOptions } from "./runtime/index.ts"

// Locks
export { Grant, Holdable, Lock, type LockOptions, type PermitOptions, Semaphore } from "./runtime/index.ts"

// Cells
export {
  Cell,
  type CellOptions,
  type Changes,
  Transaction,
  type TransactOptions,
  type ValuesOf,
  type Versioned,
} from "./runtime/index.ts"

// Operations
export {
  type AnyOperation,
  type Argument,
  type Arguments,
  Call,
  type CallOptions,
  type DrainOptions,
  type KeyedLimit,
  type Operation,
  type OperationOptions,
  type Peek,
  type RetryOptions,
  RunContext,
  RunHandle,
  type RunInfo,
  type RunsOptions,
  type StartOptions,
  Worker,
  type WorkOptions,
} from "./runtime/index.ts"

// Locks between threads of one process
export {
  SharedGrant,
  SharedLock,
  type SharedLockHandle,
  type SharedLockOptions,
  type SharedLockView,
  type SharedSyncOptions,
  type SharedWaitOptions,
} from "./threads/index.ts"

// Values
export { Binary } from "./kernel/index.ts"

// Errors and what is seen from outside
export { type ErrorCode, type ErrorDetails, HoldfastError, isHoldfastError } from "./kernel/index.ts"
export type {
  Effects,
  LockMode,
  LockView,
  Merge,
  RunId,
  RunStatus,
  StoreView,
  Token,
  Transition,
} from "./kernel/index.ts"
export type { HistogramSnapshot, MetricsSnapshot } from "./observe/index.ts"
export type { TransitionKind } from "./runtime/index.ts"
