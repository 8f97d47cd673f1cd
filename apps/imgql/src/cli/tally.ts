/** How far a run is: counted from what it tells of itself, and told in one line. */
import type { OperationEvent, ShareChange } from "../engine/observer.ts"
import type { Handle } from "../graph/graph.ts"
import { Work } from "./work.ts"

/** Before this, how long the rest takes is anybody's guess. */
const GUESS_AFTER_MS = 2_000
const GUESS_AFTER_SHARE = 0.02

export interface TallyOptions {
  readonly now: () => number
  /** What a node applies: operations of one name cost about the same. */
  readonly nameOf: (node: Handle) => string
}

export class Tally {
  readonly #options: TallyOptions
  readonly #startedMs: number
  readonly #work: Work
  readonly #running = new Set<string>()
  #wanted = 0
  #ran = 0
  #joined = 0
  #stored = 0
  #shared = 0
  #failed = 0
  #begun = 0
  #share = 0

  constructor(options: TallyOptions) {
    this.#options = options
    this.#startedMs = options.now()
    this.#work = new Work(this.#startedMs)
  }

  operation({ stage, id, node }: OperationEvent): void {
    const { now, nameOf } = this.#options
    this.#work.tell(stage, id, nameOf(node), now())
    switch (stage) {
      case "wanted":
        this.#wanted += 1
        return
      case "stored":
        this.#stored += 1
        return
      case "joined":
        this.#joined += 1
        return
      case "shared":
        this.#shared += 1
        return
      case "failed":
        this.#failed += 1
        return
      case "started":
        this.#running.add(id)
        return
      case "ran":
        this.#ran += 1
        this.#running.delete(id)
        return
      case "stopped":
        this.#running.delete(id)
    }
  }

  share({ begun, done }: ShareChange): void {
    this.#begun += begun
    this.#share += done
  }

  /** Operations that have a result. */
  get done(): number {
    return this.#ran + this.#joined + this.#stored
  }

  get failed(): number {
    return this.#failed
  }

  /** Operations that were asked for so far. */
  get known(): number {
    return Math.max(this.#wanted, this.done + this.#failed)
  }

  /** `34%  80 ran, 10 joined, 30 cached, 70 shared, 4 running, 56 waiting, 6.2 s, about 12 s left`. */
  describe(): string {
    const nowMs = this.#options.now()
    const waiting = this.known - this.done - this.#failed - this.#running.size
    const counts: readonly (readonly [number, string])[] = [
      [this.#ran, "ran"],
      [this.#joined, "joined"],
      [this.#stored, "cached"],
      [this.#shared, "shared"],
      [this.#failed, "failed"],
      [this.#running.size, "running"],
      [waiting, "waiting"],
    ]
    const shown = counts.filter(([count]) => count > 0).map(([count, what]) => `${String(count)} ${what}`)
    const elapsedMs = nowMs - this.#startedMs
    const work = this.#work.measure(nowMs)
    const reached = this.#reached(work)
    const leftMs = this.#leftMs(work) ?? (elapsedMs * (1 - reached)) / reached
    const isGuessed = elapsedMs >= GUESS_AFTER_MS && reached >= GUESS_AFTER_SHARE && reached < 1
    const left = isGuessed ? [`about ${formatDuration(leftMs)} left`] : []
    const parts = [...shown, formatDuration(elapsedMs), ...left]
    return `${String(Math.floor(100 * reached + 1e-9)).padStart(3)}%  ${parts.join(", ")}`
  }

  /** What is done, and of what has been begun as much as of its work, or else of its operations. From 0 to 1. */
  #reached(work: Measured): number {
    const known = Math.max(1, this.known)
    const part = work === null ? (this.done + this.#failed) / known : work.doneMs / (work.doneMs + work.leftMs)
    const open = Math.max(0, this.#begun - this.#share)
    return Math.min(1, this.#share + open * part)
  }

  /** The work that is left, and as much again for what has not been begun. What others have computed is no work. */
  #leftMs(work: Measured): number | null {
    if (work === null || this.#begun <= 0) return null
    const unbegun = Math.max(0, 1 - this.#begun) / this.#begun
    return work.leftMs + unbegun * (work.doneMs + work.leftMs)
  }
}

type Measured = ReturnType<Work["measure"]>

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${String(whole)} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${String(minutes)} min ${String(whole % 60)} s`
  return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`
}
