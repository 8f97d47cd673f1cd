import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { SuiteOrder, SuiteRun } from "./run-suites.ts"

/** A bug may also keep a test from ever yielding, which no bound inside the run can end. */
const RUN_BOUND_MS = 120_000

/** A process that runs suites for us, replaced when one of them never ends. */
export class Runner {
  readonly #root: string
  #child: ChildProcess | null = null

  /** `root` is the folder of the workspace. */
  constructor(root: string) {
    this.#root = root
  }

  async run(order: SuiteOrder): Promise<SuiteRun> {
    const child = this.#child ?? (await this.#start())
    child.send(order)
    return await new Promise((resolve) => {
      const settle = (run: SuiteRun): void => {
        clearTimeout(timer)
        child.off("message", settle)
        child.off("exit", giveUp)
        resolve(run)
      }
      const giveUp = (): void => {
        settle({ kind: "broken", why: "the process that ran the suites ended" })
      }
      const timer = setTimeout(() => {
        this.stop()
        settle({ kind: "broken", why: `the run did not end within ${String(RUN_BOUND_MS)} ms` })
      }, RUN_BOUND_MS)
      child.once("message", settle)
      child.once("exit", giveUp)
    })
  }

  stop(): void {
    this.#child?.kill("SIGKILL")
    this.#child = null
  }

  async #start(): Promise<ChildProcess> {
    const script = fileURLToPath(new URL("run-suites.ts", import.meta.url))
    const child = fork(script, {
      cwd: this.#root,
      execArgv: ["--import", "tsx"],
      // What suites print is theirs; what they complain about is not ours either: a planted bug makes them.
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    })
    this.#child = child
    // Whenever that is: the next run starts another.
    child.once("exit", () => {
      if (this.#child === child) this.#child = null
    })
    const ready = once(child, "message").then(() => true)
    const isReady = await Promise.race([ready, once(child, "exit").then(() => false)])
    if (!isReady) throw new Error(`the test runner did not start; run ${script} by hand to see why`)
    return child
  }
}
