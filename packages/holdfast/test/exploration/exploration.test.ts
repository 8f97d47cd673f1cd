/**
 * Every interleaving of small scopes, to exhaustion: the invariants after every step, answers given exactly once, a way
 * out of every wait, and no refusal without need. A failure prints the steps that lead to it.
 */
import { describe, expect, it } from "vitest"
import { explore } from "./explorer.ts"
import { EXPLORATIONS } from "./scopes.ts"
import { World } from "./world.ts"

describe("the kernel, explored exhaustively", () => {
  it.each(EXPLORATIONS)("$title", { timeout: 120_000 }, ({ title, scope, minimumStates }) => {
    const { states, transitions, seconds } = explore(() => new World(scope))
    console.info(`${title}: ${String(states)} states, ${String(transitions)} transitions, ${seconds.toFixed(1)} s`)
    expect(states).toBeGreaterThanOrEqual(minimumStates)
  })
})
