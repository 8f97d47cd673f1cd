/** The stored row of a run: made from what was asked for, and what asking may not be. */
import type { RunSpec } from "./command.ts"
import type { Token } from "./ids.ts"
import type { Refused } from "./outcome.ts"
import { refuse } from "./refuse.ts"
import type { RunRow } from "./state.ts"
import { sameValue } from "./value.ts"

/** A new generation, pending. */
export function createRow(
  spec: RunSpec,
  { generation, arrival, now }: { readonly generation: Token; readonly arrival: number; readonly now: number },
): RunRow {
  return {
    identity: spec.identity,
    generation,
    operation: spec.operation,
    version: spec.version,
    args: spec.args,
    key: spec.key,
    effects: spec.effects,
    retry: spec.retry,
    concurrency: spec.concurrency,
    keyed: spec.keyed,
    attemptTimeoutMs: spec.attemptTimeoutMs,
    retainMs: spec.retainMs,
    abandon: spec.abandon,
    priority: spec.priority,
    arrival,
    createdAt: now,
    status: "pending",
    paused: false,
    pinned: false,
    notBefore: now + spec.delayMs,
    attempt: 0,
    failures: 0,
    crashes: 0,
    steps: [],
    progress: null,
    result: null,
    failure: null,
    startedAt: null,
    settledAt: null,
  }
}

/** A fresh budget of attempts for a run that is asked for again. */
export function reopenRow(row: RunRow, now: number): void {
  row.status = "pending"
  row.failures = 0
  row.crashes = 0
  row.failure = null
  row.settledAt = null
  row.notBefore = now
}

/** Numbers of a spec that would make a run nobody could ever execute, or one that never ends. */
export function refuseSpec(spec: RunSpec): Refused | null {
  const { retry, concurrency, keyed, attemptTimeoutMs, retainMs, priority, delayMs } = spec
  if (!(retry.maxAttempts >= 1 && retry.initialMs >= 0 && retry.factor >= 0 && retry.maxMs >= 0)) {
    return refuse("ARGUMENT_INVALID", `"${spec.operation}" needs at least 1 attempt, and waits from 0 ms in between`)
  }
  if (!(concurrency === null || concurrency >= 1) || !(keyed === null || keyed.count >= 1)) {
    return refuse("ARGUMENT_INVALID", `limits of "${spec.operation}" are whole numbers from 1`)
  }
  if (!(attemptTimeoutMs === null || attemptTimeoutMs > 0) || !(retainMs === null || retainMs >= 0)) {
    return refuse("ARGUMENT_INVALID", `times of "${spec.operation}" are numbers of milliseconds`)
  }
  if (!(delayMs >= 0) || Number.isNaN(priority)) {
    return refuse("ARGUMENT_INVALID", `a run of "${spec.operation}" has a delay from 0 ms and a number as its priority`)
  }
  return null
}

/** Why a run of this identity is not the one the spec asks for, or null. */
export function refuseKey(row: RunRow, spec: RunSpec): Refused | null {
  return spec.key === null || sameValue(row.args, spec.args) ? null : refuseOtherArgs(spec, spec.key)
}

/** A key that stands for other arguments already. */
export function refuseOtherArgs(spec: RunSpec, key: string | null): Refused {
  return refuse(
    "KEY_MISMATCH",
    `key "${String(key)}" of "${spec.operation}" was used before with other arguments; use a new key, or the same arguments`,
    { key },
  )
}
