/** A driven kernel over stored rows that can die: another one takes up its work from what was written. */
import type { ClaimView, Command, LiveChange, LiveRow, Outcome } from "../../src/kernel/index.ts"
import type { RestoredState, RunSpec, RunView, SessionId } from "../../src/kernel/index.ts"
import { Driver } from "./driver.ts"
import { Written } from "./written.ts"

export class RestartingDriver extends Driver {
  readonly written = new Written()

  constructor(sessions: readonly string[] = ["s1", "s2", "s3"]) {
    // Without sessions: what opening them needs is not there until this constructor is done.
    super([], { backed: true })
    for (const session of sessions) this.send({ kind: "openSession", session: session as SessionId, label: session })
  }

  protected override apply(command: Command): Outcome {
    let outcome = super.apply(command)
    while (outcome.kind === "need") {
      this.written.load(this.kernel, outcome)
      outcome = super.apply(command)
    }
    return outcome
  }

  /** The kernel dies, with all it had not said, and another takes up its work; no session is back yet. */
  restart(change?: (state: RestoredState) => RestoredState): void {
    this.events()
    this.written.take(this.kernel)
    this.kernel = this.written.successorOf(this.kernel, change)
    this.collect()
  }

  /** A restored session comes back. */
  comeBack(...sessions: readonly string[]): void {
    for (const session of sessions) this.kernel.sessionReturned(session as SessionId)
    this.collect()
    this.kernel.check()
  }

  takeClaim(session: string, worker: number): ClaimView {
    const outcome = this.take(session, worker)
    if (outcome.kind !== "claimed") throw new Error(`nothing to take: ${JSON.stringify(outcome)}`)
    return outcome.claim
  }

  /** What s2 sees of the run. */
  view({ identity }: RunSpec): RunView | null {
    const outcome = this.send({ kind: "readRun", session: "s2" as SessionId, identity })
    if (outcome.kind !== "run") throw new Error(`not read: ${JSON.stringify(outcome)}`)
    return outcome.view
  }

  /** Live rows written since the last call, by their keys; null where one was deleted. */
  liveChanges(): Readonly<Record<string, LiveRow | null>> {
    const changes: readonly LiveChange[] = this.kernel.takeLiveChanges()
    return Object.fromEntries(changes.map(({ key, row }) => [key, row]))
  }
}
