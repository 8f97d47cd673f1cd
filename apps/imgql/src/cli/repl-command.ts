/**
 * `imgql repl`: expressions evaluated as they are typed, one after the other.
 *
 *     waits for a line ──a line──▶ reads it ──unfinished──▶ waits for more
 *           ▲                        └──right──▶ evaluates ──done, failed or stopped by Ctrl-C──┐
 *           └──────────────────────────────────────────────────────────────────────────────────┘
 *
 * Without a terminal it has no prompt, and ends with 1 where anything that it was given was wrong or failed.
 */
import { createInterface, type Interface } from "node:readline"
import { setMaxListeners } from "node:events"
import { open } from "holdfast"
import { NO_OBSERVER } from "../engine/observer.ts"
import { Graph } from "../graph/graph.ts"
import { loadProgram } from "../graph/load.ts"
import type { CheckedProgram } from "../language/check.ts"
import { closest } from "../language/problem.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"
import { describeError } from "./command-error.ts"
import { type Console, Stopped } from "./console.ts"
import { execute } from "./execute.ts"
import { Notebook } from "./notebook.ts"
import { loaderIn, variablesOf } from "./program-file.ts"
import { nameOfNode } from "./profile.ts"
import { Progress } from "./progress.ts"
import { describeFailure, describeGoal, describeProblem } from "./report.ts"
import { runProgram } from "./run-command.ts"
import { openStore } from "./open-store.ts"
import { Tally } from "./tally.ts"

export interface ReplCommand {
  readonly store: string
  readonly threads: number
  readonly maxMemoryBytes: number
  readonly readFolders: readonly string[]
}

const COMMANDS: Readonly<Record<string, string>> = {
  ":help": "this",
  ":load FILE": "take over what a program defines, without running it",
  ":run FILE": "run a program, apart from what is defined here",
  ":show": "what is defined so far",
  ":reset": "forget it",
  ":quit": "end; so does Ctrl-D",
}

const PROMPT = "imgql> "
const MORE = "   ... "

/** 0, or 1 where something was wrong that no person was there to see. */
export async function runRepl(command: ReplCommand, console: Console): Promise<0 | 1> {
  // One without a name would be another one for every line.
  const store = command.store === "memory:" ? "memory:repl" : command.store
  const { folder } = console
  const isInFolder = store.startsWith("file:")
  // Held open meanwhile, so that what is evaluated one after the other finds it as it was.
  const kept = isInFolder ? await openStore({ url: store, folder, label: "imgql repl" }) : await open(store)
  try {
    return await new Repl({ ...command, store }, console).run()
  } finally {
    await kept.close()
  }
}

class Repl {
  readonly #command: ReplCommand
  readonly #console: Console
  readonly #notebook: Notebook
  readonly #lines: Interface
  readonly #isTerminal: boolean
  readonly #queue: string[] = []
  #wake: (() => void) | null = null
  #isOver = false
  #hasFailed = false
  /** What was typed and is no piece yet. */
  #unfinished = ""
  #evaluating: AbortController | null = null

  constructor(command: ReplCommand, console: Console) {
    this.#command = command
    this.#console = console
    this.#notebook = new Notebook(loaderIn(console.folder))
    this.#isTerminal = console.in.isTTY === true && console.out.isTTY === true
    this.#lines = createInterface({
      input: console.in,
      ...(this.#isTerminal ? { output: console.out } : {}),
      terminal: this.#isTerminal,
      prompt: PROMPT,
      completer: (line: string) => this.#complete(line),
    })
  }

  async run(): Promise<0 | 1> {
    const stopped = this.#console.untilStopped()
    const lines = this.#lines
    lines.on("line", (line) => {
      this.#queue.push(line)
      this.#wake?.()
    })
    lines.on("close", () => {
      this.#isOver = true
      this.#wake?.()
    })
    // On a terminal keys come here, and Ctrl-C is one; elsewhere it stops the process.
    lines.on("SIGINT", () => this.#interrupt())
    const end = (): void => {
      this.#evaluating?.abort(stopped.reason)
      lines.close()
    }
    stopped.addEventListener("abort", end, { once: true })
    if (this.#isTerminal) this.#say('imgql: ":help" says what there is')
    this.#prompt()
    for (let line = await this.#next(); line !== null && !stopped.aborted; line = await this.#next()) {
      await this.#take(line)
      this.#prompt()
    }
    // What ends unfinished is read as it is.
    if (this.#unfinished !== "" && !stopped.aborted) await this.#take("")
    stopped.removeEventListener("abort", end)
    lines.close()
    stopped.throwIfAborted()
    return this.#hasFailed && !this.#isTerminal ? 1 : 0
  }

  async #next(): Promise<string | null> {
    while (this.#queue.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#queue.shift() ?? null
  }

  #prompt(): void {
    if (!this.#isTerminal || this.#isOver) return
    this.#lines.setPrompt(this.#unfinished === "" ? PROMPT : MORE)
    this.#lines.prompt()
  }

  #interrupt(): void {
    if (this.#evaluating !== null) {
      this.#evaluating.abort(new Stopped("SIGINT"))
      return
    }
    this.#unfinished = ""
    this.#console.out.write("\n")
    this.#lines.write(null, { ctrl: true, name: "u" })
    this.#prompt()
  }

  async #take(line: string): Promise<void> {
    const isFirst = this.#unfinished === ""
    if (isFirst && line.trim() === "") return
    if (isFirst && line.trimStart().startsWith(":")) {
      await this.#obey(line.trim())
      return
    }
    const text = isFirst ? line : `${this.#unfinished}\n${line}`
    const piece = this.#notebook.add(text)
    if (piece.kind === "unfinished" && line.trim() !== "") {
      this.#unfinished = text
      return
    }
    this.#unfinished = ""
    switch (piece.kind) {
      case "unfinished":
        this.#fail("imgql: this is no whole expression or definition; type it again")
        return
      case "wrong":
        for (const problem of piece.problems) this.#fail(describeProblem(problem, piece.sources))
        return
      case "right":
        await this.#evaluate(piece.checked)
    }
  }

  async #evaluate(checked: CheckedProgram): Promise<void> {
    const { folder } = this.#console
    const graph = new Graph()
    const programVariables = variablesOf("repl", folder)
    const goals = loadProgram(graph, checked, { primitives: PRIMITIVES, programVariables })
    if (goals.length === 0) return
    const tally = new Tally({ now: () => performance.now(), nameOf: (node) => nameOfNode(graph, node) })
    const progress = this.#progress(tally)
    await this.#stoppable(async (signal) => {
      progress.start()
      try {
        await execute({
          graph,
          goals,
          ...this.#command,
          isFresh: false,
          folder,
          label: "imgql repl",
          signal,
          observer: {
            ...NO_OBSERVER,
            line: (line) => progress.around(() => this.#say(line)),
            goal: (outcome) =>
              progress.around(() => {
                if (outcome.kind === "failed") this.#fail(describeFailure(outcome, checked.sources))
                else this.#say(describeGoal(outcome))
              }),
            share: (change) => tally.share(change),
            operation: (event) => tally.operation(event),
          },
        })
      } finally {
        progress.close()
      }
    })
  }

  #progress(tally: Tally): Progress {
    const { err } = this.#console
    return new Progress({ style: this.#isTerminal ? "auto" : "off", err, tally })
  }

  /** Does something that Ctrl-C stops, and the repl goes on. */
  async #stoppable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const evaluating = new AbortController()
    setMaxListeners(0, evaluating.signal)
    this.#evaluating = evaluating
    try {
      await work(evaluating.signal)
    } catch (error) {
      this.#fail(error instanceof Stopped ? "stopped" : describeError(error))
    } finally {
      this.#evaluating = null
    }
  }

  async #obey(line: string): Promise<void> {
    const [word = "", ...rest] = line.split(/\s+/)
    const file = rest.join(" ")
    switch (word) {
      case ":help":
        for (const [name, what] of Object.entries(COMMANDS)) this.#say(`${name.padEnd(12)} ${what}`)
        return
      case ":show":
        this.#console.out.write(this.#notebook.text)
        return
      case ":reset":
        this.#notebook.clear()
        return
      case ":quit":
        this.#isOver = true
        this.#queue.length = 0
        return
      case ":load":
        await this.#take(`import "${/[./]/.test(file) ? file : `./${file}`}"`)
        return
      case ":run":
        await this.#run(file)
        return
      default: {
        const words = Object.keys(COMMANDS).map((name) => name.split(" ")[0] ?? "")
        const guess = closest(word, words)
        this.#fail(
          `imgql: there is no ${word}${guess === null ? '; ":help" says what there is' : `; did you mean ${guess}?`}`,
        )
      }
    }
  }

  async #run(file: string): Promise<void> {
    await this.#stoppable(async (signal) => {
      const running = runProgram(
        {
          ...this.#command,
          file,
          ahead: null,
          isFresh: false,
          isExecuted: true,
          isJson: false,
          progress: this.#isTerminal ? "auto" : "off",
          profile: null,
          taskGraph: null,
          syntax: null,
        },
        { ...this.#console, untilStopped: () => signal },
      )
      // That it was stopped it says itself.
      const code = await running.catch(ignoreStop)
      if (code !== 0) this.#hasFailed = true
    })
  }

  #complete(line: string): [string[], string] {
    const word = /:?[\w$.]*$/.exec(line)?.[0] ?? ""
    const names = word.startsWith(":")
      ? Object.keys(COMMANDS).map((name) => name.split(" ")[0] ?? "")
      : this.#notebook.names()
    return [names.filter((name) => name.startsWith(word)), word]
  }

  #say(line: string): void {
    this.#console.out.write(`${line}\n`)
  }

  #fail(line: string): void {
    this.#hasFailed = true
    this.#console.err.write(`${line}\n`)
  }
}

function ignoreStop(error: unknown): null {
  if (error instanceof Stopped) return null
  throw error
}
