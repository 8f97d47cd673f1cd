/**
 * Bodies of functions and loops, compiled once and run for every set of inputs they are called with: straight instructions
 * on a stack of nodes. Running them makes nodes; nothing is evaluated, and calls inside are nodes too, expanded when
 * somebody wants them. So no program, however deep its functions call each other, makes this code call itself.
 */
import { type Constant, type Graph, type Handle, type Site } from "./graph.ts"
import type { Operator } from "./operator.ts"

export type Instruction =
  /** Pushes a node that is known already: what a program defined before. */
  | { readonly kind: "known"; readonly handle: Handle }
  | { readonly kind: "constant"; readonly value: Constant }
  /** Pushes what a slot has. */
  | { readonly kind: "load"; readonly slot: number }
  /** Pops into a slot. */
  | { readonly kind: "store"; readonly slot: number }
  /** Pops so many inputs, the last one first, appends what the slots have, and pushes the node. */
  | {
      readonly kind: "node"
      readonly operator: Operator
      readonly count: number
      readonly captures: readonly number[]
      readonly site: Site
    }

export interface Code {
  readonly name: string
  /** Which slot each input is put in. */
  readonly inputSlots: readonly number[]
  readonly slotCount: number
  readonly instructions: readonly Instruction[]
}

/** The node that the body of a function comes to with these inputs. */
export function runCode(graph: Graph, code: Code, inputs: readonly Handle[]): Handle {
  if (inputs.length !== code.inputSlots.length) {
    throw new Error(`${code.name} takes ${code.inputSlots.length} inputs, found ${inputs.length}`)
  }
  const slots = Array.from<Handle | undefined>({ length: code.slotCount })
  code.inputSlots.forEach((slot, at) => {
    slots[slot] = inputs[at]
  })
  const stack: Handle[] = []
  for (const instruction of code.instructions) {
    switch (instruction.kind) {
      case "known":
        stack.push(instruction.handle)
        break
      case "constant":
        stack.push(graph.constant(instruction.value))
        break
      case "load":
        stack.push(filled(slots[instruction.slot]))
        break
      case "store":
        slots[instruction.slot] = filled(stack.pop())
        break
      case "node": {
        const { operator, count, captures, site } = instruction
        const taken = stack.splice(stack.length - count, count)
        for (const slot of captures) taken.push(filled(slots[slot]))
        stack.push(graph.add(operator, taken, site))
        break
      }
    }
  }
  return filled(stack.pop())
}

function filled(handle: Handle | undefined): Handle {
  if (handle === undefined) throw new Error("compiled code reads what it has not written")
  return handle
}
