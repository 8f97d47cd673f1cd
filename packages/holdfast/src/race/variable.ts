/** A variable that actors share: plain memory, whose reads and writes are noted. */
import type { Schedule } from "./schedule.ts"

/** A value that actors share. Reading and writing it are no steps: what lies between two awaits is indivisible. */
export interface Variable<T> {
  get(): T
  set(value: T): void
}

export function createVariable<T>(schedule: Schedule, name: string, initial: T): Variable<T> {
  let current = initial
  const resource = `variable ${name}`
  return {
    get: () => {
      schedule.record(resource, "read", current)
      return current
    },
    set: (value) => {
      current = value
      schedule.record(resource, "write", value)
    },
  }
}
