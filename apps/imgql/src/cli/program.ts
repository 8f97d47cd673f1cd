/** The words of the `imgql` command: which commands there are, and what each takes. */
import { resolve } from "node:path"
import { Command, CommanderError, Option } from "commander"
import { CommandError } from "./command-error.ts"
import type { Console } from "./console.ts"
import {
  type Budget,
  DEFAULT_MEMORY_BYTES,
  DEFAULT_THREADS,
  parseBudget,
  parseBytes,
  parseCount,
  parseGraphFile,
  parseSize,
  parseThreads,
  parseWindow,
  PHANTOM_SIZE,
} from "./flags.ts"
import type { StoreAhead } from "./open-store.ts"
import type { ProgressStyle } from "./progress.ts"
import { checkStore, defaultStore } from "./store-place.ts"
import { VERSION } from "./version.ts"

interface RunFlags {
  readonly store: string
  readonly cache: boolean
  readonly fresh?: boolean
  readonly execute: boolean
  readonly threads: number
  readonly maxMemory: number
  readonly read: readonly string[]
  readonly maxCache?: Budget
  readonly json?: boolean
  readonly progress: ProgressStyle
  readonly profile?: string
  readonly saveTaskGraph?: string
  readonly saveSyntax?: string
}

interface ViewFlags {
  readonly output?: string
  readonly mask?: string
  readonly slices?: number
  readonly window?: { readonly low: number; readonly high: number }
  readonly size?: number
}

interface PhantomFlags {
  readonly size: readonly [number, number, number]
  readonly seed?: number
}

/** What the process is to end with, once the command is over. */
interface Outcome {
  code: number
}

/** Runs the command that the words name, and answers with what the process is to end with. */
export async function runCommand(words: readonly string[], console: Console): Promise<number> {
  const root = new Command("imgql")
  const outcome: Outcome = { code: 0 }
  root
    .description("Runs ImgQL programs on images; every expression is computed once.")
    .version(VERSION, "-V, --version", "print the version")
    .helpCommand("help [command]", "say what a command does and takes")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void console.out.write(text),
      writeErr: (text) => void console.err.write(text),
      // What is wrong is said once, in the form of every error.
      outputError: ignore,
    })
    .addHelpText("after", ROOT_HELP)
  addRun(root, console, outcome)
  addReading(root, console, outcome)
  addRepl(root, console, outcome)
  addView(root, console)
  addPhantom(root, console)
  addCache(root, console)
  root
    .command("version")
    .description("print the version")
    .action(() => void console.out.write(`imgql ${VERSION}\n`))
  const [first, second] = words
  // Else the help of all would be shown for it.
  if (first === "help" && second !== undefined && !root.commands.some((command) => command.name() === second)) {
    throw new CommandError("E_USAGE", `there is no command ${JSON.stringify(second)}; imgql help lists those there are`)
  }
  try {
    await root.parseAsync([...words], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    // The help was shown where a command was to be named.
    if (error.code === "commander.help") return 2
    throw new CommandError("E_USAGE", error.message.replace(/^error: /, "").replaceAll("\n", " "))
  }
  return outcome.code
}

function addRun(root: Command, console: Console, outcome: Outcome): void {
  root
    .command("run")
    .description("compute what a program prints and saves")
    .argument("<file>", "an .imgql program")
    .addOption(storeOption(console))
    .option("--fresh", "forget what the store has of this program, and compute it anew")
    .option("--no-cache", "store nothing: results are gone with the run")
    .addOption(
      new Option(
        "--max-cache <size>",
        "what the store may keep of images, as in 20G, or none; it is remembered",
      ).argParser(parseBudget),
    )
    .addOption(threadsOption())
    .addOption(memoryOption())
    .addOption(readOption())
    .option("--json", "print one JSON document and nothing else")
    .addOption(
      new Option("--progress <style>", "how far it is, on stderr")
        .choices(["auto", "live", "plain", "off"])
        .default("auto", "auto: live on a terminal, else a line now and then"),
    )
    .option("--profile <file>", "where the time went, as a trace for ui.perfetto.dev or speedscope.app")
    .addOption(
      new Option("--save-task-graph <file>", "the operations and what they share, as .dot or .json").argParser(
        parseGraphFile,
      ),
    )
    .option("--save-syntax <file>", "the program as it was read: a tree for .json, else text in one form")
    .option("--no-execute", "check and save what is asked for, and run nothing")
    .addHelpText("after", RUN_HELP)
    .action(async (file: string, flags: RunFlags) => {
      checkStore(flags.store)
      const ahead = await openAhead(file, flags, console.folder)
      const { runProgram } = await import("./run-command.ts")
      outcome.code = await runProgram(
        {
          file,
          store: flags.cache ? flags.store : null,
          ahead,
          maxCacheBytes: flags.maxCache?.bytes,
          isFresh: flags.fresh === true,
          isExecuted: flags.execute,
          threads: flags.threads,
          maxMemoryBytes: flags.maxMemory,
          readFolders: flags.read,
          isJson: flags.json === true,
          progress: flags.progress,
          profile: flags.profile ?? null,
          taskGraph: flags.saveTaskGraph ?? null,
          syntax: flags.saveSyntax ?? null,
        },
        console,
      )
    })
}

/** Begins to open the store of a run, where it has one that stays. */
async function openAhead(file: string, flags: RunFlags, folder: string): Promise<StoreAhead | null> {
  if (!flags.execute || !flags.cache) return null
  const { labelOf, StoreAhead } = await import("./open-store.ts")
  return StoreAhead.open({ url: flags.store, folder, label: labelOf(file), maxCacheBytes: flags.maxCache?.bytes })
}

/** What looks at programs and runs nothing. */
function addReading(root: Command, console: Console, outcome: Outcome): void {
  root
    .command("check")
    .description("say what is wrong with a program, without running it")
    .argument("<file>", "an .imgql program")
    .action(async (file: string) => {
      const { checkProgramFile } = await import("./check-command.ts")
      outcome.code = checkProgramFile(file, console)
    })

  root
    .command("list-primitives")
    .description("list what programs are made of")
    .argument("[namespace]", "only this one")
    .action(async (namespace?: string) => {
      const { listPrimitives } = await import("./list-command.ts")
      listPrimitives(namespace ?? null, console)
    })
}

function addRepl(root: Command, console: Console, outcome: Outcome): void {
  root
    .command("repl")
    .description("evaluate expressions as you type them")
    .addOption(storeOption(console))
    .addOption(threadsOption())
    .addOption(memoryOption())
    .addOption(readOption())
    .addHelpText("after", REPL_HELP)
    .action(async ({ store, threads, maxMemory, read }: Pick<RunFlags, "store" | "threads" | "maxMemory" | "read">) => {
      checkStore(store)
      const { runRepl } = await import("./repl-command.ts")
      outcome.code = await runRepl({ store, threads, maxMemoryBytes: maxMemory, readFolders: read }, console)
    })
}

function addView(root: Command, console: Console): void {
  root
    .command("view")
    .description("make a PNG of an image file: its middle slices, or many")
    .argument("<file>", "an image, as save writes them")
    .option("-o, --output <file>", "the picture (default: the file's name with .png behind it, in this folder)")
    .option("--mask <file>", "a mask of the same size, laid over it in color")
    .addOption(new Option("--slices <count>", "so many slices from bottom to top").argParser(parseCount))
    .addOption(new Option("--window <low,high>", "what is black and what is white").argParser(parseWindow))
    .addOption(new Option("--size <pixels>", "the longer side of a slice").argParser(parseCount))
    .addHelpText("after", VIEW_HELP)
    .action(async (file: string, { output, mask, slices, window, size }: ViewFlags) => {
      const { viewImage } = await import("./view-command.ts")
      await viewImage(
        {
          file,
          output: output ?? null,
          mask: mask ?? null,
          slices: slices ?? null,
          window: window ?? null,
          pixels: size ?? null,
        },
        console,
      )
    })
}

function addPhantom(root: Command, console: Console): void {
  root
    .command("phantom")
    .description("write a head with a lesion to try programs on, and the mask of the lesion")
    .argument("[folder]", "where to write it", "sample")
    .addOption(
      new Option("--size <voxels>", "along x, y and z, as in 240x240x155")
        .argParser(parseSize)
        .default(PHANTOM_SIZE, PHANTOM_SIZE.join("x")),
    )
    .addOption(new Option("--seed <number>", "another head for another seed").argParser(parseCount))
    .action(async (folder: string, { size, seed }: PhantomFlags) => {
      const { writePhantom } = await import("./phantom-command.ts")
      const print = (line: string): void => void console.out.write(`${line}\n`)
      await writePhantom({ folder: resolve(console.folder, folder), size, seed: seed ?? null, print })
    })
}

function addCache(root: Command, console: Console): void {
  const cache = root
    .command("cache")
    .description("look at what a store has, or forget it")
    .addHelpText("after", CACHE_HELP)
  cache
    .command("info")
    .description("how many results there are, of what, and how much room they take")
    .addOption(storeOption(console))
    .option("--json", "as JSON, on one line")
    .action(async ({ store, json }: Pick<RunFlags, "store" | "json">) => {
      checkStore(store)
      const { showCache } = await import("./cache-command.ts")
      await showCache({ store, isJson: json === true }, console)
    })
  cache
    .command("clear")
    .description("forget every result; programs that run meanwhile compute theirs again")
    .addOption(storeOption(console))
    .option("-y, --yes", "do not ask")
    .action(async ({ store, yes }: { readonly store: string; readonly yes?: boolean }) => {
      checkStore(store)
      const { clearCache } = await import("./cache-command.ts")
      await clearCache({ store, isConfirmed: yes === true }, console)
    })
}

function storeOption({ env }: Console): Option {
  return new Option("--store <url>", "where results stay: file:FOLDER, memory: or memory:NAME")
    .env("IMGQL_STORE")
    .default(defaultStore(env))
}

function threadsOption(): Option {
  return new Option("--threads <count>", "kernels at once").argParser(parseThreads).default(DEFAULT_THREADS)
}

function readOption(): Option {
  return new Option("--read <folder>", "besides this one, where dir and load may look; any number of times")
    .argParser(gather)
    .default([], "none")
}

function gather(folder: string, before: readonly string[]): readonly string[] {
  return [...before, folder]
}

function memoryOption(): Option {
  return new Option("--max-memory <size>", "for images, as in 512M or 8G")
    .argParser(parseBytes)
    .default(DEFAULT_MEMORY_BYTES, "40 % of the machine's")
}

const ROOT_HELP = `
Examples:
  imgql run program.imgql            compute what it prints and saves; again, and nothing is computed
  imgql check program.imgql          find mistakes without running it
  imgql view brain.nii.gz            make a picture of a result
  imgql repl                         try expressions one by one

"imgql help run" says what run takes.`

const RUN_HELP = `
Examples:
  imgql run sweep.imgql --threads 4 --max-memory 2G
  imgql run sweep.imgql --json | jq '.goals[] | {label, value}'
  imgql run sweep.imgql --profile trace.json
  imgql run sweep.imgql --save-task-graph graph.dot --no-execute && dot -Tsvg graph.dot > graph.svg

It ends with 0 where every goal was reached, 1 where one failed, 2 where the program or these words are not right, and
130 where it was stopped with Ctrl-C: what is done stays done, and the same command goes on from there.`

const REPL_HELP = `
":help" says what there is beside expressions and definitions. Ctrl-C stops what is computed, Ctrl-D ends.`

const VIEW_HELP = `
Examples:
  imgql view head.nii.gz
  imgql view head.nii.gz --mask lesion.nii.gz --slices 20 -o lesion.png`

const CACHE_HELP = `
Examples:
  imgql cache info
  imgql cache clear --yes`

function ignore(): void {
  // See above.
}
