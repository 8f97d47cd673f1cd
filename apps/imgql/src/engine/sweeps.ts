/**
 * Thresholds of one image that are wanted at the same time, found in one pass: masks, and counts of masks that nobody wants.
 *
 *     open: gathers whoever comes ──a thread is free──▶ closed: claims, one pass, each told its own
 *
 * It goes by the graph, not by how a program is written: any comparison with numbers, from whatever function or goal.
 */
import type { Graph, Handle } from "../graph/graph.ts"
import type { Selection } from "../kernels/sweep.ts"
import type { Value } from "../primitives/primitive.ts"
import type { Chosen } from "./identity.ts"

/** What a node is of a sweep over an image. */
export interface Part {
  readonly image: Handle
  readonly selection: Selection
  /** The mask itself, or only how much there is of it. */
  readonly wants: "mask" | "count"
  /** Whose mask it counts; null for a mask. */
  readonly mask: Handle | null
}

/** Somebody whose result a sweep brings. */
export interface Member {
  readonly id: string
  readonly node: Handle
  readonly part: Part
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** No pass has more classes than an image of them can tell. */
const MAX_MEMBERS = 10_000

/** What a node in normal form is of a sweep; null where it is nothing of one. */
export function partOf(graph: Graph, chosen: Chosen, node: Handle): Part | null {
  if (graph.operatorOf(node).kind !== "apply") return null
  const { work } = chosen(node)
  if (work.kind !== "heavy") return null
  if (work.isCount === true) {
    const mask = graph.input(node, 0)
    const part = partOf(graph, chosen, mask)
    return part?.wants === "mask" ? { ...part, wants: "count", mask } : null
  }
  const images = graph.inputs(node).filter((input) => graph.operatorOf(input).kind !== "constant")
  const [image] = images
  if (work.selection === undefined || image === undefined || images.length !== 1) return null
  const args = graph.inputs(node).map((input): Value | undefined => graph.constantOf(input))
  const selection = work.selection(args)
  return selection === null ? null : { image, selection, wants: "mask", mask: null }
}

/** Those of one image that are found in one pass. */
export type Sweep = Member[]

/** The open sweep of each image. */
export class Sweeps {
  readonly #open = new Map<string, Sweep>()

  /** Joins the open sweep of an image; where that makes a new one, it is given back, to be seen to. */
  join(image: string, member: Member): Sweep | null {
    const open = this.#open.get(image)
    if (open !== undefined && open.length < MAX_MEMBERS) {
      open.push(member)
      return null
    }
    const sweep = [member]
    this.#open.set(image, sweep)
    return sweep
  }

  /** Nobody joins it any more. */
  close(image: string, sweep: Sweep): void {
    // Identity-checked: one that was full has been followed by another.
    if (this.#open.get(image) === sweep) this.#open.delete(image)
  }
}
