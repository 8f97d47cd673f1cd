/** Starts the programs of {@link ./program-main.ts}, hears what they say, and ends them with the test. */
import { type ChildProcess, fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"
import type { ProgramOrder, ProgramReport } from "./program-main.ts"

type ReportOf<Kind extends ProgramReport["kind"]> = Extract<ProgramReport, { readonly kind: Kind }>

export class Program {
  readonly child: ChildProcess
  readonly #heard: ProgramReport[] = []
  #wake: () => void = () => {}

  constructor(name: string, address: string, execArgv: readonly string[] = []) {
    this.child = fork(fileURLToPath(new URL("./program-main.ts", import.meta.url)), [name, address], {
      execArgv: ["--import", import.meta.resolve("tsx"), ...execArgv],
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    })
    this.child.on("message", (report: ProgramReport) => {
      this.#heard.push(report)
      this.#wake()
    })
    onTestFinished(() => {
      this.child.kill("SIGKILL")
    })
  }

  static async start(name: string, address: string): Promise<Program> {
    const program = new Program(name, address)
    await program.next("ready")
    return program
  }

  tell(order: ProgramOrder): void {
    this.child.send(order)
  }

  /** The next report of a kind; others before it are passed over. */
  async next<Kind extends ProgramReport["kind"]>(kind: Kind): Promise<ReportOf<Kind>> {
    for (;;) {
      const report = this.#heard.shift()
      // The kind says which report it is.
      if (report?.kind === kind) return report as ReportOf<Kind>
      if (report !== undefined) continue
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** What was heard and not asked for yet. */
  takeAll(): readonly ProgramReport[] {
    return this.#heard.splice(0)
  }

  /** Its exit code, or the signal that ended it, and what it wrote. */
  async ended(): Promise<{ readonly code: number | string | null; readonly output: string }> {
    let output = ""
    this.child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString()
    })
    return await new Promise((resolve) => {
      this.child.once("close", (code, signal) => {
        resolve({ code: code ?? signal, output })
      })
    })
  }
}

/** The address of a store in a folder of its own, gone after the test. */
export function makeAddress(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-host-"))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return `file:${join(folder, "store")}`
}
