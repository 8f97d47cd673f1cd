/** The words of the `holdfast` command: which commands there are, and what each takes. */
import { Command } from "commander"
import { BUILD } from "../stores/embedded/index.ts"
import { type Console, print } from "./console.ts"
import { inspect, type InspectOptions } from "./inspect.ts"
import { runKeeper } from "./keeper.ts"

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
  command("version", "print the version").action(async () => {
    await print(console.out, `${BUILD}\n`)
  })
  void exitCode
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
