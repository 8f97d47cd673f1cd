/**
 * Breadth-first search through every state a scope can reach, to exhaustion and without a depth bound.
 *
 * Nothing can be copied out of a kernel, so a state is reached by replaying the shortest path to it on a fresh one; a
 * state that was seen before, up to the names of its tokens and times, is not expanded again. After the search, every
 * state is shown to lead to one in which nobody waits, by steps that running scopes take by themselves (L7).
 */
import { createHash } from "node:crypto"

/** A step as data, so that a path can be replayed and printed. */
export interface Step {
  /** True for what running scopes do by themselves; false for what may never come: new requests, deaths, controls. */
  readonly isProgress: boolean
}

/** A world to be explored. */
export interface Explorable<S extends Step> {
  /** The steps possible now; the same ones in the same order whenever the same path led here. */
  steps(): readonly S[]
  perform(step: S): void
  /** Asserts everything that must hold in this state. */
  check(): void
  /** Asserts what depends on the step that was just taken, too. */
  checkStep(): void
  canonical(): string
  /** True after a step that was turned down: nothing may have changed. */
  readonly isUnchanged: boolean
  /** True when nobody waits for anything. */
  isCalm(): boolean
}

export interface Exploration {
  readonly states: number
  readonly transitions: number
  readonly seconds: number
}

interface Visited<S> {
  readonly parent: Visited<S> | null
  readonly step: S | null
  isCalm: boolean
  /** States from which a progress step leads here. */
  readonly before: Visited<S>[]
}

/** Explores everything reachable from a fresh world; throws with the path to the first state that is wrong. */
export function explore<S extends Step>(create: () => Explorable<S>): Exploration {
  const started = performance.now()
  const first: Visited<S> = { parent: null, step: null, isCalm: true, before: [] }
  const visited = new Map<string, Visited<S>>([[hash(create().canonical()), first]])
  let transitions = 0
  // A Map visits what is added during the visit: this is the whole search, breadth first.
  for (const [own, state] of visited) {
    const path = pathTo(state)
    let world: Explorable<S> | null = replay(create, path)
    for (const step of world.steps()) {
      world ??= replay(create, path)
      transitions += 1
      const key = attempt(world, step, { path, own, visited })
      let next = visited.get(key)
      if (next === undefined) {
        next = { parent: state, step, isCalm: world.isCalm(), before: [] }
        visited.set(key, next)
      }
      if (step.isProgress) next.before.push(state)
      // A step that changed nothing leaves a world the next one can start from.
      if (key !== own) world = null
    }
  }
  assertCalmReachable([...visited.values()])
  return { states: visited.size, transitions, seconds: (performance.now() - started) / 1000 }
}

/** Takes one step and returns the state it leads to, checked unless the same was checked before. */
function attempt<S extends Step>(
  world: Explorable<S>,
  step: S,
  from: { readonly path: readonly S[]; readonly own: string; readonly visited: ReadonlyMap<string, unknown> },
): string {
  try {
    world.perform(step)
    world.checkStep()
    const key = hash(world.canonical())
    if (world.isUnchanged && key !== from.own) throw new Error("what was turned down changed something")
    if (!from.visited.has(key)) world.check()
    return key
  } catch (error) {
    throw new Error(`wrong after these steps:\n${describe([...from.path, step])}`, { cause: error })
  }
}

function hash(text: string): string {
  return createHash("sha1").update(text).digest("base64")
}

function pathTo<S>(state: Visited<S>): S[] {
  const path: S[] = []
  for (let at: Visited<S> | null = state; at?.step != null; at = at.parent) path.push(at.step)
  return path.toReversed()
}

function replay<S extends Step>(create: () => Explorable<S>, path: readonly S[]): Explorable<S> {
  const world = create()
  for (const step of path) world.perform(step)
  return world
}

function describe(path: readonly Step[]): string {
  return path.map((step, index) => `${String(index + 1).padStart(3)}. ${JSON.stringify(step)}`).join("\n")
}

/** From every state, running scopes must be able to bring about a state in which nobody waits. */
function assertCalmReachable<S extends Step>(states: readonly Visited<S>[]): void {
  const safe = new Set<Visited<S>>(states.filter((state) => state.isCalm))
  for (const state of safe) for (const earlier of state.before) safe.add(earlier)
  const stuck = states.find((state) => !safe.has(state))
  if (stuck !== undefined) throw new Error(`a wait that never ends, after these steps:\n${describe(pathTo(stuck))}`)
}
