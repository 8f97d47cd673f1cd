/**
 * One call of the `holdfast` command: from its words to its exit code. Results go to stdout, and one line a fault to
 * stderr: `holdfast: CODE: message`, with the exit code of the table in errors.ts.
 */
import { CommanderError } from "commander"
import { ERROR_TABLE, HoldfastError, isHoldfastError } from "../kernel/index.ts"
import { type Console, print } from "./console.ts"
import { buildProgram } from "./program.ts"

/** Runs the command that the words name and answers with the process's exit code. Never rejects for a fault. */
export async function runCommand(words: readonly string[], console: Console): Promise<number> {
  const program = buildProgram(console)
  try {
    await program.parseAsync(words, { from: "user" })
    return program.exitCode
  } catch (error) {
    const fault = faultOf(error)
    if (fault === null) return 0
    await print(console.err, `holdfast: ${fault.code}: ${fault.message}\n`)
    return ERROR_TABLE[fault.code].exitCode
  }
}

/** Null where there was none: help and version end the parsing, too. */
function faultOf(error: unknown): HoldfastError | null {
  if (isHoldfastError(error)) return error
  if (!(error instanceof CommanderError)) throw error
  if (error.exitCode === 0) return null
  const found =
    error.code === "commander.help"
      ? "a command is missing"
      : error.message.replace(/^error: /, "").replaceAll("\n", " ")
  return new HoldfastError("ARGUMENT_INVALID", `${found.replace(/\.$/, "")}; see "holdfast help"`)
}
