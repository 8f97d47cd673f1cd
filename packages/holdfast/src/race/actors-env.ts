/**
 * The env that actors share, watched: whose timer it is, and what the order of two events decides through it.
 *
 * 1. Timers that are due at one moment fire in the order in which they were armed: arming writes that moment.
 * 2. Whoever reads the clock, arms or cancels a timer cares whether time has passed: it touches the time.
 * 3. Each actor draws random numbers and ids of its own, so that who draws first decides nothing.
 */
import { createSimulatedEnv, type SimulatedEnv } from "../env/simulated-env.ts"
import { type Access, reads, writes } from "./access.ts"

/** Conflicts with whatever passes time, since that may touch anything, and with nothing else. */
export const THE_TIME: Access = reads("the time")

/** What the env of a schedule has to know of it. */
export interface ActorsEnvOptions {
  readonly seed: number
  readonly runningActor: () => string | null
  readonly touch: (access: Access) => void
  /** Called when a timer is armed; answers how its callback is to run. */
  readonly asArmer: () => (callback: () => void) => void
}

/** Wraps the env of a schedule. */
export function createActorsEnv(env: SimulatedEnv, options: ActorsEnvOptions): SimulatedEnv {
  const { seed, runningActor, touch, asArmer } = options
  const own = new Map<string, SimulatedEnv>()
  const ofActor = (): SimulatedEnv => {
    const name = runningActor()
    if (name === null) return env
    const known = own.get(name) ?? createSimulatedEnv({ seed: seedOf(seed, name) })
    own.set(name, known)
    return known
  }
  const watched: Partial<SimulatedEnv> = {
    clock: {
      now: () => {
        touch(THE_TIME)
        return env.clock.now()
      },
      monotonic: () => {
        touch(THE_TIME)
        return env.clock.monotonic()
      },
    },
    timers: {
      after: (delayMs, callback, timerOptions) => {
        const run = asArmer()
        const timer = env.timers.after(delayMs, () => run(callback), timerOptions)
        touch(writes(`timers at ${String(env.clock.monotonic() + delayMs)}`))
        return {
          cancel: () => {
            touch(THE_TIME)
            timer.cancel()
          },
        }
      },
    },
    random: { next: () => ofActor().random.next() },
    ids: { next: () => ofActor().ids.next() },
  }
  // Inherited, since some of its properties are getters.
  return Object.assign(Object.create(env) as SimulatedEnv, watched)
}

/** A seed of the actor's own (FNV-1a). */
function seedOf(seed: number, name: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  return ((hash >>> 0) ^ (seed >>> 0)) >>> 0
}
