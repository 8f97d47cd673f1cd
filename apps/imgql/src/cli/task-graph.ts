/** `--save-task-graph`: the operations of a program with their places in it, those that are shared marked, as DOT or JSON. */
import { relative, sep } from "node:path"
import type { Outline, OutlineInput, OutlineNode } from "../engine/outline.ts"
import { printNumber } from "../language/print.ts"
import { formatSite } from "./location.ts"

/** Nobody looks at more, and drawing programs do not come to an end. */
export const MAX_GRAPH_NODES = 20_000
/** Of a value in a picture, at most so many characters, and of a list so many items. */
const SHOWN_CHARACTERS = 40
const SHOWN_ITEMS = 6

export interface TaskGraph {
  readonly outline: Outline
  readonly sources: ReadonlyMap<string, string>
  readonly folder: string
}

export function taskGraphAsJson({ outline, sources, folder }: TaskGraph): string {
  const nodes = outline.nodes.map((node, id) => ({
    id,
    kind: node.kind,
    name: nameOf(node, folder),
    inputs: node.inputs.map(inputAsJson),
    location: formatSite(node.site, sources),
    uses: node.uses,
  }))
  const goals = outline.goals.map(({ goal, input }) => ({
    kind: goal.kind,
    label: goal.label,
    input: input === null ? null : inputAsJson(input),
    location: formatSite(goal.site, sources),
  }))
  return `${JSON.stringify({ isCut: outline.isCut, goals, nodes }, null, 1)}\n`
}

function inputAsJson(input: OutlineInput): object {
  if (input.kind === "node") return { node: input.node }
  const { value } = input
  return { value: typeof value === "number" && !Number.isFinite(value) ? String(value) : value }
}

export function taskGraphAsDot({ outline, sources, folder }: TaskGraph): string {
  const { nodes, goals, isCut } = outline
  const lines = [
    "digraph imgql {",
    "  rankdir=LR",
    '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"]',
  ]
  for (const [id, node] of nodes.entries()) {
    const location = formatSite(node.site, sources)
    const shared = node.uses > 1 ? `${String(node.uses)} uses` : ""
    const label = [callOf(node, folder), location, shared].filter((part) => part !== "")
    const shape = node.kind === "file" ? ", shape=note" : node.kind === "sequence" ? ", shape=plain" : ""
    const color = node.uses > 1 ? ', fillcolor="#ffd866", penwidth=2' : ""
    lines.push(`  n${String(id)} [label=${quoted(label.join("\n"))}${shape}${color}]`)
    const drawn = new Set(node.inputs.flatMap((input) => (input.kind === "node" ? [input.node] : [])))
    for (const input of drawn) lines.push(`  n${String(input)} -> n${String(id)}`)
  }
  for (const [at, { goal, input }] of goals.entries()) {
    const value = input?.kind === "constant" ? ` ${showConstant(input)}` : ""
    const label = `${goal.kind} "${goal.label}"${value}\n${formatSite(goal.site, sources)}`
    lines.push(`  g${String(at)} [label=${quoted(label)}, shape=ellipse, fillcolor="#a9dc76"]`)
    if (input?.kind === "node") lines.push(`  n${String(input.node)} -> g${String(at)}`)
  }
  if (isCut) {
    const label = `only the first ${String(nodes.length)} operations are drawn`
    lines.push(`  cut [label=${quoted(label)}, shape=plaintext, fillcolor="#ff6188"]`)
  }
  return `${[...lines, "}"].join("\n")}\n`
}

/** `BinaryThreshold(·, 100, 200, 1, 0)`: values as they are, other operations by an arrow that comes in. */
function callOf(node: OutlineNode, folder: string): string {
  if (node.kind === "file") return nameOf(node, folder)
  const shown = node.inputs.slice(0, SHOWN_ITEMS).map((input) => (input.kind === "node" ? "·" : showConstant(input)))
  const rest = node.inputs.length > SHOWN_ITEMS ? [`… ${String(node.inputs.length)} in all`] : []
  const list = [...shown, ...rest].join(", ")
  return node.kind === "sequence" ? `[${list}]` : `${node.name}(${list})`
}

function nameOf({ kind, name }: OutlineNode, folder: string): string {
  if (kind !== "file") return name
  const near = relative(folder, name)
  return near.startsWith(`..${sep}`) ? name : near
}

function showConstant({ value }: Extract<OutlineInput, { readonly kind: "constant" }>): string {
  const text = typeof value === "number" ? printNumber(value) : JSON.stringify(value)
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}

/** A string of the DOT language; a line break in it is one in the picture. */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`
}
