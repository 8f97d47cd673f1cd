#!/usr/bin/env node
/** The `imgql` command as a process: its streams, its signals and its end. */
import { setMaxListeners } from "node:events"
import { CommandError, describeError } from "./command-error.ts"
import { type Console, STOP_CODES, Stopped } from "./console.ts"
import { folderOfUser } from "./npx.ts"
import { runCommand } from "./program.ts"

process.chdir(folderOfUser(process.env, process.cwd()))

const stopping = new AbortController()
setMaxListeners(0, stopping.signal)
let isInterruptible = false

const console: Console = {
  in: process.stdin,
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  folder: process.cwd(),
  untilStopped: () => {
    if (!isInterruptible) {
      isInterruptible = true
      // Asked twice, it ends at once, as the system does it: nothing that is done is lost by that either.
      for (const by of ["SIGINT", "SIGTERM"] as const) {
        process.once(by, () => {
          stop(by)
        })
      }
    }
    return stopping.signal
  },
}

function stop(by: keyof typeof STOP_CODES): void {
  stopping.abort(new Stopped(by))
}

// Whoever read the output has had enough, as `head` does: there is nobody to work for, and nothing to say.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  if (!isInterruptible) process.exit(STOP_CODES.SIGPIPE)
  stop("SIGPIPE")
})
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
})

try {
  process.exitCode = await runCommand(process.argv.slice(2), console)
} catch (error) {
  process.exitCode = exitCodeOf(error)
  if (!(error instanceof Stopped)) process.stderr.write(`${describeError(error)}\n`)
}
// What was written last may have been written to nobody.
if (stopping.signal.aborted) process.exitCode = exitCodeOf(stopping.signal.reason)

function exitCodeOf(error: unknown): number {
  if (error instanceof Stopped) return STOP_CODES[error.by]
  return error instanceof CommandError ? 2 : 1
}
