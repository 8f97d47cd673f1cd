/** What passes through a keeper, counted since it began: results asked for, and that anything changed at all. */
import type { Command, Outcome } from "../../../kernel/index.ts"
import type { ResultCounts } from "./admin.ts"

export class Traffic {
  #revision = 1
  #served = 0
  #joined = 0
  #computed = 0
  readonly #waiting = new Set<() => void>()

  /** Rises with every change. */
  get revision(): number {
    return this.#revision
  }

  get results(): ResultCounts {
    return { served: this.#served, joined: this.#joined, computed: this.#computed }
  }

  answered(command: Command, outcome: Outcome): void {
    if (command.kind !== "claimRun" && command.kind !== "peekRun") return
    if (outcome.kind === "settled") this.#served += 1
    else if (outcome.kind === "joined") this.#joined += 1
    else if (outcome.kind === "claimed") this.#computed += 1
  }

  changed(): void {
    this.#revision += 1
    if (this.#waiting.size > 0) for (const resolve of this.#waiting) resolve()
  }

  /** Resolves once the revision is another one, or the bound is over. */
  async whenChanged(since: number, bound: Promise<void>): Promise<void> {
    if (since !== this.#revision) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.#waiting.delete(end)
        resolve()
      }
      this.#waiting.add(end)
      void bound.then(end)
    })
  }
}
