/** The language on plain numbers: programs without images, on an evaluation of their own that nothing is stored of. */
import { expect } from "vitest"
import { Evaluation } from "../src/engine/evaluation.ts"
import { Rewriting, type World } from "../src/engine/rewrite.ts"
import { Graph, type Handle, NOWHERE } from "../src/graph/graph.ts"
import { loadProgram } from "../src/graph/load.ts"
import { FORCED } from "../src/graph/operator.ts"
import { checkSource } from "../src/language/check.ts"
import { parseSignature, SignatureTable } from "../src/language/signature.ts"
import type { Primitive, Value } from "../src/primitives/primitive.ts"
import { SCALAR_PRIMITIVES } from "../src/primitives/scalars.ts"

/** Programs whose operators are plain primitives, one that counts how often it is called, and one that takes time. */
export class PlainPrograms {
  readonly graph = new Graph()
  readonly calls: number[] = []
  readonly evaluation: Evaluation
  readonly rewriting: Rewriting
  readonly #primitives: readonly Primitive[]
  #open: (() => void)[] = []

  constructor() {
    const world: World = {
      computed: async (node) => {
        await new Promise<void>((resolve) => this.#open.push(resolve))
        const value = this.graph.constantOf(this.graph.input(node, 0))
        if (value === 13) throw new Error("13 is never computed")
        return typeof value === "number" ? value * 100 : 0
      },
      performed: () => Promise.reject(new Error("nothing is done here")),
      baseImage: () => {
        throw new Error("there is no image here")
      },
      fileAt: () => Promise.reject(new Error("there are no files here")),
    }
    this.rewriting = new Rewriting(this.graph, world)
    this.evaluation = new Evaluation(this.graph, this.rewriting)
    const counted: Primitive = {
      signature: parseSignature("default", "counted(x: number): number"),
      version: 1,
      work: {
        kind: "cheap",
        evaluate: ([x]) => {
          this.calls.push(Number(x))
          return Number(x)
        },
      },
    }
    const slow: Primitive = {
      signature: parseSignature("default", "slow(x: number): number"),
      version: 1,
      work: { kind: "heavy", compute: () => Promise.reject(new Error("the world computes")) },
    }
    this.#primitives = [...SCALAR_PRIMITIVES, counted, slow]
  }

  /** Lets one of the slow ones end, the oldest first. */
  open(count = 1): void {
    for (const resolve of this.#open.splice(0, count)) resolve()
  }

  get waiting(): number {
    return this.#open.length
  }

  /** The node of the last print of a program. */
  load(source: string): Handle {
    const signatures = new SignatureTable(this.#primitives.map(({ signature }) => signature))
    const loader = {
      library: (name: string) => (name === "stdlib" ? STDLIB : null),
      file: () => ({ refused: "no files" }),
    }
    const checked = checkSource(source, "test.imgql", { signatures, loader })
    expect(checked.problems).toEqual([])
    const goals = loadProgram(this.graph, checked, { primitives: this.#primitives, programVariables: new Map() })
    const last = goals.at(-1)
    if (last === undefined) throw new Error("the program prints nothing")
    return last.handle
  }

  async run(source: string): Promise<Value> {
    const forced = this.graph.add(FORCED, [this.load(source)], NOWHERE)
    const normal = await this.evaluation.normalize(forced)
    const deep = await this.evaluation.normalize(await this.#force(this.graph.input(normal, 0)))
    return this.rewriting.valueOf(deep)
  }

  /** Lists inside of lists, too. */
  async #force(handle: Handle): Promise<Handle> {
    const normal = await this.evaluation.normalize(handle)
    if (this.graph.operatorOf(normal).kind === "constant") return normal
    const items = await Promise.all(this.graph.inputs(normal).map((item) => this.#force(item)))
    return this.graph.add(FORCED, items, NOWHERE)
  }
}

const STDLIB = {
  file: "stdlib",
  source: `
    import "default"
    import "strings"
    let +(a, b) = addition(a, b)
    let -(a, b) = subtraction(a, b)
    let *(a, b) = multiplication(a, b)
    let /(a, b) = division(a, b)
  `,
}
