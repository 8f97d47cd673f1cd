/** `imgql check FILE`: what is wrong with a program, without running it. */
import type { Console } from "./console.ts"
import { readProgram } from "./program-file.ts"
import { describeProblem } from "./report.ts"

/** 0 where nothing is wrong, else 2. */
export function checkProgramFile(path: string, console: Console): 0 | 2 {
  const { checked, file } = readProgram(path, console.folder)
  for (const problem of checked.problems) console.err.write(`${describeProblem(problem, checked.sources)}\n`)
  if (checked.problems.length > 0) return 2
  const goals = checked.steps.filter(({ command }) => command.kind !== "let").length
  console.out.write(`${file}: no problems, ${String(goals)} ${goals === 1 ? "goal" : "goals"}\n`)
  return 0
}
