export { checkOptions, describeType, type WaitOptions } from "./bounds.ts"
export { Cell, type CellOptions, type Versioned } from "./cell.ts"
export { RunContext } from "./execution.ts"
export { type CloseOptions, type CloseReport, Holdfast, type RunsOptions, type TransitionKind } from "./holdfast.ts"
export { Grant } from "./grant.ts"
export { Holdable, Lock, type LockOptions, type PermitOptions, Semaphore } from "./lock.ts"
export {
  Call,
  type CallOptions,
  type Operation,
  type OperationOptions,
  type RetryOptions,
  type StartOptions,
} from "./operation.ts"
export { RunHandle, type RunInfo } from "./run-handle.ts"
export { Transaction, type TransactOptions, type ValuesOf } from "./transaction.ts"
export type { Changes } from "./watch.ts"
export { type AnyOperation, type DrainOptions, Worker, type WorkOptions } from "./worker.ts"
