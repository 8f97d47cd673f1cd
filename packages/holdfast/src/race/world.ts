/** What a scenario works with: everything in it happens under the explorer's eyes. */
import type { SimulatedEnv } from "../env/simulated-env.ts"
import type { Holdfast } from "../runtime/index.ts"
import type { Access } from "./access.ts"
import type { Fault } from "./actors.ts"
import type { Schedule } from "./schedule.ts"
import { createSessions } from "./sessions.ts"
import { createVariable, type Variable } from "./variable.ts"
import { wrapObject, type WrapOptions } from "./wrap.ts"

/** What an actor may meet with. */
export interface ActorOptions {
  /**
   * `kill`: it may die between any two of its steps, as a process does: its sessions end, and nothing of it goes on.
   * `freeze`: it may stop for any length of time, while leases and timeouts run on.
   */
  readonly faults: readonly Fault[]
}

/** What a scenario works with. Its functions may be taken out of it. */
export interface ScenarioContext {
  /** The world's time, timers, randomness and ids. The explorer drives its clock. */
  readonly env: SimulatedEnv
  /**
   * Runs `body` as an actor: what it calls is its own steps, followed through promises, so that a service under test need
   * not know that it is explored.
   */
  actor<T>(this: void, name: string, body: () => Promise<T>): Promise<T>
  /** As above; it resolves with undefined when the actor is killed. */
  actor<T>(this: void, name: string, body: () => Promise<T>, options: ActorOptions): Promise<T | undefined>
  /** Parks until the scheduler picks this step of the running actor. Outside of actors it does nothing. */
  step(this: void, label: string): Promise<void>
  /**
   * Lets `call` take effect when the scheduler picks it and, where it is asynchronous, its answer arrive when the
   * scheduler picks that. `accesses` say what it touches, for explorations that share what is declared; without them it
   * may touch anything. The call may do real input and output, and is waited for.
   */
  step<T>(this: void, label: string, call: () => T | Promise<T>, accesses?: readonly Access[]): Promise<T>
  /** Parks in the name of an actor that is known by its steps alone. */
  stepAs(this: void, actor: string, label: string): Promise<void>
  /** A variable that actors share, each reading and writing of which is in the timeline. */
  variable<T>(this: void, name: string, initial: T): Variable<T>
  /**
   * A Holdfast session on the world's one store: every call of it is a step. One opened in an actor dies with it.
   *
   * @throws HoldfastError ARGUMENT_INVALID
   */
  open(this: void, label?: string): Promise<Holdfast>
  /** The object or function, each asynchronous call of which is a step of whoever makes it. */
  wrap<T extends object>(this: void, target: T, options: WrapOptions): T
  /** One of several values, each of which some schedule gets: whether a request fails, which answer arrives. */
  pick<T>(this: void, label: string, values: readonly T[]): T
}

export function createWorld(schedule: Schedule): ScenarioContext {
  const openSession = createSessions(schedule)
  function actor<T>(name: string, body: () => Promise<T>): Promise<T>
  function actor<T>(name: string, body: () => Promise<T>, options: ActorOptions): Promise<T | undefined>
  async function actor<T>(name: string, body: () => Promise<T>, options?: ActorOptions): Promise<T | undefined> {
    return await schedule.runActor(name, options?.faults ?? [], body)
  }
  function step(label: string): Promise<void>
  function step<T>(label: string, call: () => T | Promise<T>, accesses?: readonly Access[]): Promise<T>
  async function step<T>(
    label: string,
    call?: () => T | Promise<T>,
    accesses: readonly Access[] | null = null,
  ): Promise<T | undefined> {
    if (call !== undefined) return await schedule.perform(label, accesses, call)
    await schedule.step(label, null)
    return undefined
  }
  return {
    get env() {
      return schedule.env
    },
    actor,
    step,
    stepAs: async (name, label) => {
      await schedule.step(label, null, name)
    },
    variable: (name, initial) => createVariable(schedule, name, initial),
    open: openSession,
    wrap: (target, options) => wrapObject(schedule, target, options),
    pick: (label, values) => schedule.pick(label, values),
  }
}
