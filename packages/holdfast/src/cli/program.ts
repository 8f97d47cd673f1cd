/** The words of the `holdfast` command: which commands there are, and what each takes. */
import { Command } from "commander"
import { BUILD } from "../stores/embedded/index.ts"
import { type Console, print } from "./console.ts"
import { backUp, collect, restore } from "./backup.ts"
import { examine, type DoctorOptions } from "./doctor.ts"
import { inspect, type InspectOptions } from "./inspect.ts"
import { runKeeper } from "./keeper.ts"
import { exportTo, importFrom } from "./transfer.ts"

/** A program that is parsed once. */
export interface Program {
  readonly parseAsync: (words: readonly string[], options: { readonly from: "user" }) => Promise<unknown>
  /** What the command found, where that is not a fault; 0 is good. */
  readonly exitCode: number
}

export function buildProgram(console: Console): Program {
  const root = new Command("holdfast")
  let exitCode = 0
  root
    .description("Looks after stores in folders: locks, versioned state and run-once operations, kept by Holdfast.")
    .exitOverride()
    .configureOutput({ writeOut: (text) => void console.out.write(text), writeErr: ignore, outputError: ignore })
    .helpCommand("help [command]", "say what a command does and takes")
  function command(words: string, description: string): Command {
    return root.command(words).description(description)
  }
  command("keeper <dir>", "keep the store of a folder in the foreground, making it where there is none")
    .option("--no-wait", "end where another process keeps the store, instead of waiting for its turn")
    .action(async (dir: string, options: { readonly wait: boolean }) => {
      await runKeeper(console, dir, options)
    })
  command("inspect <dir>", "show who holds what, who waits for whom, what runs, and how large it is")
    .option("--json", "as JSON, on one line")
    .option("--watch", "a live view, drawn again when something changed; q ends it")
    .action(async (dir: string, { json = false, watch = false }: Partial<InspectOptions>) => {
      await inspect(console, dir, { json, watch })
    })
  command("doctor <dir>", "check everything a store has, and name what is wrong")
    .option("--repair", "with the store closed, repair what can be made again from the rest")
    .option("--evict", "end the process that keeps the store, where it is stopped or hangs")
    .option("--force", "with --evict, end it even where it answers")
    .option("--json", "as JSON, on one line")
    .action(async (dir: string, options: Partial<DoctorOptions>) => {
      const { repair = false, evict = false, force = false, json = false } = options
      exitCode = await examine(console, dir, { repair, evict, force, json })
    })
  command("backup <dir> <file>", "copy a store into one file, while it goes on").action(
    async (dir: string, file: string) => {
      await backUp(console, dir, file)
    },
  )
  command("restore <file> <dir>", "make a store of a backup, in an empty place").action(
    async (file: string, dir: string) => {
      await restore(console, file, dir)
    },
  )
  command("export <dir>", "print a store as lines of JSON").action(async (dir: string) => {
    await exportTo(console, dir)
  })
  command("import <dir>", "take an export from the standard input into a store that is closed")
    .option("--merge", "into one that holds something, too: newer versions win, and what is open stays")
    .action(async (dir: string, { merge = false }: { readonly merge?: boolean }) => {
      await importFrom(console, dir, { merge })
    })
  command("gc <dir>", "move the journal's log into the database, and make room")
    .option("--vacuum", "give the space of what is gone back; writers wait meanwhile")
    .option("--max-bytes <n>", "forget results that can be computed again until large values take at most so much")
    .action(async (dir: string, options: { readonly vacuum?: boolean; readonly maxBytes?: string }) => {
      const { vacuum = false, maxBytes = null } = options
      await collect(console, dir, { vacuum, maxBytes })
    })
  command("version", "print the version").action(async () => {
    await print(console.out, `${BUILD}\n`)
  })
  return {
    parseAsync: (words, options) => root.parseAsync(words, options),
    get exitCode() {
      return exitCode
    },
  }
}

function ignore(): void {
  // What is wrong is said once, in the form of every fault.
}
