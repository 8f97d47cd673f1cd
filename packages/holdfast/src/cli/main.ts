#!/usr/bin/env node
/** The `holdfast` command as a process. */
import type { Console } from "./console.ts"
import { runCommand } from "./run-command.ts"

const console: Console = {
  in: process.stdin,
  out: process.stdout,
  err: process.stderr,
  interruptible: () => {
    const interrupted = new AbortController()
    // Asked twice, it ends at once, as it is: nothing acknowledged is lost by that either.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort())
    return interrupted.signal
  },
}

// Whoever read the output has had enough, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
})

process.exitCode = await runCommand(process.argv.slice(2), console)
