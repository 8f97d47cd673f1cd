/**
 * Thresholds of one image that are wanted at the same time, found in one pass: masks, and counts of masks that nobody wants.
 *
 *     open: gathers whoever comes ──a thread is free──▶ closed: claims, one pass, each told its own
 *
 * It goes by the graph, not by how a program is written: any comparison with numbers, and any logic on such of one image,
 * from whatever function or goal.
 */
import type { Graph, Handle } from "../graph/graph.ts"
import type { Selection } from "../kernels/selection.ts"
import type { Value } from "../primitives/primitive.ts"
import type { Chosen } from "./identity.ts"

/** What a node is of a sweep over an image. */
export interface Part {
  readonly image: Handle
  readonly selection: Selection
  /** Comparisons and logic in the selection. */
  readonly terms: number
  /** The mask itself, or only how much there is of it. */
  readonly wants: "mask" | "count"
  /** Whose mask it counts; null for a mask. */
  readonly mask: Handle | null
}

/** Larger formulas are put together from masks: what is made of one in a pass is looked at once a class and term. */
const MAX_TERMS = 64

/** A kernel has at most 65,533 limits, and a comparison two. */
const MAX_TERMS_A_SWEEP = 32_000

/** What nodes in normal form are of sweeps; null for those that are nothing of one. Each is looked at once. */
export class Parts {
  readonly #graph: Graph
  readonly #chosen: Chosen
  readonly #known = new Map<Handle, Part | null>()
  /** Of images that keep what is selected of another one, and are 0 elsewhere: that one, and what is kept. */
  readonly #kept = new Map<Handle, Part>()

  constructor(graph: Graph, chosen: Chosen) {
    this.#graph = graph
    this.#chosen = chosen
  }

  /** Inputs are looked at before what they are inputs of, however deep that goes. */
  of(node: Handle): Part | null {
    const open = [node]
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (!this.#known.has(top)) {
        const unknown = this.#relevant(top).filter((input) => !this.#known.has(input))
        open.push(...unknown)
        if (unknown.length > 0) continue
        this.#known.set(top, this.#look(top))
      }
      open.pop()
    }
    return this.#known.get(node) ?? null
  }

  /** The inputs that decide. */
  #relevant(node: Handle): readonly Handle[] {
    if (this.#graph.operatorOf(node).kind !== "apply") return []
    const { work } = this.#chosen(node)
    if (work.kind !== "heavy") return []
    const { isCount, isRestriction, combines, selection } = work
    const depends = isCount === true || isRestriction === true || combines !== undefined || selection !== undefined
    return depends ? this.#graph.inputs(node) : []
  }

  #look(node: Handle): Part | null {
    const graph = this.#graph
    if (graph.operatorOf(node).kind !== "apply") return null
    const { work } = this.#chosen(node)
    if (work.kind !== "heavy") return null
    const inputs = graph.inputs(node)
    if (work.isCount === true) return this.#count(inputs)
    if (work.combines !== undefined) return this.#combination(work.combines, inputs)
    if (work.isRestriction === true) return this.#restriction(node, inputs)
    const images = inputs.filter((input) => graph.operatorOf(input).kind !== "constant")
    const [image] = images
    if (work.selection === undefined || image === undefined || images.length !== 1) return null
    const args = inputs.map((input): Value | undefined => graph.constantOf(input))
    const selection = work.selection(args)
    if (selection === null) return null
    const kept = this.#kept.get(image)
    if (kept === undefined) return { image, selection, terms: 1, wants: "mask", mask: null }
    return { ...kept, selection: { kind: "kept", where: kept.selection, of: selection }, terms: kept.terms + 1 }
  }

  /** An image that keeps what is selected of it by its own values is no mask, but what is selected of it is one of that image. */
  #restriction(node: Handle, [image, where]: readonly Handle[]): null {
    const mask = where === undefined ? null : this.#maskAt(where)
    if (mask !== null && mask.image === image && mask.terms < MAX_TERMS) this.#kept.set(node, mask)
    return null
  }

  #count([mask]: readonly Handle[]): Part | null {
    const part = mask === undefined ? null : this.#maskAt(mask)
    return part === null || mask === undefined ? null : { ...part, wants: "count", mask }
  }

  #combination(kind: "and" | "or" | "xor" | "not", inputs: readonly Handle[]): Part | null {
    const [left = null, right = null] = inputs.map((input) => this.#maskAt(input))
    if (left === null) return null
    const { image } = left
    if (kind === "not") return bounded({ ...left, selection: { kind, of: left.selection }, terms: left.terms + 1 })
    if (right?.image !== image) return null
    const selection: Selection = { kind, left: left.selection, right: right.selection }
    return bounded({ image, selection, terms: left.terms + right.terms + 1, wants: "mask", mask: null })
  }

  #maskAt(node: Handle): Part | null {
    const part = this.#known.get(node) ?? null
    return part?.wants === "mask" ? part : null
  }
}

function bounded(part: Part): Part | null {
  return part.terms <= MAX_TERMS ? part : null
}

/** Those of one image that are found in one pass. */
export interface Sweep<Member> {
  readonly members: Member[]
  terms: number
}

/** The open sweep of each image. */
export class Sweeps<Member extends { readonly part: Part }> {
  readonly #open = new Map<Handle, Sweep<Member>>()

  isOpen(image: Handle): boolean {
    return this.#open.has(image)
  }

  /** Joins the open sweep of an image; where that makes a new one, it is given back, to be seen to. */
  join(member: Member): Sweep<Member> | null {
    const { image, terms } = member.part
    const open = this.#open.get(image)
    if (open !== undefined && open.terms + terms <= MAX_TERMS_A_SWEEP) {
      open.members.push(member)
      open.terms += terms
      return null
    }
    const sweep = { members: [member], terms }
    this.#open.set(image, sweep)
    return sweep
  }

  /** Nobody joins it any more. */
  close(image: Handle, sweep: Sweep<Member>): void {
    // Identity-checked: one that was full has been followed by another.
    if (this.#open.get(image) === sweep) this.#open.delete(image)
  }
}
