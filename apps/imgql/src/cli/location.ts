/** Places in programs as editors follow them. */
import type { Site } from "../graph/graph.ts"
import { placeOf } from "../language/problem.ts"

/** `file:line:column`; empty for what no program says. */
export function formatSite({ file, start }: Site, sources: ReadonlyMap<string, string>): string {
  if (file === "") return ""
  const { line, column } = placeOf(sources.get(file) ?? "", start)
  return `${file}:${String(line)}:${String(column)}`
}
