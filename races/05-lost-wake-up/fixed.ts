/** States are cells that are watched: a watch starts with what is there, so nothing falls between looking and waiting. */
import type { Holdfast } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

interface State {
  readonly status: "running" | "completed"
  readonly result: number | null
}

/** The result of an operation, once somebody has completed it. */
async function waitForCompletion(hf: Holdfast, operation: number): Promise<number | null> {
  const state = hf.cell<State>(`operation ${String(operation)}`, { initial: { status: "running", result: null } })
  for await (const { value } of state.watch()) {
    if (value.status === "completed") return value.result
  }
  throw new Error(`the store was closed before operation ${String(operation)} was completed`)
}

/** Actors that take turns to complete so many operations, and wait for the ones of all others. */
function createProgram(actors: number, operations: number): Program {
  return {
    actors,
    async act({ hf }: Place, actor: number): Promise<void> {
      for (let operation = 0; operation < operations; operation++) {
        if (operation % actors === actor) {
          const completed: State = { status: "completed", result: operation * operation }
          await hf.cell<State>(`operation ${String(operation)}`).set(completed)
        }
        const result = await waitForCompletion(hf, operation)
        expectEqual(`the result of ${String(operation)}`, result, operation * operation)
      }
    },
    async check({ hf }: Place): Promise<void> {
      expectEqual("operations that are completed", (await hf.list("operation ")).length, operations)
    },
  }
}

/** Five actors and 100 operations: 400 waits for somebody else, begun while that one is at it. */
export const program: Program = createProgram(5, 100)

/** Three actors and two operations. */
export const fixed: Scenario = scenarioOf(createProgram(3, 2), 3)
