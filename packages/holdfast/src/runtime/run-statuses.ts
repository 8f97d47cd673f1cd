/** The statuses of runs as a caller may name them. */
import { HoldfastError, type RunStatus } from "../kernel/index.ts"

/** Every status there is. */
const RUN_STATUSES: Readonly<Record<RunStatus, true>> = {
  pending: true,
  running: true,
  completed: true,
  failed: true,
  canceled: true,
  interrupted: true,
}

/** @throws HoldfastError ARGUMENT_INVALID for what is no status */
export function checkStatuses(status: RunStatus | readonly RunStatus[]): readonly RunStatus[] {
  const statuses = Array.isArray(status) ? (status as readonly RunStatus[]) : [status as RunStatus]
  for (const each of statuses) {
    if (typeof each === "string" && Object.hasOwn(RUN_STATUSES, each)) continue
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `a run's status is one of ${Object.keys(RUN_STATUSES).join(", ")}, found ${JSON.stringify(each)}`,
    )
  }
  return statuses
}
