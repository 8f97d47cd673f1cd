/** An operation is named by a digest of its text, and its text does not say what the variables in it were. */
import { createHash } from "node:crypto"
import type { Scenario, ScenarioContext } from "holdfast/race"
import { expectEqual } from "../race.ts"
import { Table } from "../table.ts"

/** The body of a loop, as the parser made it. */
interface Closure {
  readonly variable: string
  readonly expression: string
  readonly evaluate: (element: number) => number
}

class Engine {
  readonly #results: Table<readonly number[]>

  constructor(context: ScenarioContext) {
    this.#results = new Table(context, "results")
  }

  async map(elements: readonly number[], closure: Closure): Promise<readonly number[]> {
    const operation = identify(elements, closure)
    const stored = await this.#results.select(operation)
    if (stored !== null) return stored
    const results = elements.map(closure.evaluate)
    await this.#results.insert(operation, results)
    return results
  }
}

function identify(elements: readonly number[], { variable, expression }: Closure): string {
  const node = { operator: "map", elements, closure: { variable, expression } }
  return createHash("sha256").update(JSON.stringify(node)).digest("hex").slice(0, 8)
}

/** Two programs with the same loop, `for i in range(1, 3) do i + k`, in each of which `k` is something else. */
export const broken: Scenario = async (context) => {
  const engine = new Engine(context)
  const run = async (k: number): Promise<void> => {
    const results = await engine.map([1, 2], { variable: "i", expression: "i + k", evaluate: (i) => i + k })
    expectEqual(`the loop with k = ${String(k)}`, results, [1 + k, 2 + k])
  }
  await Promise.all([context.actor("program 1", () => run(1)), context.actor("program 2", () => run(100))])
}
