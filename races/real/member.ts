/** A participant as its crew sees it: somebody to tell things, to hear of, and to kill or stop where it is a process. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { Report, Told } from "./order.ts"

const PARTICIPANT = new URL("participant.ts", import.meta.url)

export class Member {
  readonly #participant: ChildProcess | Worker
  readonly #heard: Report[] = []
  #listener: ((report: Report) => void) | null = null

  private constructor(participant: ChildProcess | Worker) {
    this.#participant = participant
    // Both are emitters, but of listeners of different types, which no one call takes.
    const emitter: NodeJS.EventEmitter = participant
    emitter.on("message", (report: Report) => {
      this.#hear(report)
    })
    emitter.on("exit", () => {
      this.#hear({ kind: "done", error: "a participant ended before it was done" })
    })
  }

  static async startProcess(this: void): Promise<Member> {
    const member = new Member(fork(fileURLToPath(PARTICIPANT), { execArgv: ["--import", "tsx"] }))
    await member.until("ready")
    return member
  }

  static async startThread(this: void): Promise<Member> {
    // Node 20 runs no module hooks of its parent in a thread: the thread registers them before it imports the program.
    const code = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(PARTICIPANT.href)}) })`
    const member = new Member(new Worker(code, { eval: true }))
    await member.until("ready")
    return member
  }

  tell(told: Told): void {
    if (this.#participant instanceof Worker) this.#participant.postMessage(told)
    else this.#participant.send(told)
  }

  /** Waits until it reports this. @throws Error when it was done before */
  async until(kind: Exclude<Report["kind"], "done">): Promise<void> {
    for (;;) {
      const report = await this.#next()
      if (report.kind === kind) return
      if (report.kind === "done")
        throw new Error(`expected a participant to report "${kind}"; ${report.error ?? "it was done before"}`)
    }
  }

  /** What went wrong until it was done, or null. */
  async untilDone(): Promise<string | null> {
    for (;;) {
      const report = await this.#next()
      if (report.kind === "done") return report.error
    }
  }

  /** Sends a signal to the process. @throws Error for a thread, which the system cannot kill or stop alone */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (this.#participant instanceof Worker) throw new Error(`expected a process to send ${signal} to, found a thread`)
    this.#participant.kill(signal)
  }

  async end(): Promise<void> {
    if (this.#participant instanceof Worker) {
      await this.#participant.terminate()
      return
    }
    const { exitCode, signalCode } = this.#participant
    if (exitCode !== null || signalCode !== null) return
    this.#participant.kill("SIGKILL")
    await once(this.#participant, "exit")
  }

  #hear(report: Report): void {
    const listener = this.#listener
    this.#listener = null
    if (listener === null) this.#heard.push(report)
    else listener(report)
  }

  async #next(): Promise<Report> {
    return this.#heard.shift() ?? (await new Promise<Report>((resolve) => (this.#listener = resolve)))
  }
}
