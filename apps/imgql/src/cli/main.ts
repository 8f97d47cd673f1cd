#!/usr/bin/env node
/** The `imgql` command. */
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism, totalmem } from "node:os"
import { Command, InvalidArgumentError, Option } from "commander"
import { parseProgram } from "../language/parser.ts"
import { printProgram } from "../language/print.ts"
import { formatProblem } from "../language/problem.ts"
import { formatSignature } from "../language/signature.ts"
import { programToJson } from "../language/syntax-json.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"
import { PHANTOM_SIZE, parseSize, writePhantom } from "./phantom-command.ts"
import { readProgram } from "./program-file.ts"
import { runProgram } from "./run-command.ts"

interface RunFlags {
  readonly store: string
  readonly cache: boolean
  readonly threads: number
  readonly maxMemory: number
  readonly read: readonly string[]
  readonly saveSyntax?: string
}

interface PhantomFlags {
  readonly size: readonly [number, number, number]
  readonly seed?: number
}

const DEFAULT_STORE = "file:.imgql"
/** Of the machine's memory, for images. */
const MEMORY_SHARE = 0.4

const program = new Command("imgql").description("Runs ImgQL programs on images; every expression is computed once.")

program
  .command("run")
  .argument("<file>", "an .imgql program")
  .option("--store <url>", "where results stay", DEFAULT_STORE)
  .option("--no-cache", "a store of this run's own, gone afterwards")
  .option("--threads <count>", "kernels at once", parseCount, availableParallelism())
  .option("--max-memory <bytes>", "for images, as in 512M or 8G", parseBytes, Math.floor(totalmem() * MEMORY_SHARE))
  .option("--read <folder>", "besides this one, where dir and load may look; any number of times", gather, [])
  .option("--save-syntax <file>", "the program as it was read: a tree for .json, else text in one form")
  .description("computes what a program prints and saves")
  .action(async (file: string, { store, cache, threads, maxMemory, read, saveSyntax }: RunFlags) => {
    if (saveSyntax !== undefined) writeSyntax(file, saveSyntax)
    const stopping = new AbortController()
    process.once("SIGINT", () => {
      stopping.abort(new Error("stopped; what was computed is kept"))
    })
    process.exitCode = await runProgram({
      file,
      store: cache ? store : null,
      threads,
      maxMemoryBytes: maxMemory,
      folder: process.cwd(),
      readFolders: read,
      signal: stopping.signal,
      print: (line) => void process.stdout.write(`${line}\n`),
      complain: (line) => void process.stderr.write(`${line}\n`),
    })
  })

program
  .command("check")
  .argument("<file>", "an .imgql program")
  .description("says what is wrong with a program, without running it")
  .action((file: string) => {
    const { checked } = readProgram(file, process.cwd())
    for (const problem of checked.problems) {
      process.stderr.write(`${formatProblem(problem, checked.sources.get(problem.file) ?? "")}\n`)
    }
    process.exitCode = checked.problems.length > 0 ? 2 : 0
  })

program
  .command("list-primitives")
  .argument("[namespace]", "only this one")
  .description("what programs are made of")
  .action((namespace?: string) => {
    for (const { signature } of PRIMITIVES) {
      if (namespace !== undefined && signature.namespace !== namespace) continue
      process.stdout.write(`${signature.namespace}.${formatSignature(signature)}\n`)
    }
  })

program
  .command("phantom")
  .argument("[folder]", "where to write it", "sample")
  .addOption(
    new Option("--size <voxels>", "along x, y and z")
      .argParser(parseVoxels)
      .default(PHANTOM_SIZE, PHANTOM_SIZE.join("x")),
  )
  .option("--seed <number>", "another head for another seed", parseCount)
  .description("writes a head with a lesion to try programs on, and the mask of the lesion")
  .action(async (folder: string, { size, seed }: PhantomFlags) => {
    await writePhantom({ folder, size, seed: seed ?? null, print: (line) => void process.stdout.write(`${line}\n`) })
  })

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`imgql: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function writeSyntax(file: string, target: string): void {
  const { program: tree } = parseProgram(readFileSync(file, "utf8"), file)
  writeFileSync(target, target.endsWith(".json") ? programToJson(tree) : printProgram(tree))
}

function gather(folder: string, before: readonly string[]): readonly string[] {
  return [...before, folder]
}

function parseCount(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 1) return count
  throw new InvalidArgumentError("It is a whole number from 1.")
}

function parseVoxels(text: string): readonly [number, number, number] {
  const size = parseSize(text)
  if (size !== null) return size
  throw new InvalidArgumentError("It is three whole numbers, as in 240x240x155.")
}

function parseBytes(text: string): number {
  const match = /^(\d+)([kmg]?)b?$/i.exec(text)
  const unit = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match?.[2]?.toLowerCase() ?? ""]
  const bytes = Number(match?.[1]) * (unit ?? Number.NaN)
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes
  throw new InvalidArgumentError("It is a number of bytes, as in 512M or 8G.")
}
