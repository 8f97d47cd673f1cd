/** Places for stores, and processes of the command, that are gone after the test that made them. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach } from "vitest"
import { BuiltCommand } from "./built-command.ts"

export interface Places {
  /** A path where nothing is yet. */
  readonly make: (name?: string) => string
  readonly start: (words: readonly string[]) => BuiltCommand
  /** A keeper that serves. */
  readonly keep: (dir: string) => Promise<BuiltCommand>
}

export function usePlaces(): Places {
  const folders: string[] = []
  const commands: BuiltCommand[] = []
  afterEach(() => {
    for (const { child } of commands.splice(0)) child.kill("SIGKILL")
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  function start(words: readonly string[]): BuiltCommand {
    const command = new BuiltCommand(words)
    commands.push(command)
    return command
  }
  return {
    make: (name = "store") => {
      const folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"))
      folders.push(folder)
      return join(folder, name)
    },
    start,
    keep: async (dir) => {
      const keeper = start(["keeper", dir])
      await keeper.printed("keeping")
      return keeper
    },
  }
}
