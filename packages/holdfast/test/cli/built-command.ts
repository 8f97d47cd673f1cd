/** The built `holdfast` command as real processes. */
import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { nextTurn } from "../../src/env/turn.ts"
import { parseStat } from "../../src/stores/embedded/folder/process-identity.ts"

/** What the package's `bin` names. */
export const PROGRAM: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))

export class BuiltCommand {
  readonly child: ChildProcess
  readonly #exit: Promise<number | string>
  #out = ""
  #err = ""
  #looks: (() => void)[] = []

  constructor(words: readonly string[]) {
    this.child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ["pipe", "pipe", "pipe"] })
    this.child.stdout?.on("data", (chunk: Buffer) => {
      this.#out += chunk.toString()
      for (const look of this.#looks.splice(0)) look()
    })
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.#err += chunk.toString()
    })
    // `close` comes when the output is complete, too.
    this.#exit = new Promise((resolve) => {
      this.child.on("close", (code, signal) => {
        for (const look of this.#looks.splice(0)) look()
        resolve(code ?? signal ?? "gone")
      })
    })
  }

  get out(): string {
    return this.#out
  }

  get err(): string {
    return this.#err
  }

  get pid(): number {
    return this.child.pid ?? -1
  }

  /** Its exit code, or the signal that ended it. */
  async exit(): Promise<number | string> {
    return await this.#exit
  }

  /** Resolves once its output holds the text. Fails where it ends without. */
  async printed(text: string): Promise<void> {
    while (!this.#out.includes(text)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`expected "${text}" of a process that ended with: ${this.#out}${this.#err}`)
      }
      await new Promise<void>((resolve) => {
        this.#looks.push(resolve)
      })
    }
  }

  /** Stops it. On a busy machine its threads run on for a moment, and no event tells when the last has stopped. */
  async freeze(): Promise<void> {
    this.child.kill("SIGSTOP")
    const tasks = `/proc/${String(this.pid)}/task`
    const isFrozen = (): boolean =>
      readdirSync(tasks).every((task) => parseStat(readFileSync(`${tasks}/${task}/stat`, "utf8"))?.state === "T")
    while (!isFrozen()) await nextTurn()
  }
}

/** Runs the command to its end. */
export async function runBuilt(
  words: readonly string[],
): Promise<{ exitCode: number | string; out: string; err: string }> {
  const command = new BuiltCommand(words)
  command.child.stdin?.end()
  const exitCode = await command.exit()
  return { exitCode, out: command.out, err: command.err }
}
